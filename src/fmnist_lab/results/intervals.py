"""Intervals over seeds, for any outcome: the confidence, the standard deviation, one band for a whole curve."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE


def simultaneous_half_widths(measured: ArrayLike, *, runs: int = 1, reading_error: float = 0.0) -> Floats:
    """Half-widths of one band that holds a whole further curve with 95 % confidence, whatever ties its places.

    Bonferroni's t intervals (Dunn, Multiple comparisons among means, JASA 56, 1961): wider than need be where
    neighbours are alike, but valid from few runs, where their correlations cannot be estimated.

    Args:
        measured: (n, k) with n of at least 2, a row a run.

    Returns:
        (k,).
    """
    from scipy.stats import t

    curves = np.asarray(measured, dtype=np.float64)
    n, places = curves.shape
    spread = standard_deviation(curves) * math.sqrt(1 / n + 1 / runs)
    return np.asarray(t.ppf(1 - ALPHA / (2 * places), n - 1) * spread + reading_error)


def standard_deviation(values: Floats) -> Floats:
    """Standard deviation over the runs, exactly 0 where they are all alike: rounding is no spread."""
    return np.where(np.ptp(values, axis=0) > 0, values.std(axis=0, ddof=1), 0.0)
