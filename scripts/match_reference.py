"""Compare the runs in outputs/ with the committed reproduction: are they the same numbers on this machine?

`python scripts/match_reference.py` with the project's Python, after `make paper` or a part of it. A run has the same
name on every machine. Its losses and accuracies should be the same to the last digit where the same BLAS kernels are
used, and equal within rounding on other machines, except at a learning rate of 0.1, where rounding grows to visible
differences. The times of two machines differ. Packages whose versions differ are listed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from fmnist_lab.results.html import provenance
from fmnist_lab.runs.provenance import PACKAGES
from maintenance.reference import REFERENCE, ROOT, read_runs, runs_of

MEASURED = [f"{subset}_{metric}" for subset in ("train", "validation", "test") for metric in ("loss", "accuracy")]


def main(outputs: Path = ROOT / "outputs") -> None:
    here, there = runs_of(outputs).set_index("run"), read_runs(REFERENCE / "runs.csv").set_index("run")
    here = here.loc[here.index.intersection(there.index)]
    print(matches(here, there))
    if not here.empty:
        committed = json.loads((REFERENCE / "paper" / "provenance.json").read_text("utf-8"))
        for line in differences(provenance(outputs / "runs", here.reset_index()), committed):
            print(line)


def matches(here: pd.DataFrame, reference: pd.DataFrame) -> str:
    """Return a line a model: how many runs are the same, and how far apart the others are."""
    if here.empty:
        return "no run in outputs/ is one of the committed reproduction: make paper"
    there = reference.loc[here.index]
    equal = ((here[MEASURED] == there[MEASURED]) | (here[MEASURED].isna() & there[MEASURED].isna())).all(axis=1)
    apart = 100 * (here["test_accuracy"] - there["test_accuracy"]).abs()
    slower = here["fit_seconds"] / there["fit_seconds"]
    return "\n".join(
        f"{model}: {equal[runs].sum()} of {len(runs)} runs the same to the last digit; test accuracies at most "
        f"{apart[runs].max():.2f} points apart; {slower[runs].median():.2f} times the time"
        for model, runs in here.groupby("model").groups.items()
    )


def differences(here: Mapping[str, Sequence[str]], reference: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a line for Python and each package whose versions differ, among those that both sides list."""
    return [
        f"{name}: {', '.join(here[name])} here, {', '.join(reference[name])} in the committed reproduction"
        for name in ("Python", *PACKAGES)
        if name in here and name in reference and set(here[name]) != set(reference[name])
    ]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
