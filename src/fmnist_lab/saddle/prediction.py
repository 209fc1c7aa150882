"""A prediction with its observation, and the four ways to compare them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

THEOREM, LIMIT, OBSERVED = "theorem", "limit", "observed"


@dataclass(frozen=True)
class Prediction:
    """A prediction with its observation; the docstring of `fmnist_lab.saddle` explains the columns."""

    what: str
    basis: str
    relation: str
    prediction: float
    observation: float
    error: float
    tolerance: float

    @property
    def ok(self) -> bool:
        return bool(self.error <= self.tolerance)  # False if the error is NaN


def equal(
    what: str, prediction: Any, observation: Any, tolerance: float, *, scale: Any = None, basis: str = THEOREM
) -> Prediction:
    """Predict that `observation` equals `prediction` within `tolerance` times `scale`.

    `scale` is the largest absolute prediction unless given.
    """
    predicted, observed = np.broadcast_arrays(np.asarray(prediction, float), np.asarray(observation, float))
    unit = np.abs(predicted).max() or 1.0 if scale is None else scale
    errors = np.abs(observed - predicted) / unit
    return _worst(what, basis, "=", (predicted, observed, errors), tolerance, errors)


def each_equal(what: str, prediction: Any, observation: Any, tolerance: float, *, basis: str = THEOREM) -> Prediction:
    """Predict equality as `equal` does, with the error of each entry relative to its own prediction."""
    return equal(what, prediction, observation, tolerance, scale=np.abs(prediction), basis=basis)


def at_most(
    what: str, bound: float, observation: Any, tolerance: float = 0.0, *, scale: float = 1.0, basis: str = THEOREM
) -> Prediction:
    """Predict that no entry of `observation` exceeds `bound` by more than `tolerance` times `scale`."""
    observed = np.asarray(observation, float)
    errors = np.maximum(observed - bound, 0) / scale
    return _worst(what, basis, "<=", (np.full_like(observed, bound), observed, errors), tolerance, observed)


def at_least(
    what: str, bound: float, observation: Any, tolerance: float = 0.0, *, scale: float = 1.0, basis: str = THEOREM
) -> Prediction:
    """Predict that no entry of `observation` is below `bound` by more than `tolerance` times `scale`."""
    observed = np.asarray(observation, float)
    errors = np.maximum(bound - observed, 0) / scale
    return _worst(what, basis, ">=", (np.full_like(observed, bound), observed, errors), tolerance, -observed)


def _worst(
    what: str, basis: str, relation: str, entries: tuple[Any, Any, Any], tolerance: float, order: Any
) -> Prediction:
    """Return the prediction, observation and error at the place where `order` is largest."""
    place = np.unravel_index(np.argmax(order), order.shape)
    prediction, observation, error = (float(array[place]) for array in entries)
    return Prediction(what, basis, relation, prediction, observation, error, tolerance)
