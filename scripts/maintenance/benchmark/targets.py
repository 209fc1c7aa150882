"""Compare the measurements with the targets that the project set itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from benchmark.arithmetic import EAGER, FLOOR, epoch_seconds, ratio, wide

Measurements = dict[str, pd.DataFrame]  # by part, each as `tasks.Rounds.frame` returns it
Values = dict[str, pd.Series]  # a value a round, by what it was measured of


@dataclass(frozen=True)
class Target:
    """A bound on a measured number; `sense` is `at most`, `at least` or, without a bound, `reported`."""

    what: str
    part: str
    sense: str
    bound: float
    values: Callable[[pd.DataFrame], Values]

    def verdict(self, median: float) -> str:
        if self.sense == "reported":
            return "reported"
        return "met" if (median <= self.bound if self.sense == "at most" else median >= self.bound) else "missed"


def by_architecture(above: str, below: str, *only: str) -> Callable[[pd.DataFrame], Values]:
    """Return a function that gives `above` / `below` for each architecture: those in `only`, or all."""

    def values(frame: pd.DataFrame) -> Values:
        found = ratio(epoch_seconds(frame), above, below)
        groups = found.groupby(level="hidden", sort=False)
        return {f"[{hidden}]": group for hidden, group in groups if not only or hidden in only}

    return values


def of_quantity(contender: str, quantity: str, **where: int) -> Callable[[pd.DataFrame], Values]:
    """Return a function that gives a contender's quantity as it was measured."""
    return lambda frame: {"": chosen(frame, contender, quantity, **where)}


def chosen(frame: pd.DataFrame, contender: str, quantity: str, **where: int) -> pd.Series:
    """Return one quantity by round."""
    rows = frame[(frame["contender"] == contender) & (frame["quantity"] == quantity)]
    for name, value in where.items():
        rows = rows[rows[name] == value]
    return rows.set_index("round")["value"]


def cold_over_warm(frame: pd.DataFrame) -> Values:
    found = wide(frame, "first_seconds")["custom"] / wide(frame, "later_seconds")["custom"]
    return {f"[{hidden}]": group for hidden, group in found.groupby(level="hidden", sort=False)}


def one_worker_over_two(frame: pd.DataFrame) -> Values:
    one, two = (chosen(frame, "table1", "seconds", workers=count) for count in (1, 2))
    return {"": (one / two).dropna()}


def added_memory(frame: pd.DataFrame) -> Values:
    one, two = (chosen(frame, "run", "pss_mb", workers=count) for count in (1, 2))
    return {"": (two - one).dropna()}


WIDE = ("256,128", "256", "256,1024", "1024,128")
TARGETS = [
    Target("custom, one epoch, over the floor", "epoch", "at most", 1.15, by_architecture("custom", FLOOR, *WIDE)),
    Target(
        "custom, one epoch, over its GEMMs alone",
        "epoch", "at most", 1.6, by_architecture("custom", "gemms", "8,128", "16,128"),
    ),
    Target("project's PyTorch over fastest eager script", "epoch", "at most", 1.05, by_architecture("torch", EAGER)),
    Target("fastest eager PyTorch over custom", "epoch", "reported", 0, by_architecture(EAGER, "custom")),
    *(
        Target(
            f"DataLoader, {workers} workers, over custom",
            "epoch", "at least", 8, by_architecture(f"torch_dataloader_{workers}", "custom", "256,128"),
        )
        for workers in (0, 2)
    ),
    Target("JAX jit over custom", "epoch", "at least", 1.0, by_architecture("jax_jit", "custom")),
    Target("cold start: first epoch over later ones", "cold", "at most", 1.05, cold_over_warm),
    Target("table1: wall clock, one worker over two", "sweep", "at least", 1.85, one_worker_over_two),
    *(
        Target(f"table1: {words}, one worker", "sweep", "at most", bound, of_quantity("table1", quantity, workers=1))
        for words, bound, quantity in (
            ("share of the wall clock outside training and evaluation", 0.08, "outside_share"),
            ("seconds a run outside training and evaluation", 0.3, "outside_seconds_a_run"),
        )
    ),
    Target("output of 200 finished runs again (s)", "sweep", "at most", 15, of_quantity("finished sweep", "seconds")),
    Target("peak memory of a custom run (MB)", "memory", "at most", 350, of_quantity("run", "peak_mb", workers=1)),
    Target("memory added by a second run at once (MB)", "memory", "at most", 200, added_memory),
]  # fmt: skip


def targets(measured: Measurements) -> pd.DataFrame:
    """Return a row a target and architecture with median, min and max over the rounds; blanks if not measured."""
    return pd.DataFrame([row for target in TARGETS for row in rows(target, measured)])


def rows(target: Target, measured: Measurements) -> list[dict[str, object]]:
    row: dict[str, object] = {"what": target.what, "where": "", "target": goal(target)}
    values = target.values(measured[target.part]) if target.part in measured else {}
    found = {place: series for place, series in values.items() if len(series)}
    if not found:
        return [row | {"verdict": "not measured"}]
    return [row | {"where": place} | outcome(target, series) for place, series in found.items()]


def goal(target: Target) -> str:
    return target.sense if target.sense == "reported" else f"{target.sense} {target.bound:g}"


def outcome(target: Target, series: pd.Series) -> dict[str, object]:
    spread = {"median": series.median(), "min": series.min(), "max": series.max(), "rounds": len(series)}
    return spread | {"verdict": target.verdict(series.median())}
