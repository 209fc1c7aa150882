"""Confidence level, standard deviation and simultaneous band over seeds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE


def simultaneous_half_widths(measured: ArrayLike, *, runs: int = 1, reading_error: float = 0.0) -> Floats:
    """Return the half-widths of a band that contains a whole further curve with 95 % confidence.

    Bonferroni's t intervals (Dunn, Multiple comparisons among means, JASA 56, 1961). They are wider than necessary
    where neighbouring places are correlated, but valid for few runs, from which no correlation can be estimated.

    Args:
        measured: shape (n, k), n at least 2, one row per run.
        runs: how many runs the further curve is the mean of.
        reading_error: added to each half-width.

    Returns:
        Shape (k,).
    """
    from scipy.stats import t

    curves = np.asarray(measured, dtype=np.float64)
    n, places = curves.shape
    spread = standard_deviation(curves) * math.sqrt(1 / n + 1 / runs)
    return np.asarray(t.ppf(1 - ALPHA / (2 * places), n - 1) * spread + reading_error)


def standard_deviation(values: Floats) -> Floats:
    """Return the standard deviation over the first axis; exactly 0 where all values are equal, in spite of rounding."""
    return np.where(np.ptp(values, axis=0) > 0, values.std(axis=0, ddof=1), 0.0)
