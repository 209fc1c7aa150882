"""The runs behind a claim: picked by their settings, whichever sweep trained them, and measured seed by seed."""

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

Sample = Mapping[str, Any]

RESULT_METRICS: dict[str, Callable[[pd.DataFrame], pd.Series[float]]] = {
    "test_accuracy": lambda runs: runs["test_accuracy"].astype(float),
    "test_loss": lambda runs: runs["test_loss"].astype(float),
    "train_accuracy": lambda runs: runs["train_accuracy"].astype(float),
    "seconds": lambda runs: runs["fit_seconds"].astype(float).map(math.log),
    "gap": lambda runs: runs["train_accuracy"].astype(float) - runs["test_accuracy"].astype(float),
}
# of curves, a row a seed and a column an epoch; any other is a column of `curves.csv`, at an epoch
CURVE_METRICS: dict[str, Callable[[pd.DataFrame], pd.Series[float]]] = {
    "mean_loss": lambda curves: curves.mean(axis=1),
    "early_loss": lambda curves: curves.loc[:, :EARLY].mean(axis=1),
    "lowest": lambda curves: curves.min(axis=1),
    "highest": lambda curves: curves.max(axis=1),
    "drops": lambda curves: -curves.diff(axis=1).clip(upper=0).sum(axis=1),
}


def join(results: pd.DataFrame, settings: pd.DataFrame) -> pd.DataFrame:
    """Each run once, with the columns of `results.csv` and those configuration keys that are not among them.

    Args:
        results: one row a run, with the columns of `results.csv`.
        settings: the same runs as the index, one column a flat configuration key, and design.CONDITIONS.
    """
    further = settings.loc[~settings.index.duplicated(), settings.columns.difference(results.columns)]
    return results.join(further, on="run").drop_duplicates("run", ignore_index=True)


@dataclass(frozen=True)
class Samples:
    """All runs there are, of whatever sweep.

    Args:
        runs: as `join` gives it.
        curves: one row a run and epoch, with the columns of `curves.csv`.
        base: the settings of a run unless a sample says otherwise; a mapping from model where the models differ.
    """

    runs: pd.DataFrame
    curves: pd.DataFrame
    base: Mapping[str, Any]
    _selected: dict[str, pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = dict.fromkeys([*RESULTS, *CONDITIONS])  # some stand in both
        empty = {"runs": pd.DataFrame(columns=[*known]), "curves": pd.DataFrame(columns=CURVES)}
        for name, frame in empty.items():
            if getattr(self, name).empty:
                object.__setattr__(self, name, frame)

    def select(self, sample: Sample) -> pd.DataFrame:
        """The runs with the settings of `sample`, whatever became of them."""
        settings = self.resolve_settings(sample)
        name = repr(sorted(settings.items()))
        if name not in self._selected:
            chosen = pd.Series(True, index=self.runs.index)
            for key, value in settings.items() if len(self.runs) else ():
                chosen &= self.runs[key] == value
            self._selected[name] = self.runs[chosen]
        return self._selected[name]

    def resolve_settings(self, sample: Sample) -> dict[str, Any]:
        """Every setting that picks a run of `sample`, by its column."""
        told = {KEYS.get(key, key): value for key, value in sample.items() if key != "at"}
        settings = {**self.base, **told}
        model = settings["model.name"]
        own = {key: value[model] if isinstance(value, Mapping) else value for key, value in settings.items()}
        return {key: str(list(value)) if isinstance(value, list | tuple) else value for key, value in own.items()}

    def finished(self, sample: Sample) -> pd.DataFrame:
        runs = self.select(sample)
        return runs[runs["status"] == "finished"]

    def measure(self, sample: Sample, metric: str) -> pd.Series[float]:
        """The metric (`published.claims.METRICS`; time as its logarithm) of each seed that finished, by seed.

        A seed counts once, however often it ran: repetitions are not replicates.
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
        # A run may end earlier than others, with patience: then its last epoch is its end.
        values = curves if "at" in sample else curves.ffill(axis=1)
        return cast("pd.Series[float]", values[at]).dropna()

    def curve(self, sample: Sample, metric: str) -> pd.DataFrame:
        """A row a seed that finished, a column an epoch (from 1); only of seeds that saw every epoch."""
        return self._epochs(sample, metric).dropna()

    def _epochs(self, sample: Sample, metric: str) -> pd.DataFrame:
        """As `curve`, of every seed that finished; NaN after its end."""
        seeds = self.finished(sample).set_index("run")["seed"]
        own = self.curves[self.curves["run"].isin(seeds.index)]
        if own.empty:
            return pd.DataFrame()
        own = own.assign(seed=own["run"].map(seeds), epoch=own["epoch"].astype(int), value=own[metric].astype(float))
        return own.pivot_table(values="value", index="seed", columns="epoch")

    def shows(self, sample: Sample, what: str) -> pd.Series[bool]:
        """Whether each seed shows a property of `published.claims.PROPERTIES`, by seed."""
        if what == "finished":
            runs = self.select(sample)
            ended = runs[runs["status"].isin(["finished", "diverged"])]
            return (ended["status"] == "finished").groupby(ended["seed"]).all()
        if what == "loss_falls":
            return (self.curve(sample, "train_loss").diff(axis=1).iloc[:, 1:] < 0).all(axis=1)
        return (self.curve(sample, "validation_accuracy").diff(axis=1).iloc[:, 1:] < 0).any(axis=1)

    def comparable(self, *samples: Sample) -> bool:
        """Whether the runs of all these samples were timed under the same conditions."""
        return same_conditions(pd.concat([self.finished(sample) for sample in samples]))

    def diverged(self, sample: Sample) -> int:
        return int((self.select(sample)["status"] == "diverged").sum())

    def failure_note(self, sample: Sample) -> str:
        """How many of the runs diverged, in words; nothing when none did."""
        diverged = self.diverged(sample)
        return f"{diverged} of {len(self.select(sample))} runs diverged" if diverged else ""


def experiment_command(experiment: str, seeds: Iterable[int]) -> str:
    """The command that does the runs of an experiment with these seeds."""
    return f"python -m fmnist_lab -m experiment={experiment} seed={','.join(map(str, seeds))}"


def pairs(first: pd.Series[float], second: pd.Series[float]) -> tuple[pd.Series[float], pd.Series[float]]:
    """The seeds that both samples have."""
    seeds = first.index.intersection(second.index)
    return first.loc[seeds], second.loc[seeds]
