"""One loop for every model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fmnist_lab.models import EVALUATION_ROWS, Feed, Model

Rows = NDArray[np.int64]

# A loss beyond this (or none at all) ends the run: the network has left every region from which it learns.
DIVERGED_ABOVE = 1e6


@dataclass(frozen=True)
class Subset:
    """A share of the data as a model is fed it: `rows` (n,) are the feed's rows, `labels` (n,) their classes."""

    feed: Feed
    rows: Rows
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Epoch:
    """One line of a run's history. `train_loss` is the mean over batches, each taken before its update."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    train_seconds: float  # of updates, since the start of training


@dataclass
class Fit:
    """What training left behind. `fit_seconds` adds validation to the seconds of the updates."""

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
    """Train `model` for `epochs`, in an order drawn anew each epoch from `order`, or as the rows stand.

    `after_epoch` is called off the clock. Ends early after `patience` stale epochs (see `stale_epochs`; 0: never), and
    when the loss diverges; that epoch closes the history, without a validation.
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
    """How many epochs, the last included, have gone by since the training loss fell by `tolerance` or more.

    It falls from its lowest value so far, as scikit-learn's `MLPClassifier` counts, which ends after
    n_iter_no_change + 1 such epochs.
    """
    stale, lowest = 0, math.inf
    for epoch in history:
        stale = stale + 1 if epoch.train_loss > lowest - tolerance else 0
        lowest = min(lowest, epoch.train_loss)
    return stale


def train_epoch(model: Model, feed: Feed, rows: Rows, batch_size: int) -> NDArray[np.float64]:
    """One update a batch, the last and smaller one included; the loss of each batch before its update."""
    with np.errstate(all="ignore"):  # a diverging loss is a result, told by the losses
        losses = [model.step(*feed(batch)) for batch in batches(rows, batch_size)]
    return np.array([float(loss) for loss in losses])


def validate(model: Model, validation: Subset, losses: NDArray[np.float64]) -> tuple[float, float]:
    """What `evaluate` says after an epoch whose batches had these losses; nan twice when it diverged."""
    if losses.max() <= DIVERGED_ABOVE:  # which nan is not
        loss, accuracy = evaluate(model, validation)
        if math.isfinite(loss):  # no batch has seen what the last update did
            return loss, accuracy
    return math.nan, math.nan


def evaluate(model: Model, part: Subset) -> tuple[float, float]:
    """Mean cross-entropy and accuracy of the model on `part`."""
    return score(predict(model, part), part.labels)


def score(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> tuple[float, float]:
    """Mean cross-entropy and accuracy of logits, shape (n, classes), for the true classes, shape (n,)."""
    with np.errstate(all="ignore"):  # logits without bounds have no loss
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_total = np.log(np.exp(shifted).sum(axis=1))
        loss = np.mean(log_total - shifted[np.arange(len(shifted)), labels])
    return float(loss), float(np.mean(logits.argmax(axis=1) == labels))


def predict(model: Model, part: Subset) -> NDArray[np.float64]:
    """Logits in float64, shape (n, classes)."""
    with np.errstate(all="ignore"):
        blocks = [model.logits(part.feed(rows)[0]).astype(np.float64) for rows in batches(part.rows, EVALUATION_ROWS)]
    return np.concatenate(blocks)


def batches(rows: Rows, size: int) -> Iterator[Rows]:
    """Consecutive pieces of `rows`; the last may be smaller."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
