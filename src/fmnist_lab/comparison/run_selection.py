"""The runs of a sample: selected by their settings, whichever sweep trained them, and measured seed by seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pandas as pd

from fmnist_lab.results.factors import CONDITIONS
from fmnist_lab.results.frames import CURVES, KEYS, RESULTS
from fmnist_lab.results.summary_statistics import same_conditions

EARLY = 3  # epochs

Sample = Mapping[str, Any]  # the settings of the runs, and in some `at`, the epoch of interest

RESULT_METRICS: dict[str, Callable[[pd.DataFrame], pd.Series[float]]] = {
    "test_accuracy": lambda runs: runs["test_accuracy"].astype(float),
    "test_loss": lambda runs: runs["test_loss"].astype(float),
    "train_accuracy": lambda runs: runs["train_accuracy"].astype(float),
    "seconds": lambda runs: runs["fit_seconds"].astype(float).map(math.log),
    "gap": lambda runs: runs["train_accuracy"].astype(float) - runs["test_accuracy"].astype(float),
}
# Of curves with one row per seed and one column per epoch. Any other metric is a column of `curves.csv` at one epoch.
CURVE_METRICS: dict[str, Callable[[pd.DataFrame], pd.Series[float]]] = {
    "mean_loss": lambda curves: curves.mean(axis=1),
    "early_loss": lambda curves: curves.loc[:, :EARLY].mean(axis=1),
    "lowest": lambda curves: curves.min(axis=1),
    "highest": lambda curves: curves.max(axis=1),
    "drops": lambda curves: -curves.diff(axis=1).clip(upper=0).sum(axis=1),
}


def join(results: pd.DataFrame, settings: pd.DataFrame) -> pd.DataFrame:
    """Return each run once, with the columns of `results.csv` and all other configuration keys.

    Args:
        results: one row per run, with the columns of `results.csv`.
        settings: indexed by run, one column per dotted configuration key and each of factors.CONDITIONS.
    """
    further = settings.loc[~settings.index.duplicated(), settings.columns.difference(results.columns)]
    return results.join(further, on="run").drop_duplicates("run", ignore_index=True)


@dataclass(frozen=True)
class Samples:
    """All runs on disk, of every sweep.

    Args:
        runs: from `join`.
        curves: one row per run and epoch, with the columns of `curves.csv`.
        base: the settings that a sample does not name; a value may be a mapping from model to value.
    """

    runs: pd.DataFrame
    curves: pd.DataFrame
    base: Mapping[str, Any]
    _selected: dict[str, pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = dict.fromkeys([*RESULTS, *CONDITIONS])  # some are in both
        empty = {"runs": pd.DataFrame(columns=[*known]), "curves": pd.DataFrame(columns=CURVES)}
        for name, frame in empty.items():
            if getattr(self, name).empty:
                object.__setattr__(self, name, frame)

    def select(self, sample: Sample) -> pd.DataFrame:
        """Return the runs with the settings of `sample`, with any status."""
        settings = self.resolve_settings(sample)
        name = repr(sorted(settings.items()))
        if name not in self._selected:
            chosen = pd.Series(True, index=self.runs.index)
            for key, value in settings.items() if len(self.runs) else ():
                chosen &= self.runs[key] == value
            self._selected[name] = self.runs[chosen]
        return self._selected[name]

    def resolve_settings(self, sample: Sample) -> dict[str, Any]:
        """Return the settings that a run of `sample` must have, by column."""
        given = {KEYS.get(key, key): value for key, value in sample.items() if key != "at"}
        settings = {**self.base, **given}
        model = settings["model.name"]
        own = {key: value[model] if isinstance(value, Mapping) else value for key, value in settings.items()}
        return {key: str(list(value)) if isinstance(value, list | tuple) else value for key, value in own.items()}

    def finished(self, sample: Sample) -> pd.DataFrame:
        """Return the runs of `sample` that finished."""
        runs = self.select(sample)
        return runs[runs["status"] == "finished"]

    def measure(self, sample: Sample, metric: str) -> pd.Series[float]:
        """Return the metric of each seed that finished, by seed; `seconds` as their logarithm.

        `metric` is one of RESULT_METRICS or CURVE_METRICS, or a column of `curves.csv`. A seed counts once, even if it
        ran several times: repetitions are not replicates.
        """
        if metric in RESULT_METRICS:
            runs = self.finished(sample)
            return RESULT_METRICS[metric](runs).groupby(runs["seed"]).mean().dropna()
        if metric in CURVE_METRICS:
            curves = self.curve(sample, "train_loss" if metric.endswith("loss") else "validation_accuracy")
            return CURVE_METRICS[metric](curves) if len(curves) else pd.Series(dtype=float)
        curves = self._epochs(sample, metric)
        at = sample.get("at", curves.columns.max())
        if at not in curves:
            return pd.Series(dtype=float)
        # With `patience`, a run may end earlier than others: then its last value counts.
        values = curves if "at" in sample else curves.ffill(axis=1)
        return cast("pd.Series[float]", values[at]).dropna()

    def curve(self, sample: Sample, metric: str) -> pd.DataFrame:
        """Return one row per finished seed and one column per epoch (from 1), for seeds that reached the last epoch."""
        return self._epochs(sample, metric).dropna()

    def _epochs(self, sample: Sample, metric: str) -> pd.DataFrame:
        """Return what `curve` returns, for every finished seed, with NaN after its last epoch."""
        seeds = self.finished(sample).set_index("run")["seed"]
        own = self.curves[self.curves["run"].isin(seeds.index)]
        if own.empty:
            return pd.DataFrame()
        own = own.assign(seed=own["run"].map(seeds), epoch=own["epoch"].astype(int), value=own[metric].astype(float))
        return own.pivot_table(values="value", index="seed", columns="epoch")

    def shows(self, sample: Sample, what: str) -> pd.Series[bool]:
        """Return whether each seed has a property, by seed: one of `reproduction.claims.PROPERTIES`."""
        if what == "finished":
            runs = self.select(sample)
            ended = runs[runs["status"].isin(["finished", "diverged"])]
            return (ended["status"] == "finished").groupby(ended["seed"]).all()
        if what == "loss_falls":
            return (self.curve(sample, "train_loss").diff(axis=1).iloc[:, 1:] < 0).all(axis=1)
        return (self.curve(sample, "validation_accuracy").diff(axis=1).iloc[:, 1:] < 0).any(axis=1)

    def comparable(self, *samples: Sample) -> bool:
        """Return whether the runs of all these samples were timed under the same conditions."""
        return same_conditions(pd.concat([self.finished(sample) for sample in samples]))

    def diverged(self, sample: Sample) -> int:
        """Return how many runs of `sample` diverged."""
        return int((self.select(sample)["status"] == "diverged").sum())

    def failure_note(self, sample: Sample) -> str:
        """Return how many runs diverged, as in `2 of 5 runs diverged`; empty if none did."""
        diverged = self.diverged(sample)
        return f"{diverged} of {len(self.select(sample))} runs diverged" if diverged else ""


def experiment_command(experiment: str, seeds: Iterable[int]) -> str:
    """Return the command that trains the runs of an experiment with these seeds."""
    return f"python -m fmnist_lab -m experiment={experiment} seed={','.join(map(str, seeds))}"


def pairs(first: pd.Series[float], second: pd.Series[float]) -> tuple[pd.Series[float], pd.Series[float]]:
    """Return the values of the seeds that both samples have."""
    seeds = first.index.intersection(second.index)
    return first.loc[seeds], second.loc[seeds]
