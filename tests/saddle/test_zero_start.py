"""The report's own networks, started at exactly zero: only the last bias can move."""

import numpy as np
import pytest

from fmnist_lab.runs.run import train


@pytest.mark.parametrize("start", [("model.init=zeros",), ("model.init=normal", "model.init_std=0")], ids=" ".join)
@pytest.mark.parametrize("model", ["custom", "torch"])
def test_only_the_last_bias_moves(small, model, start):
    *hidden, (weight, bias) = train(small(f"model={model}", *start, "lr=0.1")).weights()
    assert not any(array.any() for pair in hidden for array in pair)
    assert not weight.any()
    assert bias.any()


def test_a_small_start_waits_longer(small):
    """The mean loss of the first epoch, at its starting value while the plateau lasts."""
    scales = (0.001, 0.01, 0.1)
    runs = [train(small("model.init=normal", f"model.init_std={scale}", "lr=0.1")) for scale in scales]
    losses = [run.history()[0]["train_loss"] for run in runs]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] == pytest.approx(np.log(10), abs=0.01)
