"""What a model is to the rest of the lab, and what one is built from.

Weights travel between models, and to disk, as a list with one `(weight, bias)` pair per layer, first layer first:
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

# Maps row numbers to the (inputs, labels) of a batch, in the memory of the device that computes.
Feed = Callable[[NDArray[np.int64]], tuple[Any, Any]]

# Number of rows in a block when a model is evaluated: large enough for fast products, small enough for the cache.
EVALUATION_ROWS = 1000


@dataclass(frozen=True)
class OptimizerSpec:
    """The settings of an optimiser, as `torch.optim` defines them; those that do not belong to `name` are not used."""

    name: str
    lr: float
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    decay_biases: bool = True
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8


@dataclass(frozen=True)
class ModelSpec:
    """The settings of a model. No batch has more than `batch_size` rows; without `biases` the biases never change."""

    name: str
    activation: str
    optimizer: OptimizerSpec
    batch_size: int
    device: str = "cpu"
    biases: bool = True


class Model(Protocol):
    """A classifier that learns from batches. It is built from its initial weights and draws no random numbers."""

    def feed(self, images: Array, labels: Array, factor: Array, offset: Array) -> Feed:
        """Load a data set into the device's memory: `images` uint8 (n, pixels), `labels` int64 (n,).

        The feed returned maps row numbers to the inputs `images[rows] * factor + offset` in the model's dtype, and
        the labels. A batch is valid until the next call of the feed.
        """

    def step(self, inputs: Any, labels: Any) -> SupportsFloat:
        """Do one update; return the mean cross-entropy of the batch before it."""

    def logits(self, inputs: Any) -> Array:
        """Return scores of shape (rows, classes) in the model's dtype."""

    def weights(self) -> Weights:
        """Return a copy of the weights."""
