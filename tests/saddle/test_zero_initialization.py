"""The networks of the report with all initial weights zero: only the last bias can change."""

import numpy as np
import pytest

from fmnist_lab.runs.run import train


@pytest.mark.parametrize("init", [("model.init=zeros",), ("model.init=normal", "model.init_std=0")], ids=" ".join)
@pytest.mark.parametrize("model", ["custom", "torch"])
def test_only_the_last_bias_moves(small, model, init):
    *hidden, (weight, bias) = train(small(f"model={model}", *init, "lr=0.1")).weights()
    assert not any(array.any() for pair in hidden for array in pair)
    assert not weight.any()
    assert bias.any()


def test_smaller_initial_weights_stay_on_the_plateau_for_longer(small):
    """The mean loss of the first epoch is the initial loss as long as the plateau lasts."""
    scales = (0.001, 0.01, 0.1)
    runs = [train(small("model.init=normal", f"model.init_std={scale}", "lr=0.1")) for scale in scales]
    losses = [run.history()[0]["train_loss"] for run in runs]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == pytest.approx(np.log(10), abs=0.01)
