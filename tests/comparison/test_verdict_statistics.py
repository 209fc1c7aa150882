"""The statistics of the verdicts: against SciPy, by simulation, and for few, equal or missing values."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from fmnist_lab.comparison.verdict_statistics import (
    LEAST_SEEDS,
    POWER,
    VERDICTS,
    Evidence,
    Published,
    compare,
    compare_curve,
    compare_family,
    decide,
    holm,
    majority,
    paired,
    paired_curve,
)
from fmnist_lab.results.intervals import ALPHA, simultaneous_half_widths

TRIALS = 1000
WIDE = 1e9  # a margin that is never exceeded: what is left is inside or outside

samples = st.lists(st.floats(0.1, 0.9), min_size=2, max_size=12).filter(lambda values: np.std(values) > 1e-6)


def assess(value, measured, **known):
    """Return the comparison of a published number with runs."""
    return compare(Published(value, **known), measured)


def within_binomial_error(count: int, rate: float) -> bool:
    """Return whether a count out of TRIALS is within four standard errors of the rate."""
    return abs(count / TRIALS - rate) <= 4 * math.sqrt(rate * (1 - rate) / TRIALS)


# A number.


@given(samples, st.integers(1, 60))
def test_the_prediction_interval_is_students(values, runs):
    found = assess(0.5, values, runs=runs)
    spread = np.std(values, ddof=1) * math.sqrt(1 / len(values) + 1 / runs)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=spread)
    assert found.difference == pytest.approx(np.mean(values) - 0.5)
    assert found.half_width == pytest.approx((high - low) / 2)
    outside = found.verdict in ("published higher", "published lower")
    assert outside == (not low <= 0.5 <= high)


@given(samples, st.floats(0.001, 0.05), st.integers(2, 60))
def test_a_published_spread_is_welchs(values, sd, runs):
    found = assess(0.5, values, runs=runs, sd=sd, margin=WIDE)
    oracle = stats.ttest_ind_from_stats(np.mean(values), np.std(values, ddof=1), len(values), 0.5, sd, runs, False)
    assert (found.verdict != "reproduced") == (oracle.pvalue < ALPHA)


@pytest.mark.promise
@pytest.mark.parametrize("runs", [1, 49])
@pytest.mark.parametrize("n", [3, 5, 10])
def test_coverage_is_nominal_and_twice_the_half_width_is_noticed(n, runs):
    rng = np.random.default_rng([n, runs])
    ours = rng.normal(0.85, 0.003, (TRIALS, n))
    theirs = rng.normal(0.85, 0.003, (TRIALS, runs)).mean(axis=1)
    plain = [assess(one, own, runs=runs, margin=WIDE) for one, own in zip(theirs, ours, strict=True)]
    assert within_binomial_error(sum(found.verdict == "reproduced" for found in plain), 0.95)
    shift = 2 * np.mean([found.half_width for found in plain])
    moved = [assess(one + shift, own, runs=runs, margin=WIDE) for one, own in zip(theirs, ours, strict=True)]
    assert np.mean([found.verdict == "published higher" for found in moved]) > 0.9


@pytest.mark.parametrize("n", [3, 5, 10])
def test_coverage_with_a_published_spread(n):
    """Welch's interval has its rate only approximately; the spreads are unequal on purpose."""
    rng = np.random.default_rng(n)
    ours, theirs = rng.normal(0.65, 0.008, (TRIALS, n)), rng.normal(0.65, 0.004, (TRIALS, 49))
    found = [
        assess(one.mean(), own, runs=49, sd=one.std(ddof=1), margin=WIDE) for one, own in zip(theirs, ours, strict=True)
    ]
    assert np.mean([one.verdict == "reproduced" for one in found]) == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_detectable_discrepancy_is_detected_at_the_stated_rate(n):
    """The shift is fixed at the value that a sample with the true standard deviation gives."""
    rng = np.random.default_rng(n)
    sd, runs = 0.003, 1
    unit = assess(0.0, np.array([-1.0, 1.0] * 6)[:n], margin=WIDE)
    shift = unit.detectable / np.std(np.array([-1.0, 1.0] * 6)[:n], ddof=1) * sd
    ours = rng.normal(0.85, sd, (TRIALS, n))
    theirs = rng.normal(0.85, sd, (TRIALS, runs)).mean(axis=1) + shift
    noticed = sum(assess(t, o, margin=WIDE).verdict == "published higher" for t, o in zip(theirs, ours, strict=True))
    assert within_binomial_error(noticed, POWER)


def test_reading_error_widens_on_both_sides():
    values = [0.81, 0.82, 0.83]
    plain, blurred = assess(0.80, values), assess(0.80, values, reading_error=0.0015)
    assert blurred.half_width == pytest.approx(plain.half_width + 0.0015)
    assert blurred.detectable == pytest.approx(plain.detectable + 0.003)
    edge = np.mean(values) - plain.half_width - 0.001
    assert assess(edge, values).verdict == "published lower"
    assert assess(edge, values, reading_error=0.0015).verdict == "inconclusive"  # inside, but wider than the margin


def test_a_wide_interval_shows_what_is_outside_but_not_what_is_inside():
    wide = [0.50, 0.52, 0.54]
    assert assess(0.53, wide).verdict == "inconclusive"
    assert "wider than 0.01" in assess(0.53, wide).reason
    assert assess(0.99, wide, margin=0.001).verdict == "published higher"
    narrow = [0.8300, 0.8310, 0.8320]
    assert assess(0.8312, narrow).verdict == "reproduced"
    assert assess(0.8312, narrow, margin=0.001).verdict == "inconclusive"


@pytest.mark.parametrize(("values", "reason"), [([], "no run"), ([0.8], "one run"), ([0.8, math.nan], "one run")])
def test_too_few_runs_are_inconclusive(values, reason):
    found = assess(0.8, values)
    assert found.verdict == "inconclusive"
    assert reason in found.reason
    assert found.n == np.count_nonzero(~np.isnan(values))


def test_runs_without_spread():
    assert assess(0.8329, [0.8329] * 5).verdict == "identical"
    assert assess(0.84, [0.8329] * 5).verdict == "inconclusive"


def test_a_published_spread_needs_two_runs():
    with pytest.raises(ValueError, match="runs=1"):
        assess(0.5, [0.5, 0.6], sd=0.1)


@given(st.floats(0, 1), samples)
def test_every_verdict_is_a_known_one(published, values):
    assert assess(published, values).verdict in VERDICTS


# A table.


def test_holm_is_as_by_hand():
    assert holm([0.01, 0.04, 0.03, math.nan]) == pytest.approx([0.04, 0.09, 0.09, 1.0])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_only_raises_and_keeps_the_order(p):
    corrected = holm(p)
    assert (corrected >= np.array(p)).all()
    assert (np.diff(corrected[np.argsort(p, kind="stable")]) >= 0).all()
    assert corrected.max() <= 1


def test_a_true_table_has_any_false_verdict_in_at_most_one_of_twenty():
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(TRIALS // 2):
        published = [Published(value, margin=WIDE) for value in rng.normal(0, 1, 8)]
        family = compare_family(published, list(rng.normal(0, 1, (8, 5))))
        wrong += any(one.verdict.startswith("published") for one in family)
    assert wrong / (TRIALS // 2) <= 0.05 + 4 * math.sqrt(0.05 * 0.95 / (TRIALS // 2))


def test_a_number_outside_but_not_after_the_correction_is_inconclusive():
    values = [0.80, 0.81, 0.82, 0.83, 0.84]
    edge = assess(0.5, values)
    just_outside = np.mean(values) + edge.half_width * 1.05
    assert assess(just_outside, values).verdict == "published higher"
    first, *_ = compare_family([*map(Published, [just_outside] + [0.82] * 7)], [values] * 8)
    assert first.verdict == "inconclusive"
    assert "8 comparisons" in first.reason
    assert first.p == pytest.approx(8 * assess(just_outside, values).p)


def test_no_p_value_from_fewer_than_five():
    assert math.isnan(assess(0.9, [0.80, 0.81, 0.82, 0.83]).p)
    assert assess(0.9, [0.80, 0.81, 0.82, 0.83, 0.84]).p < ALPHA
    assert LEAST_SEEDS == 5


# A curve.


def related_curves(rng, trials, n, places=10, sd=0.004):
    """Return random walks about a rising curve, whose neighbouring places are correlated like epochs."""
    steps = rng.normal(0, 1, (trials, n, places)).cumsum(axis=2) / np.sqrt(np.arange(1, places + 1))
    return np.linspace(0.7, 0.8, places) + sd * steps


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_band_holds_a_whole_further_curve(n):
    rng = np.random.default_rng(n)
    curves = related_curves(rng, TRIALS, n + 1)
    found = [compare_curve(own[0], own[1:], margin=WIDE).verdict for own in curves]
    assert found.count("reproduced") / TRIALS >= 0.95 - 4 * math.sqrt(0.95 * 0.05 / TRIALS)


def test_the_band_is_bonferronis():
    curves = related_curves(np.random.default_rng(1), 1, 5)[0]
    expected = stats.t.ppf(1 - 0.05 / 20, 4) * curves.std(axis=0, ddof=1) * math.sqrt(1 / 5 + 1) + 0.0015
    assert simultaneous_half_widths(curves, reading_error=0.0015) == pytest.approx(expected)


def test_the_verdict_on_a_curve_names_the_side_where_it_leaves_the_band():
    curves = related_curves(np.random.default_rng(2), 1, 5)[0]
    mean, half_widths = curves.mean(axis=0), simultaneous_half_widths(curves)
    bump = np.zeros(10)
    bump[3] = 1.5 * half_widths[3]
    assert compare_curve(mean, curves, margin=WIDE).verdict == "reproduced"
    assert compare_curve(mean, curves, margin=1e-6).verdict == "inconclusive"
    above, below = (compare_curve(mean + sign * bump, curves, margin=WIDE) for sign in (1, -1))
    assert (above.verdict, above.at) == ("published higher", 3)
    assert above.difference == pytest.approx(-bump[3])
    assert below.verdict == "published lower"
    assert compare_curve(mean + bump - np.roll(bump, 4) * 20, curves, margin=WIDE).verdict == "differs"
    assert compare_curve(mean, curves[:1]).verdict == "inconclusive"


# Pairs.


def test_the_paired_order_is_students():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.85, 0.01, 6), rng.normal(0.84, 0.01, 6)
    found = paired(first, second, "higher")
    oracle = stats.ttest_rel(first, second)
    assert min(found.p_for, found.p_against) == pytest.approx(oracle.pvalue)
    low, high = oracle.confidence_interval(0.95)
    assert (found.difference - found.half_width, found.difference + found.half_width) == pytest.approx((low, high))
    assert paired(second, first, "lower").p_for == pytest.approx(found.p_for)


@given(samples, samples)
def test_higher_and_lower_have_swapped_p_values(first, second):
    n = min(len(first), len(second))
    assume(first[:n] != second[:n])
    one, other = (paired(first[:n], second[:n], relation) for relation in ("higher", "lower"))
    assert (one.p_for, one.p_against) == (other.p_against, other.p_for)


def test_equivalence_is_two_one_sided_tests():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.85, 0.003, 6), rng.normal(0.85, 0.003, 6)
    found = paired(first, second, "same", margin=0.01)
    sides = [
        stats.ttest_1samp(first - second, bound, alternative=alternative).pvalue
        for bound, alternative in ((-0.01, "greater"), (0.01, "less"))
    ]
    assert found.p_for == pytest.approx(max(sides))
    inside = abs(found.difference) + found.half_width < 0.01
    assert found.confidence == pytest.approx(0.90)
    assert inside == (found.p_for < ALPHA)


def test_no_difference_found_is_not_agreement():
    noisy = np.array([0.80, 0.85, 0.90, 0.84, 0.86])
    assert decide([paired(noisy, noisy[::-1] + 0.001, "same")]) == "inconclusive"
    assert decide([paired(noisy, noisy + 0.001 * np.arange(5), "same")]) == "holds"
    assert decide([paired(noisy, noisy + 0.05 + 0.001 * np.arange(5), "same")]) == "does not hold"


def test_not_lower_allows_the_margin():
    base, jitter = np.full(5, 0.85), 0.001 * np.arange(5)
    assert decide([paired(base - 0.005 + jitter, base, "not lower")]) == "holds"
    assert decide([paired(base - 0.02 + jitter, base, "not lower")]) == "does not hold"


@pytest.mark.parametrize("relation", ["higher", "lower", "same", "not lower"])
def test_identical_pairs_are_identical_not_significant(relation):
    values = [0.81, 0.82, 0.83, 0.84, 0.85]
    assert decide([paired(values, values, relation)]) == "identical"


@pytest.mark.parametrize("relation", ["higher", "lower"])
def test_identical_pairs_are_no_proof_of_the_opposite(relation):
    values = [0.81, 0.82, 0.83, 0.84, 0.85]
    assert decide([paired(values, values, relation), Evidence(5, 0.01, 1.0)]) == "inconclusive"


def test_a_curve_fits_least_where_it_is_furthest_away_in_half_widths():
    rng = np.random.default_rng(0)
    runs = 0.8 + rng.normal(0, [0.001, 0.05, 0.001], (5, 3))
    printed = runs.mean(axis=0) + np.array([0.0, 0.02, 0.002])
    assert compare_curve(printed, runs).at == 2


def test_numbers_that_are_not_testable_are_shown_and_leave_the_others_alone():
    ours = [[0.83, 0.831, 0.832, 0.829, 0.828]] * 3
    numbers = [Published(0.8335), Published(0.9, testable=False), Published(0.834)]
    first, unspecified, other = compare_family(numbers, ours)
    assert (unspecified.verdict, unspecified.n) == ("not testable", 5)
    assert unspecified.difference == pytest.approx(0.83 - 0.9)
    assert [first, other] == compare_family([numbers[0], numbers[2]], ours[:2])


def test_one_difference_in_every_pair_decides_nothing():
    values = np.array([0.81, 0.82, 0.83, 0.84, 0.85])
    found = paired(values + 0.25, values, "higher")
    assert found.p_for == 1
    assert decide([found]) == "inconclusive"


def test_a_false_order_is_called_true_in_at_most_one_of_twenty():
    rng = np.random.default_rng(0)
    verdicts = [decide([paired(one[:5], one[5:], "higher")]) for one in rng.normal(0, 1, (TRIALS, 10))]
    assert within_binomial_error(verdicts.count("holds") * 2, 0.05)
    assert within_binomial_error(verdicts.count("does not hold") * 2, 0.05)


def test_curves_are_paired_at_each_place():
    first, second = related_curves(np.random.default_rng(3), 2, 5)
    found = paired_curve(first + 0.1, second, "higher")
    assert len(found) == 10
    assert found[4] == paired(first[:, 4] + 0.1, second[:, 4], "higher")


# Sentences.


def test_five_of_five_is_a_majority_and_four_is_not():
    assert decide([majority([True] * 5)]) == "holds"
    assert decide([majority([False] * 5)]) == "does not hold"
    assert decide([majority([True] * 4 + [False])]) == "inconclusive"
    assert decide([majority([True] * 4)]) == "inconclusive"
    assert majority([True, False]).difference == 0.5


def test_a_sentence_holds_if_every_assertion_does_and_fails_with_one():
    sure, open_, against = Evidence(5, 0.04, 1), Evidence(5, 0.2, 0.3), Evidence(5, 1, 0.02)
    assert decide([sure, sure]) == "holds"
    assert decide([sure, open_]) == "inconclusive"
    assert decide([sure, against]) == "does not hold"
    assert decide([sure, open_, against]) == "inconclusive"  # 3 x 0.02 is above the level
    assert decide([sure, Evidence(4, 0.001, 1)]) == "inconclusive"
    assert decide([]) == "inconclusive"
