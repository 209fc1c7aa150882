"""The training loop, the same for every model, and the evaluation of a model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fmnist_lab.models import EVALUATION_ROWS, Feed, Model

Rows = NDArray[np.int64]

# A larger loss, or nan, ends the run: the network will not learn any more.
DIVERGED_ABOVE = 1e6


@dataclass(frozen=True)
class Subset:
    """A subset of the data, as row numbers `rows` (n,) of a feed, with their classes `labels` (n,)."""

    feed: Feed
    rows: Rows
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Epoch:
    """One row of a run's history. `train_loss` is the mean over the batches, each measured before its update."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    train_seconds: float  # of updates, since the start of training


@dataclass
class Fit:
    """The outcome of training. `train_seconds` is the time of updates, `fit_seconds` of updates and validation."""

    history: list[Epoch] = field(default_factory=list)
    train_seconds: float = 0.0
    fit_seconds: float = 0.0
    diverged: bool = False


def fit(
    model: Model,
    train: Subset,
    validation: Subset,
    *,
    epochs: int,
    batch_size: int,
    order: np.random.Generator | None,
    patience: int = 0,
    tolerance: float = 0.0,
    after_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Fit:
    """Train `model` for `epochs`, each in a new order drawn from `order`, or always in that of the rows if None.

    The time of `after_epoch` is not measured. Ends early after `patience` stale epochs (see `stale_epochs`; 0: never)
    and when the loss diverges; that epoch is the last of the history, with nan for its validation.
    """
    result = Fit()
    for number in range(1, epochs + 1):
        rows = train.rows if order is None else order.permutation(train.rows)
        start = time.perf_counter()
        losses = train_epoch(model, train.feed, rows, batch_size)
        updated = time.perf_counter()
        loss, accuracy = validate(model, validation, losses)
        result.diverged = math.isnan(loss)
        result.train_seconds += updated - start
        result.fit_seconds += time.perf_counter() - start
        result.history.append(Epoch(number, float(losses.mean()), loss, accuracy, result.train_seconds))
        after_epoch(result.history[-1])
        if result.diverged or (patience and stale_epochs(result.history, tolerance) >= patience):
            break
    return result


def stale_epochs(history: Sequence[Epoch], tolerance: float) -> int:
    """Return the number of epochs since the training loss last fell by `tolerance` or more.

    The fall is measured from the lowest loss before, as in scikit-learn's `MLPClassifier`, which ends after
    n_iter_no_change + 1 such epochs.
    """
    stale, lowest = 0, math.inf
    for epoch in history:
        stale = stale + 1 if epoch.train_loss > lowest - tolerance else 0
        lowest = min(lowest, epoch.train_loss)
    return stale


def train_epoch(model: Model, feed: Feed, rows: Rows, batch_size: int) -> NDArray[np.float64]:
    """Do one update per batch, the last and smaller one included; return each batch's loss before its update."""
    with np.errstate(all="ignore"):  # a diverging loss is a result, not an error
        losses = [model.step(*feed(batch)) for batch in batches(rows, batch_size)]
    return np.array([float(loss) for loss in losses])


def validate(model: Model, validation: Subset, losses: NDArray[np.float64]) -> tuple[float, float]:
    """Return the loss and accuracy of `evaluate` after an epoch with these batch losses; nan, nan if it diverged."""
    if losses.max() <= DIVERGED_ABOVE:  # false for nan
        loss, accuracy = evaluate(model, validation)
        if math.isfinite(loss):  # the last update may have diverged after the last batch loss
            return loss, accuracy
    return math.nan, math.nan


def evaluate(model: Model, subset: Subset) -> tuple[float, float]:
    """Return mean cross-entropy and accuracy of the model on `subset`."""
    return score(predict(model, subset), subset.labels)


def score(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Return mean cross-entropy and accuracy of `logits` (n, classes) for the true classes `labels` (n,)."""
    with np.errstate(all="ignore"):  # infinite logits give a loss of nan
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_total = np.log(np.exp(shifted).sum(axis=1))
        loss = np.mean(log_total - shifted[np.arange(len(shifted)), labels])
    return float(loss), float(np.mean(logits.argmax(axis=1) == labels))


def predict(model: Model, subset: Subset) -> NDArray[np.float64]:
    """Return the logits of `subset` in float64, shape (n, classes)."""
    with np.errstate(all="ignore"):
        feed = subset.feed
        blocks = [model.logits(feed(rows)[0]).astype(np.float64) for rows in batches(subset.rows, EVALUATION_ROWS)]
    return np.concatenate(blocks)


def batches(rows: Rows, size: int) -> Iterator[Rows]:
    """Yield consecutive pieces of `rows` of length `size`; the last may be smaller."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
