"""Settings of textbooks, each compared with an independent PyTorch script of twenty lines: the same distribution.

Both sides draw their own initial weights and orders, so they agree in distribution only. Seeds are fixed: the outcome
is the same every time. Printed with -s: the means of both sides, their difference and its interval.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from fmnist_lab.compose import compose
from fmnist_lab.data import map_arrays, prepare, source_of
from fmnist_lab.runs import run
from support.independent_training import train as train_independently

IMAGES = 6000  # real training images of a run, unless a setting takes others
SEEDS = 10
ALPHA = 0.001  # of each of some 160 tests, all with fixed seeds
USUAL = ("architecture.hidden=[32]", "lr=0.05", "epochs=2", f"data.validation={60_000 - IMAGES}", "data.split=last")
Initialization = Callable[[nn.Linear], None]
METRICS = {"test_accuracy": 0.06, "train_loss": 0.2}  # and the difference that must not go unnoticed


def as_linear(layer: nn.Linear) -> None:
    """Leave the weights as PyTorch draws them."""


def drawn(weight: Callable[[Tensor], Any], bias: Callable[[Tensor], Any] = nn.init.zeros_) -> Initialization:
    def initialize(layer: nn.Linear) -> None:
        weight(layer.weight)
        if layer.bias is not None:
            bias(layer.bias)

    return initialize


def normal(std: float) -> Callable[[Tensor], Any]:
    return lambda tensor: nn.init.normal_(tensor, std=std)


GLOROT = drawn(nn.init.xavier_uniform_)


def sgd(lr: float = 0.05, **more: Any) -> Callable[[nn.Module], torch.optim.Optimizer]:
    return lambda network: torch.optim.SGD(network.parameters(), lr=lr, **more)


def adam(lr: float, **more: Any) -> Callable[[nn.Module], torch.optim.Optimizer]:
    return lambda network: torch.optim.Adam(network.parameters(), lr=lr, **more)


def decaying_weights(network: nn.Module) -> torch.optim.Optimizer:
    linears = [layer for layer in network if isinstance(layer, nn.Linear)]
    weights = {"params": [layer.weight for layer in linears], "weight_decay": 0.05}
    return torch.optim.SGD([weights, {"params": [layer.bias for layer in linears]}], lr=0.05)


def standard(x: Tensor, train: Tensor) -> Tensor:
    deviation = train.std(0, unbiased=False)
    return (x - train.mean(0)) / torch.where(deviation == 0, 1, deviation)


@dataclass(frozen=True)
class Setting:
    """The settings of the lab, and what the independent script does in their place."""

    overrides: tuple[str, ...]
    hidden: Sequence[int] = (32,)
    initialize: Callable[[nn.Linear], None] = GLOROT
    update: Callable[[nn.Module], torch.optim.Optimizer] = field(default_factory=sgd)
    activation: type[nn.Module] = nn.ReLU
    biases: bool = True
    batch: int = 128
    epochs: int = 2
    shuffle: bool = True
    scale: Callable[[Tensor, Tensor], Tensor] = lambda x, train: x / 127.5 - 1
    rows: Callable[[np.random.Generator], Any] = lambda rng: np.arange(IMAGES)


INIT = "model.init="
SETTINGS = {
    # the initialisation
    "normal": Setting((INIT + "normal", "model.init_std=0.05"), initialize=drawn(normal(0.05))),
    "normal with biases": Setting(
        (INIT + "normal", "model.init_std=0.2", "model.init_bias=same", "lr=0.01"),
        initialize=drawn(normal(0.2), normal(0.2)),
        update=sgd(0.01),
    ),
    "glorot_normal": Setting((INIT + "glorot_normal",), initialize=drawn(nn.init.xavier_normal_)),
    "he_uniform": Setting((INIT + "he_uniform",), initialize=drawn(nn.init.kaiming_uniform_)),
    "lecun_normal": Setting(
        (INIT + "lecun_normal", "architecture.activation=tanh"),
        initialize=drawn(lambda w: nn.init.kaiming_normal_(w, nonlinearity="linear")),
        activation=nn.Tanh,
    ),
    # the architecture
    "three layers": Setting(
        ("architecture=three_layer", "architecture.hidden=[64,32,16]", INIT + "torch_linear", "lr=0.1", "epochs=6"),
        hidden=(64, 32, 16),
        initialize=as_linear,
        update=sgd(0.1),
        epochs=6,
    ),
    "no biases": Setting((INIT + "torch_linear", "architecture.biases=false"), initialize=as_linear, biases=False),
    "tanh": Setting(
        ("architecture.hidden=[40,20]", "architecture.activation=tanh"), hidden=(40, 20), activation=nn.Tanh
    ),
    "sigmoid": Setting(
        ("architecture.hidden=[50]", "architecture.activation=sigmoid", "lr=0.3"),
        hidden=(50,),
        activation=nn.Sigmoid,
        update=sgd(0.3),
    ),
    "linear": Setting(
        ("architecture.hidden=[16,16]", "architecture.activation=identity", "lr=0.01"),
        hidden=(16, 16),
        activation=nn.Identity,
        update=sgd(0.01),
    ),
    # the optimiser
    "adam, batches of 25": Setting(("optimizer=adam", "lr=0.001", "batch_size=25"), update=adam(0.001), batch=25),
    "adam, other constants": Setting(
        ("optimizer=adam", "optimizer.betas=[0.8,0.95]", "optimizer.eps=1e-4", "lr=0.003", "batch_size=512"),
        update=adam(0.003, betas=(0.8, 0.95), eps=1e-4),
        batch=512,
    ),
    "nesterov": Setting(
        ("optimizer.momentum=0.9", "optimizer.nesterov=true", "lr=0.003"),
        update=sgd(0.003, momentum=0.9, nesterov=True),
    ),
    "weights alone decay": Setting(
        ("optimizer.weight_decay=0.05", "optimizer.decay_biases=false"), update=decaying_weights
    ),
    "adam with decay": Setting(
        ("optimizer=adam", "optimizer.weight_decay=0.01", "lr=0.001", "batch_size=64"),
        update=adam(0.001, weight_decay=0.01),
        batch=64,
    ),
    # the data
    "unit, in order": Setting(
        ("data.scaling=unit", "data.shuffle=false", "batch_size=64"),
        scale=lambda x, train: x / 255,
        shuffle=False,
        batch=64,
    ),
    "standard": Setting(("data.scaling=standard", "lr=0.02"), scale=standard, update=sgd(0.02)),
    "standard_global, the last images": Setting(
        ("data.scaling=standard_global", "data.split=first"),
        scale=lambda x, train: (x - train.mean()) / train.std(unbiased=False),
        rows=lambda rng: np.arange(60_000 - IMAGES, 60_000),
    ),
    "raw": Setting(
        ("data.scaling=raw", INIT + "normal", "model.init_std=0.01", "lr=0.0001", "batch_size=32"),
        initialize=drawn(normal(0.01)),
        scale=lambda x, train: x,
        update=sgd(0.0001),
        batch=32,
    ),
    "a random split": Setting(("data.split=random",), rows=lambda rng: rng.choice(60_000, IMAGES, replace=False)),
    "digits": Setting(
        ("data=digits", "data.validation=0", "epochs=5", "batch_size=16"),
        scale=lambda x, train: x / 8 - 1,
        rows=lambda rng: np.arange(898),
        batch=16,
        epochs=5,
    ),
}
ORDINARY = ("normal with biases", "no biases", "weights alone decay", "standard_global, the last images")


@cache
def arrays(name: str) -> list[np.ndarray]:
    config = compose(f"data={name}")
    return map_arrays(prepare(source_of(config.data.section()), None))


def independently(setting: Setting, data: str) -> list[tuple[float, float]]:
    images, labels, test_images, test_labels = arrays(data)
    results = []
    for seed in range(1000, 1000 + SEEDS):
        rows = setting.rows(np.random.default_rng(seed))
        train, test = torch.tensor(images[rows]).float(), torch.tensor(test_images).float()
        results.append(
            train_independently(
                setting.scale(train, train),
                torch.tensor(labels[rows]),
                setting.scale(test, train),
                torch.tensor(test_labels),
                seed=seed,
                **{key: getattr(setting, key) for key in ("initialize", "update", "hidden", "activation", "biases")},
                **{key: getattr(setting, key) for key in ("batch", "epochs", "shuffle")},
            )
        )
    return results


def in_the_lab(setting: Setting, model: str, outputs: str) -> list[tuple[float, float]]:
    init = () if any(key.startswith(INIT) for key in setting.overrides) else (INIT + "glorot_uniform",)
    whole = any(key.startswith("data=") for key in setting.overrides)  # of another data set
    usual = USUAL[:3] if whole else USUAL
    overrides = (*usual, *init, *setting.overrides, f"model={model}", f"outputs={outputs}")
    # Of two overrides of one key the last counts.
    config = compose(*{override.partition("=")[0]: override for override in overrides}.values())
    results = []
    for seed in range(SEEDS):
        summary = run.train(dataclasses.replace(config, seed=seed)).summary()
        assert summary is not None
        results.append((summary["test_accuracy"], summary["train_loss"]))
    return results


@pytest.mark.promise
@pytest.mark.parametrize(
    "name", [name if name in ORDINARY else pytest.param(name, marks=pytest.mark.slow) for name in SETTINGS]
)
def test_a_setting_comes_out_as_an_independent_script_has_it(name, tmp_path):
    setting = SETTINGS[name]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        script = independently(setting, "digits" if "data=digits" in setting.overrides else "fashion_mnist")
    finally:
        torch.set_num_threads(threads)
    for model in ("custom", "torch"):
        lab = in_the_lab(setting, model, tmp_path.as_posix())
        for at, (metric, noticeable) in enumerate(METRICS.items()):
            ours, theirs = ([result[at] for result in results] for results in (lab, script))
            assert_alike(ours, theirs, noticeable, f"{name}, {model}, {metric}")


def assert_alike(ours: Sequence[float], theirs: Sequence[float], noticeable: float, what: str) -> None:
    """Welch's test of the means, Brown and Forsythe's of the spread; and that the first would have noticed enough."""
    welch = stats.ttest_ind(ours, theirs, equal_var=False)
    low, high = welch.confidence_interval(1 - ALPHA)
    difference, half_width = np.mean(ours) - np.mean(theirs), (high - low) / 2
    p_spread = stats.levene(ours, theirs, center="median").pvalue
    print(
        f"{what}: lab {np.mean(ours):.4f}, script {np.mean(theirs):.4f}, difference {difference:+.4f} "
        f"(within {half_width:.4f}), p {welch.pvalue:.3f}, of the spread {p_spread:.3f}"
    )
    assert welch.pvalue > ALPHA, what
    assert p_spread > ALPHA, what
    assert half_width < noticeable, what
