"""From the same initial weights, both models go the same way: one whole epoch on the real data."""

import numpy as np
import pytest

from fmnist_lab.compose import compose
from fmnist_lab.runs import run
from fmnist_lab.training import evaluate, fit, predict

OPTIMIZERS = {
    "sgd": ("optimizer=sgd", "lr=0.05"),
    "momentum": ("optimizer=sgd", "optimizer.momentum=0.9", "lr=0.01"),
    "nesterov": ("optimizer=sgd", "optimizer.momentum=0.9", "optimizer.nesterov=true", "lr=0.01"),
    "adam": ("optimizer=adam", "lr=0.001"),
}
DEPTHS = {1: "[12]", 2: "[12,8]", 3: "[12,8,8]", 4: "[12,8,8,8]"}


def one_epoch(model, *overrides):
    """Return validation logits and accuracy after an epoch from Glorot's initialisation."""
    config = run.bind_to_machine(compose(f"model={model}", "model.init=glorot_uniform", "epochs=1", *overrides))
    with run.compute_threads(config):
        network = run.initialize(config)
        train, validation, _ = run.feed_all(network, run.load_data(config))
        order = run.generator(config.seed, "order")
        fit(network, train, validation, epochs=1, batch_size=config.batch_size, order=order)
        return predict(network, validation), evaluate(network, validation)[1]


def distance(ours, theirs):
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


@pytest.mark.promise
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "identity"])
@pytest.mark.parametrize(
    "depth", [depth if depth == 2 else pytest.param(depth, marks=pytest.mark.slow) for depth in DEPTHS]
)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_float64_paths_are_the_same(optimizer, depth, activation):
    settings = (*OPTIMIZERS[optimizer], f"architecture.hidden={DEPTHS[depth]}", f"architecture.activation={activation}")
    (ours, _), (theirs, _) = (one_epoch(model, "dtype=float64", *settings) for model in ("custom", "torch"))
    assert distance(ours, theirs) <= 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
@pytest.mark.parametrize(
    "settings",
    [
        ("architecture.biases=false",),
        ("optimizer.weight_decay=0.01", "optimizer.decay_biases=false"),
        ("optimizer.weight_decay=0.01", "optimizer.decay_biases=true"),
        ("data.scaling=standard_global",),
        ("data.scaling=raw", "lr=0.00001"),
    ],
    ids=lambda settings: " ".join(settings),
)
def test_float64_paths_are_the_same_in_textbook_settings(optimizer, settings):
    fixed = ("dtype=float64", "architecture.hidden=[12,8]", "data.validation=54000", "data.split=last")
    given = {override.partition("=")[0]: override for override in (*OPTIMIZERS[optimizer], *settings)}
    (ours, _), (theirs, _) = (one_epoch(model, *fixed, *given.values()) for model in ("custom", "torch"))
    assert distance(ours, theirs) <= 1e-10


@pytest.mark.promise
def test_absent_biases_stay_zero_and_decay_of_biases_can_be_switched_off():
    def trained(*overrides):
        config = run.bind_to_machine(
            compose("epochs=1", "lr=0.1", "data.validation=59000", "data.split=last", *overrides)
        )
        network = run.initialize(config)
        train, validation, _ = run.feed_all(network, run.load_data(config))
        fit(network, train, validation, epochs=1, batch_size=100, order=None)
        return network.weights()

    for model in ("custom", "torch"):
        assert not any(bias.any() for _, bias in trained(f"model={model}", "architecture.biases=false"))
        decayed, spared = (
            trained(f"model={model}", "optimizer.weight_decay=0.5", f"optimizer.decay_biases={decay}")
            for decay in ("true", "false")
        )
        assert np.linalg.norm(decayed[0][1]) < np.linalg.norm(spared[0][1])


@pytest.mark.promise
def test_float64_paths_are_the_same_at_full_size():
    (ours, _), (theirs, _) = (one_epoch(model, "dtype=float64", "lr=0.05") for model in ("custom", "torch"))
    assert distance(ours, theirs) <= 1e-10


@pytest.mark.promise
def test_float32_paths_stay_together_at_a_tame_rate():
    (ours, our_accuracy), (theirs, their_accuracy) = (one_epoch(model) for model in ("custom", "torch"))
    assert distance(ours, theirs) <= 1e-3
    assert abs(our_accuracy - their_accuracy) <= 0.002
