"""Verdicts: what measurements say about a published number or a stated relation. Statistics on plain arrays.

Every wrong verdict is to be rare: a number that our own runs could have given is called published higher or lower in at
most 5 % of cases, and so for the other verdicts. What the data cannot settle is `inconclusive`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fmnist_lab.results.intervals import ALPHA, CONFIDENCE, simultaneous_half_widths, standard_deviation

POWER = 0.8  # with which the `detectable` discrepancy would have been noticed
MARGIN = 0.01  # in accuracy
LEAST_SEEDS = 5  # for a p-value, and for what rests on one

# Every verdict that there is, and what it means.
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
    "inconclusive": "our runs cannot settle it",
    "not testable": "nothing that can be run would settle it",
}
RELATIONS = ("higher", "lower", "same", "not lower")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Published:
    """A published number: the mean of `runs` runs.

    `sd` is the standard deviation of these runs, where it is known (there must be more than one). The number may be
    misread or rounded by `reading_error` at most. An interval of ours wider than `margin`, fixed beforehand, settles
    nothing. What is not `testable` is only shown beside our runs, as no run of ours is at its settings.
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
    """A published number, or curve, against our runs.

    `difference` is measured minus published. `half_width` is that of the prediction interval. `detectable` is the
    discrepancy that would have been noticed with probability POWER. `p` is corrected for the family, and NaN below
    LEAST_SEEDS runs. Of a curve they are those at place `at`, where it fits least: furthest away in half-widths.
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
    """What our runs say for and against a relation; both p-values are meant for the level ALPHA.

    `p_for` is small when the relation shows, `p_against` when its opposite does. `difference` is the mean of first
    minus second (or a share of the runs), known to `half_width` with `confidence`.
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
    """A published number against our runs, through their prediction interval.

    mean ± t s sqrt(1/n + 1/m), with n of our runs and m published ones (Hahn and Meeker, Statistical Intervals, 1991,
    section 4.7), widened by the reading error. Where the published standard deviation is known, it stands for the
    published part: mean ± t sqrt(s²/n + sd²/m), with the degrees of freedom of Welch (Biometrika 34, 1947). A number
    outside is published higher or lower, however wide the interval; one inside is reproduced only if the half-width is
    within the margin.

    Args:
        measured: (n,) independent runs; NaN counts as no run.
    """
    return compare_family([published], [measured])[0]


def compare_family(published: Sequence[Published], measured: Sequence[ArrayLike]) -> list[Comparison]:
    """`compare` each of the numbers that stand together, as a table's cells, corrected for their number by Holm.

    Intervals and half-widths are each number's own. One outside its own interval is called published higher or lower
    only if it stays outside after the correction, else inconclusive.
    """
    family = max(sum(number.testable for number in published), 1)
    alpha = ALPHA / family  # what the smallest p-value must come below
    single = [_compare(number, ours, alpha) for number, ours in zip(published, measured, strict=True)]
    corrected = iter(holm([one.p for one in single if one.verdict != "not testable"]))
    return [one if one.verdict == "not testable" else _correct(one, float(next(corrected)), family) for one in single]


def compare_curve(
    published: ArrayLike, measured: ArrayLike, *, runs: int = 1, reading_error: float = 0.0, margin: float = MARGIN
) -> Comparison:
    """A published curve against our runs: `reproduced` if it lies in their simultaneous band throughout.

    The band is as precise as its median half-width, which is what the margin is for: where training starts, runs
    differ more than where it ends.

    Args:
        published: (k,).
        measured: (n, k), a row a run.
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
    """P-values corrected for their number; NaN counts as 1 (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    raw = np.nan_to_num(np.asarray(p, dtype=np.float64), nan=1.0)
    order = np.argsort(raw)
    stepped = np.maximum.accumulate(raw[order] * np.arange(len(raw), 0, -1))
    corrected = np.empty_like(raw)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def paired(first: ArrayLike, second: ArrayLike, relation: str, margin: float = MARGIN) -> Evidence:
    """Evidence that `first` is `higher`, `lower`, the `same` or `not lower` than `second`, pair by pair.

    Student's t on the differences. `same` is an equivalence test, two one-sided tests against the margin
    (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987), with the 90 % interval that
    belongs to it; `not lower` is lower by no more than the margin.

    Args:
        first, second: (n,) measurements, paired by place.
    """
    from scipy.stats import t

    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    n = len(differences)
    if n < 2:
        return Evidence(n, difference=float(differences.mean()) if n else math.nan)
    mean, error = float(differences.mean()), float(differences.std(ddof=1)) / math.sqrt(n)
    if not differences.any():
        agrees = relation in ("same", "not lower")
        # A tie is no difference, but no proof of the opposite either.
        return Evidence(n, 1.0 - agrees, 1.0, 0.0, 0.0, 0.0, identical=True)
    if error <= abs(mean) * 1e-12:  # one difference in every pair: no spread to judge it by
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
    """`paired` at each place of two sets of curves, (n, k) each."""
    rows = zip(np.asarray(first, dtype=np.float64).T, np.asarray(second, dtype=np.float64).T, strict=True)
    return [paired(one, other, relation, margin) for one, other in rows]


def majority(shows: ArrayLike) -> Evidence:
    """Evidence that most runs show something: an exact, one-sided binomial test against one half.

    Args:
        shows: (n,) of bool.
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
    """The verdict on a number that the settings were `fitted` to: agreement with it reproduces nothing."""
    return "explained" if fitted and verdict == "reproduced" else verdict


def decide(parts: Sequence[Evidence]) -> str:
    """Whether a sentence holds whose parts must all hold.

    It holds if each part does, each at level ALPHA: asking for all of them needs no correction (Berger, Technometrics
    24, 1982). It does not hold if the opposite of any shows, corrected for their number. From fewer than LEAST_SEEDS
    runs nothing is decided, but that all pairs are identical.
    """
    if parts and all(part.identical for part in parts):
        return "identical"
    if not parts or min(part.n for part in parts) < LEAST_SEEDS:
        return "inconclusive"
    if max(part.p_for for part in parts) <= ALPHA:
        return "holds"
    if min(part.p_against for part in parts) * len(parts) <= ALPHA:
        return "does not hold"
    return "inconclusive"


def _compare(published: Published, measured: ArrayLike, alpha: float) -> Comparison:
    """On its own, with the p-value from however few runs; what is detectable is meant for a test at `alpha`."""
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
    """Standard error of the difference of two means, and its degrees of freedom."""
    n, variance = len(ours), float(standard_deviation(ours)) ** 2
    if sd is None:
        return math.sqrt(variance * (1 / n + 1 / runs)), n - 1
    own, other = variance / n, sd**2 / runs
    freedom = (own + other) ** 2 / (own**2 / (n - 1) + other**2 / (runs - 1)) if own + other else n - 1
    return math.sqrt(own + other), freedom


def _farthest(differences: Floats, half_widths: Floats) -> int:
    """The place of the largest difference in half-widths; any difference is beyond a half-width of none."""
    size = np.abs(differences)
    ratio = np.divide(size, half_widths, out=np.where(size > 0, np.inf, 0.0), where=half_widths > 0)
    return int(np.argmax(ratio))


def _two_sided(excess: float, scale: float, freedom: float) -> float:
    from scipy.stats import t

    if scale == 0:
        return float(excess == 0)
    return 2 * float(t.sf(excess / scale, freedom))


def _detectable(scale: float, freedom: float, alpha: float) -> float:
    """The shift that a two-sided t test at `alpha` notices with probability POWER: the noncentral t distribution."""
    from scipy.special import nctdtrinc
    from scipy.stats import t

    return scale * float(nctdtrinc(freedom, 1 - POWER, t.ppf(1 - alpha / 2, freedom)))


def _too_few(n: int, difference: float = math.nan) -> Comparison:
    return Comparison("inconclusive", "one run has no spread" if n else "no run yet", n, difference)


def _without_spread(difference: float, reading_error: float, known: Any) -> Comparison:
    if abs(difference) <= reading_error + 1e-12:
        return Comparison("identical", "every run gave the published number", p=1.0, **known)
    return Comparison("inconclusive", "every run gave the same number: no spread to judge by", p=1.0, **known)


def _side(excess: float) -> str:
    return "published higher" if excess > 0 else "published lower"
