"""Compares the runs in outputs/ with the committed reproduction: are they the same numbers on this machine?

`python scripts/compare.py` with the project's Python, after `make paper` or a part of it. A run has the same name
everywhere; its losses and accuracies should be the same to the last digit wherever the same kernels multiply, and
within rounding elsewhere (or, at a learning rate of 0.1, what chaos makes of it). Times are each machine's own.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from reference import REFERENCE, ROOT, read_runs, runs_of

MEASURED = [f"{part}_{metric}" for part in ("train", "validation", "test") for metric in ("loss", "accuracy")]


def main(outputs: Path = ROOT / "outputs") -> None:
    here, there = runs_of(outputs).set_index("run"), read_runs(REFERENCE / "runs.csv").set_index("run")
    print(told(here.loc[here.index.intersection(there.index)], there))


def told(here: pd.DataFrame, reference: pd.DataFrame) -> str:
    """A line a model: how many runs are the same, and how far the others are."""
    if here.empty:
        return "no run in outputs/ is one of the committed reproduction: make paper"
    there = reference.loc[here.index]
    equal = ((here[MEASURED] == there[MEASURED]) | (here[MEASURED].isna() & there[MEASURED].isna())).all(axis=1)
    apart = 100 * (here["test_accuracy"] - there["test_accuracy"]).abs()
    slower = here["fit_seconds"] / there["fit_seconds"]
    return "\n".join(
        f"{model}: {equal[its].sum()} of {len(its)} runs the same to the last digit; test accuracies at most "
        f"{apart[its].max():.2f} points apart; {slower[its].median():.2f} times the time"
        for model, its in here.groupby("model").groups.items()
    )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
