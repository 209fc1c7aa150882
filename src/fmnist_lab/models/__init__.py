"""The two rivals behind one small interface.

Weights travel between them, and to disk, as a list with one `(weight, bias)` pair a layer, first layer first:
`weight` has shape (fan_out, fan_in) and `bias` shape (fan_out,), the layout of `torch.nn.Linear`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, SupportsFloat

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Weights = list[tuple[Array, Array]]

# Rows -> (inputs, labels) of a batch, wherever the model computes.
Feed = Callable[[NDArray[np.int64]], tuple[Any, Any]]

# The model evaluates in blocks of this many rows: large enough for fast products, small enough for the cache.
EVALUATION_ROWS = 1000


@dataclass(frozen=True)
class OptimizerSpec:
    """What an optimiser does, in the terms of `torch.optim`; keys that do not belong to `name` are not used."""

    name: str
    lr: float
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    decay_biases: bool = True
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8


class Model(Protocol):
    """A classifier that learns from batches. Built from its initial weights; draws nothing at random itself."""

    def feed(self, images: Array, labels: Array, factor: Array, offset: Array) -> Feed:
        """Make a data set resident: `images` uint8 (n, pixels), `labels` int64 (n,).

        The feed gives, for an array of rows, inputs `images[rows] * factor + offset` in the model's dtype, and
        labels. What it returns is valid until its next call.
        """

    def step(self, inputs: Any, labels: Any) -> SupportsFloat:
        """Do one update; return the batch's mean cross-entropy before it."""

    def logits(self, inputs: Any) -> Array:
        """Scores of shape (rows, classes) in the model's dtype, as a NumPy array valid until the next call."""

    def weights(self) -> Weights:
        """A copy of the weights."""


def build(
    name: str,
    weights: Weights,
    activation: str,
    rule: OptimizerSpec,
    *,
    batch_size: int,
    device: str,
    biases: bool = True,
) -> Model:
    """The model called `name`, starting from `weights` and in their dtype; without `biases` those never move."""
    return MODELS[name](weights, activation, rule, batch_size, device, biases)


def _custom(
    weights: Weights, activation: str, rule: OptimizerSpec, batch_size: int, device: str, biases: bool
) -> Model:
    from fmnist_lab.models.custom import CustomModel

    return CustomModel(weights, activation, rule, batch_size, biases)


def _torch(weights: Weights, activation: str, rule: OptimizerSpec, batch_size: int, device: str, biases: bool) -> Model:
    # Imported here: a run of the hand-written model must not pay for PyTorch.
    from fmnist_lab.models.torch import TorchModel

    return TorchModel(weights, activation, rule, device, biases)


MODELS: dict[str, Callable[[Weights, str, OptimizerSpec, int, str, bool], Model]] = {"custom": _custom, "torch": _torch}
