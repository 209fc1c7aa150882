"""What was found, in sentences written from the frames."""

from collections.abc import Iterator, Mapping

import pandas as pd

from fmnist_lab.published.verdict import VERDICTS
from fmnist_lab.report.paper_figures import initialization_differences
from fmnist_lab.report.paper_tables import signed

Tables = Mapping[tuple[str, str], pd.DataFrame]  # by the table's id and `stated` or `inferred`

SETTINGS = {"stated": "at the settings that the report states", "inferred": "at the settings inferred from the tables"}


def verdict_counts(claims: pd.DataFrame) -> dict[str, int]:
    """How many claims got each verdict, in the order of VERDICTS; verdicts that none got are left out."""
    counts = claims["verdict"].value_counts()
    return {verdict: int(counts[verdict]) for verdict in VERDICTS if verdict in counts}


def findings(claims: pd.DataFrame, tables: Tables, runs: pd.DataFrame) -> list[str]:
    """The main findings, most general first.

    Args:
        claims: one row a claim, as `judgement.judge` gives it.
        tables: frames as `judgement.cells` gives them.
        runs: one row a run, at the report's settings but for the initialisation and the learning rate.
    """
    return [*_curves(claims), *_cells(tables), *_initialization(runs), *_sentences(claims)]


def _curves(claims: pd.DataFrame) -> Iterator[str]:
    series = claims[claims["kind"] == "series"]
    if len(series):
        yield f"The {len(series)} printed curves: {_tally(series)}."


def _cells(tables: Tables) -> Iterator[str]:
    for settings, words in SETTINGS.items():
        cells = [table for (_, chosen), table in tables.items() if chosen == settings]
        if cells:
            joined = pd.concat(cells)
            yield f"The {len(joined)} comparisons with printed test accuracies, {words}: {_tally(joined)}."


def _initialization(runs: pd.DataFrame) -> Iterator[str]:
    for rate, rows in initialization_differences(runs).dropna(subset="mean").groupby("lr"):
        told = [
            f"{_points(mean, half_width)} with {_start(start)}"
            for start, mean, half_width in zip(rows["start"], rows["mean"], rows["half_width"], strict=True)
        ]
        yield f"Learning rate {rate:g}, validation accuracy, custom minus PyTorch: {', '.join(told)}."


def _sentences(claims: pd.DataFrame) -> Iterator[str]:
    sentences = claims[claims["kind"] == "sentence"]
    if len(sentences):
        yield f"The {len(sentences)} sentences that can be checked: {_tally(sentences)}."
    for row in sentences[sentences["verdict"] == "does not hold"].itertuples(index=False):
        yield f"“{row.says}” ({row.where}) does not hold: {row.reason}."


def _tally(rows: pd.DataFrame) -> str:
    return ", ".join(f"{verdict} {count}" for verdict, count in verdict_counts(rows).items())


def _points(mean: float, half_width: float) -> str:
    interval = "" if pd.isna(half_width) else f" ± {100 * half_width:.2f}"
    return f"{signed(100 * mean)}{interval} points"


def _start(start: str) -> str:
    return {"each its own": "each its own initialisation"}.get(start, f"{start.removeprefix('both ')} for both")
