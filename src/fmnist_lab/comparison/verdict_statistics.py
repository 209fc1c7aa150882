"""The statistics of a verdict on a published number, or on a stated relation, computed from plain arrays.

Wrong verdicts are rare: a number that comes from the same settings as our runs is called published higher or lower in
at most 5 % of cases; the other verdicts have the same error rate. If the data cannot decide, it is `inconclusive`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fmnist_lab.results.intervals import ALPHA, CONFIDENCE, simultaneous_half_widths, standard_deviation

POWER = 0.8  # probability of noticing a `detectable` discrepancy
MARGIN = 0.01  # in accuracy
LEAST_SEEDS = 5  # for a p-value, and for verdicts that need one

# Every verdict with its meaning.
VERDICTS = {
    "reproduced": "the published number lies in the prediction interval of our runs",
    "published higher": "the published number lies above the prediction interval",
    "published lower": "the published number lies below the prediction interval",
    "differs": "a published curve leaves the band of our runs on both sides",
    "explained": "reproduced, but at settings that were chosen to fit it",
    "holds": "our runs show what the report says",
    "does not hold": "our runs show the opposite of what the report says",
    "identical": "the two sides are the same in every pair of runs",
    "contradicted": "the report's own printed values contradict the sentence",
    "consistent": "the report's own printed values agree with the sentence",
    "inconclusive": "our runs cannot decide",
    "not testable": "no run could decide",
}
RELATIONS = ("higher", "lower", "same", "not lower")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Published:
    """A published number: the mean of `runs` runs.

    `sd` is the standard deviation of these runs, if it is known; there must be at least two. `reading_error` is the
    largest error of reading or rounding the number. If our interval has a half-width above `margin`, which is fixed
    beforehand, it is too wide for `reproduced`. A number that is not `testable` is only shown beside our runs, since
    none of them has its settings. Raises ValueError for an `sd` of fewer than two runs.
    """

    value: float
    runs: int = 1
    sd: float | None = None
    reading_error: float = 0.0
    margin: float = MARGIN
    testable: bool = True

    def __post_init__(self) -> None:
        if self.sd is not None and self.runs < 2:
            raise ValueError(f"runs={self.runs}: a standard deviation needs two runs or more")


@dataclass(frozen=True)
class Comparison:
    """A published number, or curve, compared with `n` runs of ours.

    `difference` is measured minus published. `half_width` is that of the prediction interval. `detectable` is the
    discrepancy that would have been noticed with probability POWER. `p` is corrected for the number of comparisons,
    and NaN for fewer than LEAST_SEEDS runs. For a curve, these are the values at place `at`, where the difference is
    largest in half-widths.
    """

    verdict: str
    reason: str
    n: int
    difference: float = math.nan
    half_width: float = math.nan
    detectable: float = math.nan
    p: float = math.nan
    at: int = 0


@dataclass(frozen=True)
class Evidence:
    """The evidence of `n` runs for and against a relation; each p-value is for a test at level ALPHA.

    A small `p_for` supports the relation, a small `p_against` its opposite. `difference` is the mean of first minus
    second (or a share of the runs), with an interval of `half_width` at `confidence`. `identical`: all pairs are equal.
    """

    n: int
    p_for: float = 1.0
    p_against: float = 1.0
    difference: float = math.nan
    half_width: float = math.nan
    detectable: float = math.nan
    confidence: float = CONFIDENCE
    identical: bool = False


def compare(published: Published, measured: ArrayLike) -> Comparison:
    """Compare a published number with our runs by their prediction interval.

    mean ± t s sqrt(1/n + 1/m), for n runs of ours and m published ones (Hahn and Meeker, Statistical Intervals, 1991,
    section 4.7), widened by the reading error. If the published standard deviation is known, the interval is
    mean ± t sqrt(s²/n + sd²/m), with the degrees of freedom of Welch (Biometrika 34, 1947). A number outside is
    published higher or lower, however wide the interval. A number inside is reproduced only if the half-width is at
    most the margin.

    Args:
        measured: shape (n,), independent runs; NaN values are left out.
    """
    return compare_family([published], [measured])[0]


def compare_family(published: Sequence[Published], measured: Sequence[ArrayLike]) -> list[Comparison]:
    """Compare several published numbers, such as the entries of a table, with p-values corrected by Holm's method.

    Intervals and half-widths are not corrected. A number outside its interval is published higher or lower only if its
    corrected p-value is below ALPHA, else inconclusive.

    Args:
        measured: for each number the array that `compare` takes.
    """
    family = max(sum(number.testable for number in published), 1)
    alpha = ALPHA / family  # the smallest p-value must be below it
    single = [_compare(number, ours, alpha) for number, ours in zip(published, measured, strict=True)]
    corrected = iter(holm([one.p for one in single if one.verdict != "not testable"]))
    return [one if one.verdict == "not testable" else _correct(one, float(next(corrected)), family) for one in single]


def compare_curve(
    published: ArrayLike, measured: ArrayLike, *, runs: int = 1, reading_error: float = 0.0, margin: float = MARGIN
) -> Comparison:
    """Compare a published curve with our runs: it is `reproduced` if all of it lies in their simultaneous band.

    The margin limits the median half-width of the band, as runs differ more at the start of training than at its end.

    Args:
        published: shape (k,).
        measured: shape (n, k), one row per run.
    """
    curves = np.asarray(measured, dtype=np.float64)
    n, places = curves.shape
    if n < 2:
        return _too_few(n)
    half_widths = simultaneous_half_widths(curves, runs=runs, reading_error=reading_error)
    differences = curves.mean(axis=0) - np.asarray(published, dtype=np.float64)
    outside = np.abs(differences) > half_widths
    at = _farthest(differences, half_widths)
    scale = float(standard_deviation(curves)[at]) * math.sqrt(1 / n + 1 / runs)
    p = min(1.0, places * _two_sided(max(abs(float(differences[at])) - reading_error, 0.0), scale, n - 1))
    signs = set(np.sign(differences[outside]))
    precision = float(np.median(half_widths))
    if len(signs) > 1:
        verdict, reason = "differs", "outside the simultaneous band, above it and below"
    elif signs:
        verdict, reason = _side(-signs.pop()), "outside the simultaneous band"
    elif precision > margin:
        verdict, reason = "inconclusive", f"inside a band of median half-width {precision:.2g}, wider than {margin:g}"
    else:
        verdict, reason = "reproduced", "inside the simultaneous band throughout"
    return Comparison(
        verdict,
        reason,
        n,
        float(differences[at]),
        float(half_widths[at]),
        _detectable(scale, n - 1, ALPHA / places) + 2 * reading_error,
        p if n >= LEAST_SEEDS else math.nan,
        at,
    )


def holm(p: ArrayLike) -> Floats:
    """Return p-values corrected for their number; NaN counts as 1 (Holm, Scand. Journal of Statistics 6, 1979)."""
    raw = np.nan_to_num(np.asarray(p, dtype=np.float64), nan=1.0)
    order = np.argsort(raw)
    stepped = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    corrected = np.empty_like(raw)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def paired(first: ArrayLike, second: ArrayLike, relation: str, margin: float = MARGIN) -> Evidence:
    """Return the evidence that `first` is `higher`, `lower`, the `same` or `not lower` than `second`.

    A paired t test. `same` is an equivalence test, two one-sided tests against the margin (Schuirmann, Journal of
    Pharmacokinetics and Biopharmaceutics 15, 1987), and has a 90 % interval. `not lower` means lower by at most the
    margin.

    Args:
        first, second: shape (n,), paired by place.
    """
    from scipy.stats import t

    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    n = len(differences)
    if n < 2:
        return Evidence(n, difference=float(differences.mean()) if n else math.nan)
    mean, error = float(differences.mean()), float(differences.std(ddof=1)) / math.sqrt(n)
    if not differences.any():
        agrees = relation in ("same", "not lower")
        # Equal values are no difference, but no proof of the opposite either.
        return Evidence(n, 1.0 - agrees, 1.0, 0.0, 0.0, 0.0, identical=True)
    if error <= abs(mean) * 1e-12:  # the same difference in every pair: no spread to test it against
        return Evidence(n, difference=mean)

    def above(bound: float) -> float:
        return float(t.sf((mean - bound) / error, n - 1))

    def below(bound: float) -> float:
        return float(t.cdf((mean - bound) / error, n - 1))

    p_for, p_against = {
        "higher": lambda: (2 * above(0), 2 * below(0)),
        "lower": lambda: (2 * below(0), 2 * above(0)),
        "same": lambda: (max(above(-margin), below(margin)), 2 * min(above(margin), below(-margin))),
        "not lower": lambda: (2 * above(-margin), 2 * below(-margin)),
    }[relation]()
    confidence = 1 - 2 * ALPHA if relation == "same" else CONFIDENCE
    half_width = float(t.ppf((1 + confidence) / 2, n - 1)) * error
    unnoticed = margin if relation in ("same", "not lower") else 0.0
    detectable = unnoticed + _detectable(error, n - 1, ALPHA)
    return Evidence(n, min(p_for, 1.0), min(p_against, 1.0), mean, half_width, detectable, confidence)


def paired_curve(first: ArrayLike, second: ArrayLike, relation: str, margin: float = MARGIN) -> list[Evidence]:
    """Return the evidence of `paired` for each place of two sets of curves, each of shape (n, k)."""
    rows = zip(np.asarray(first, dtype=np.float64).T, np.asarray(second, dtype=np.float64).T, strict=True)
    return [paired(one, other, relation, margin) for one, other in rows]


def majority(shows: ArrayLike) -> Evidence:
    """Return the evidence that most runs show something: an exact, one-sided binomial test against one half.

    Args:
        shows: shape (n,), bool.
    """
    from scipy.stats import binomtest

    flags = np.asarray(shows, dtype=bool)
    n, count = len(flags), int(flags.sum())
    if not n:
        return Evidence(0)
    p_for = binomtest(count, n, alternative="greater").pvalue
    p_against = binomtest(count, n, alternative="less").pvalue
    return Evidence(n, float(p_for), float(p_against), count / n)


def explained(verdict: str, fitted: bool) -> str:
    """Return `explained` in place of `reproduced` if the settings were `fitted` to the number, else the verdict."""
    return "explained" if fitted and verdict == "reproduced" else verdict


def decide(assertions: Sequence[Evidence]) -> str:
    """Return the verdict on a sentence from the evidence for each of its assertions.

    It holds if every assertion holds at level ALPHA, which needs no correction (Berger, Technometrics 24, 1982). It
    does not hold if there is evidence against any of them, corrected for their number. With fewer than LEAST_SEEDS
    runs, it can only be identical or inconclusive.
    """
    if assertions and all(one.identical for one in assertions):
        return "identical"
    if not assertions or min(one.n for one in assertions) < LEAST_SEEDS:
        return "inconclusive"
    if max(one.p_for for one in assertions) <= ALPHA:
        return "holds"
    if min(one.p_against for one in assertions) * len(assertions) <= ALPHA:
        return "does not hold"
    return "inconclusive"


def _compare(published: Published, measured: ArrayLike, alpha: float) -> Comparison:
    """Compare one number, without a correction; `alpha` is the level of the test for `detectable`."""
    from scipy.stats import t

    ours = np.asarray(measured, dtype=np.float64)
    ours = ours[~np.isnan(ours)]
    difference = float(ours.mean()) - published.value if len(ours) else math.nan
    if not published.testable:
        return Comparison("not testable", "", len(ours), difference)
    if len(ours) < 2:
        return _too_few(len(ours), difference)
    scale, freedom = _spread(ours, published.runs, published.sd)
    reading_error, margin = published.reading_error, published.margin
    half_width = float(t.ppf((1 + CONFIDENCE) / 2, freedom)) * scale + reading_error
    known: Any = {
        "n": len(ours),
        "difference": difference,
        "half_width": half_width,
        "detectable": _detectable(scale, freedom, alpha) + 2 * reading_error,
    }
    if scale == 0:
        return _without_spread(difference, reading_error, known)
    p = _two_sided(max(abs(difference) - reading_error, 0.0), scale, freedom)
    if p < ALPHA:
        return Comparison(_side(-difference), "outside the prediction interval", p=p, **known)
    if half_width > margin:
        reason = f"inside an interval of half-width {half_width:.2g}, wider than {margin:g}"
        return Comparison("inconclusive", reason, p=p, **known)
    return Comparison("reproduced", "inside the prediction interval", p=p, **known)


def _correct(one: Comparison, p: float, family: int) -> Comparison:
    corrected = replace(one, p=p if one.n >= LEAST_SEEDS else math.nan)
    if one.verdict.startswith("published") and p >= ALPHA:
        reason = f"outside its own interval, but not when corrected for {family} comparisons"
        return replace(corrected, verdict="inconclusive", reason=reason)
    return corrected


def _spread(ours: Floats, runs: int, sd: float | None) -> tuple[float, float]:
    """Return the standard error of the difference of two means, and its degrees of freedom."""
    n, variance = len(ours), float(standard_deviation(ours)) ** 2
    if sd is None:
        return math.sqrt(variance * (1 / n + 1 / runs)), n - 1
    own, other = variance / n, sd**2 / runs
    freedom = (own + other) ** 2 / (own**2 / (n - 1) + other**2 / (runs - 1)) if own + other else n - 1
    return math.sqrt(own + other), freedom


def _farthest(differences: Floats, half_widths: Floats) -> int:
    """Return the place of the largest difference in half-widths; a half-width of 0 makes any difference infinite."""
    size = np.abs(differences)
    ratio = np.divide(size, half_widths, out=np.where(size > 0, np.inf, 0.0), where=half_widths > 0)
    return int(np.argmax(ratio))


def _two_sided(excess: float, scale: float, freedom: float) -> float:
    from scipy.stats import t

    if scale == 0:
        return float(excess == 0)
    return 2 * float(t.sf(excess / scale, freedom))


def _detectable(scale: float, freedom: float, alpha: float) -> float:
    """Return the shift that a two-sided t test at `alpha` detects with probability POWER, by the noncentral t."""
    from scipy.special import nctdtrinc
    from scipy.stats import t

    return scale * float(nctdtrinc(freedom, 1 - POWER, t.ppf(1 - alpha / 2, freedom)))


def _too_few(n: int, difference: float = math.nan) -> Comparison:
    return Comparison("inconclusive", "one run has no spread" if n else "no run yet", n, difference)


def _without_spread(difference: float, reading_error: float, known: Any) -> Comparison:
    if abs(difference) <= reading_error + 1e-12:
        return Comparison("identical", "every run gave the published number", p=1.0, **known)
    return Comparison("inconclusive", "every run gave the same number: no spread to compare with", p=1.0, **known)


def _side(excess: float) -> str:
    return "published higher" if excess > 0 else "published lower"
