"""Statistics over seeds: means with Student t intervals, and how many runs diverged or failed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t

from fmnist_lab.results.factors import CONDITIONS, Factor, find_factors, join_runs
from fmnist_lab.results.intervals import CONFIDENCE

TIMES_DIFFER = "times measured under different conditions"
TEST_IS_VALIDATION = "no validation images: validation accuracy is test accuracy"


def interval(groups: Any) -> pd.DataFrame:
    """Return the mean and the half-width of the 95 % t interval of each group; NaN values do not count.

    Args:
        groups: a pandas SeriesGroupBy of independent measurements.

    Returns:
        One row per group, with columns mean, half_width (NaN for fewer than two values) and n.
    """
    table = groups.agg(["mean", "sem", "count"])
    half_width = t.ppf((1 + CONFIDENCE) / 2, table["count"] - 1) * table["sem"]
    return pd.DataFrame({"mean": table["mean"], "half_width": half_width, "n": table["count"]})


def analyze(results: pd.DataFrame, curves: pd.DataFrame, settings: pd.DataFrame) -> tuple[list[Factor], pd.DataFrame]:
    """Return the factors of a sweep, and its runs with their levels and the epoch in which they diverged.

    Args:
        results: one row per run, with the columns of `results.csv`.
        curves: one row per run and epoch, with the columns of `curves.csv`.
        settings: indexed by run, one column per dotted configuration key and each of factors.CONDITIONS.
    """
    factors = find_factors(settings)
    runs = join_runs(results, settings, factors)
    return factors, runs.assign(diverged_epoch=diverged_epochs(runs, curves))


def summarize(runs: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return one row for each combination of levels and model.

    Args:
        runs: one row per run, from `analyze`.
        names: the factors; rows are sorted by the first, then by the second and so on, and at last by model.

    Returns:
        Columns: the names, model, n (seeds finished), runs, diverged, failed, then mean and half-width of
        validation_accuracy, test_accuracy (fractions) and train_loss, fit_seconds_median (NaN unless all
        runs were timed under the same conditions) and notes.
    """
    by = [*names, "model"]
    is_status = {status: runs["status"] == status for status in ("finished", "diverged", "failed")}
    finished_seed = runs["seed"].where(is_status["finished"])
    groups = runs.assign(**is_status, finished_seed=finished_seed).groupby(by, observed=True)
    table = groups.agg(n=("finished_seed", "nunique"), runs=("run", "size"))
    table = table.join(groups[["diverged", "failed"]].sum())
    for metric in ("validation_accuracy", "test_accuracy", "train_loss"):
        # A seed counts once, even if it ran several times (on other hardware): repetitions are not replicates.
        of_seeds = runs.groupby([*by, "seed"], observed=True)[metric].mean()
        estimate = interval(of_seeds.groupby(level=by, observed=True))
        table[[f"{metric}_mean", f"{metric}_half_width"]] = estimate[["mean", "half_width"]]
    table["fit_seconds_median"] = groups["fit_seconds"].median() if same_conditions(runs) else np.nan
    table["notes"] = groups[["status", "diverged_epoch"]].apply(failure_note)
    return table.reset_index()


def same_conditions(runs: pd.DataFrame) -> bool:
    """Return whether all finished runs were timed with the same CPU, BLAS, threads and concurrent runs."""
    return len(runs.loc[runs["status"] == "finished", CONDITIONS].drop_duplicates()) <= 1


def remarks(runs: pd.DataFrame) -> list[str]:
    """Return the notes that concern every table of these runs."""
    differ = [] if same_conditions(runs) else [TIMES_DIFFER]
    return differ + ([TEST_IS_VALIDATION] if runs["without_validation"].any() else [])


def failure_note(runs: pd.DataFrame) -> str:
    """Return how many runs did not finish, as in `1 of 5 diverged (epoch 3)`; empty if all finished."""
    notes = []
    for status in ("diverged", "failed"):
        ended = runs[runs["status"] == status]
        if len(ended):
            count = f"{len(ended)} of {len(runs)} " if len(runs) > 1 else ""
            notes.append(f"{count}{status}{_epochs(ended)}")
    return ", ".join(notes)


def diverged_epochs(runs: pd.DataFrame, curves: pd.DataFrame) -> pd.Series:
    """Return the epoch (from 1) in which each run diverged, the last in its curve; NaN for all others."""
    last = curves.groupby("run")["epoch"].max().astype(float)
    return runs["run"].map(last).where(runs["status"] == "diverged")


def _epochs(runs: pd.DataFrame) -> str:
    epochs = sorted({int(epoch) for epoch in runs["diverged_epoch"].dropna()})
    if not epochs:
        return ""
    return f" (epoch{'s' if len(epochs) > 1 else ''} {', '.join(map(str, epochs))})"
