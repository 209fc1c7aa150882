"""Means, intervals, and the notes on runs that did not finish."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from fmnist_lab.results.factors import find_factors, join_runs
from fmnist_lab.results.summary_statistics import (
    TEST_IS_VALIDATION,
    TIMES_DIFFER,
    diverged_epochs,
    failure_note,
    interval,
    remarks,
    summarize,
)

accuracies = st.lists(st.floats(0, 1), min_size=2, max_size=20).filter(lambda values: np.std(values) > 1e-6)


def runs_of(sweep) -> pd.DataFrame:
    factors = find_factors(sweep.settings)
    runs = join_runs(sweep.results, sweep.settings, factors)
    return runs.assign(diverged_epoch=diverged_epochs(runs, sweep.curves))


def summary_of(sweep) -> pd.DataFrame:
    return summarize(runs_of(sweep), [factor.name for factor in find_factors(sweep.settings)])


@given(accuracies)
def test_the_interval_is_students(values):
    [row] = interval(pd.Series(values).groupby([0] * len(values))).itertuples()
    mean, spread = np.mean(values), scipy.stats.sem(values)
    expected = scipy.stats.t.interval(0.95, len(values) - 1, loc=mean, scale=spread)
    assert (row.mean - row.half_width, row.mean + row.half_width) == pytest.approx(expected)
    assert row.n == len(values)


def test_one_value_has_a_mean_and_no_interval():
    [row] = interval(pd.Series([0.8, np.nan]).groupby([0, 0])).itertuples()
    assert (row.mean, row.n) == (0.8, 1)
    assert np.isnan(row.half_width)


def test_there_is_a_row_for_each_combination_and_model_in_order(build):
    table = summary_of(build({"lr": [0.1, 0.002], "batch_size": [128, 16]}))
    found = table[["lr", "batch_size", "model"]].astype(str).agg("/".join, axis=1)
    assert list(found[:4]) == ["0.002/16/custom", "0.002/16/torch", "0.002/128/custom", "0.002/128/torch"]
    assert len(table) == 8


def test_a_row_summarizes_its_seeds(build):
    sweep = build({"seed": [0, 1, 2]})
    custom = summary_of(sweep).iloc[0]
    own = sweep.results[sweep.results["model"] == "custom"]
    assert (custom["n"], custom["runs"]) == (3, 3)
    for metric in ("validation_accuracy", "test_accuracy", "train_loss"):
        low, high = scipy.stats.t.interval(0.95, 2, own[metric].mean(), own[metric].sem())
        assert custom[f"{metric}_mean"] == pytest.approx((low + high) / 2)
        assert custom[f"{metric}_half_width"] == pytest.approx((high - low) / 2)
    assert custom["fit_seconds_median"] == own["fit_seconds"].median()


def test_repetitions_of_a_seed_are_no_replicates(build):
    once, again = build(), build(threads=2)
    sweep = type(once)(*(pd.concat(pair) for pair in zip(once.frames, again.frames, strict=True)))
    custom = summary_of(sweep).iloc[0]
    assert (custom["n"], custom["runs"]) == (1, 2)
    assert np.isnan(custom["test_accuracy_half_width"])


def test_runs_that_did_not_finish_are_counted_and_left_out_of_means(build):
    whole = build({"seed": [0, 1, 2, 3]})
    sweep = whole.end("diverged", after=2, model="custom", seed=1).end("failed", model="custom", seed=3)
    custom = summary_of(sweep).iloc[0]
    assert tuple(custom[["n", "runs", "diverged", "failed"]]) == (2, 4, 1, 1)
    own = whole.results.query("model == 'custom' and seed in (0, 2)")
    assert custom["test_accuracy_mean"] == pytest.approx(own["test_accuracy"].mean())
    assert custom["notes"] == "1 of 4 diverged (epoch 3), 1 of 4 failed"


def test_when_all_diverged_there_are_no_means(build):
    table = summary_of(build({"lr": [0.1, 1.0]}).end("diverged", after=1))
    assert list(table["n"]) == [0, 0, 0, 0]
    assert table.filter(like="mean").isna().all(axis=None)
    assert set(table["notes"]) == {"diverged (epoch 2)"}


def test_a_failed_sweep_without_any_values_has_rows(build):
    sweep = build().end("failed")
    sweep.results["test_accuracy"] = pd.Series([None, None], dtype=object)
    assert list(summary_of(sweep)["notes"]) == ["failed", "failed"]


@pytest.mark.parametrize(("condition", "other"), [("cpu", "B CPU"), ("blas", "B BLAS"), ("threads", 2), ("workers", 2)])
def test_times_under_different_conditions_are_left_out(build, condition, other):
    alike = build()
    differing = alike.condition(condition, other, model="torch")
    assert summary_of(alike)["fit_seconds_median"].notna().all()
    assert summary_of(differing)["fit_seconds_median"].isna().all()
    assert (remarks(runs_of(alike)), remarks(runs_of(differing))) == ([], [TIMES_DIFFER])


def test_the_conditions_of_a_failed_run_do_not_matter(build):
    sweep = build().end("failed", model="torch").condition("cpu", None, model="torch")
    assert remarks(runs_of(sweep)) == []


@pytest.mark.parametrize(("validation", "notes"), [(0, [TEST_IS_VALIDATION]), (0.1, []), (5000, [])])
def test_missing_validation_images_give_a_remark(build, validation, notes):
    assert remarks(runs_of(build(**{"data.validation": validation}))) == notes


def test_several_epochs_of_divergence_are_all_named(build):
    sweep = build({"model.name": ["custom"], "seed": [0, 1, 2]})
    sweep = sweep.end("diverged", after=4, seed=0).end("diverged", after=1, seed=2)
    assert failure_note(runs_of(sweep)) == "2 of 3 diverged (epochs 2, 5)"


def test_the_epoch_of_divergence_is_the_last_on_record(build):
    sweep = build().end("diverged", after=6, model="torch")
    runs = join_runs(sweep.results, sweep.settings, [])
    assert list(diverged_epochs(runs, sweep.curves).fillna(0)) == [0, 7]
