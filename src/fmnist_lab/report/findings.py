"""What was found, in sentences written from the frames."""

from collections.abc import Mapping

import pandas as pd

from fmnist_lab.published.report import printed_title
from fmnist_lab.published.verdict import VERDICTS
from fmnist_lab.report.audit_write import inside, setting_name
from fmnist_lab.report.paper_figures import initialization_differences
from fmnist_lab.report.paper_tables import signed

Tables = Mapping[tuple[str, str], pd.DataFrame]  # by the table's id and `stated` or `inferred`

SETTINGS = {"stated": "at the settings that the report states", "inferred": "at the settings inferred from the tables"}


def verdict_counts(claims: pd.DataFrame) -> dict[str, int]:
    """How many claims got each verdict, in the order of VERDICTS; verdicts that none got are left out."""
    counts = claims["verdict"].value_counts()
    return {verdict: int(counts[verdict]) for verdict in VERDICTS if verdict in counts}


def findings(claims: pd.DataFrame, tables: Tables, runs: pd.DataFrame, ranking: pd.DataFrame) -> list[str]:
    """The main findings in a sentence each, at most five.

    Args:
        claims: one row a claim, as `judgement.judge` gives it.
        tables: frames as `judgement.cells` gives them.
        runs: one row a run, at the report's settings but for the initialisation and the learning rate.
        ranking: the candidates of the audit, as `audit.candidates` gives them; empty before an audit.
    """
    found = (_initialization(runs), _cells(tables), _best_fits(ranking), _curves(claims), _sentences(claims))
    return [sentence for sentence in found if sentence]


def refuted(claims: pd.DataFrame) -> list[str]:
    """The report's sentences that do not hold, each with the reason."""
    sentences = claims[(claims["kind"] == "sentence") & claims["verdict"].isin(("does not hold", "contradicted"))]
    return [f"“{row.says}” ({row.where}): {row.verdict}; {row.reason}." for row in sentences.itertuples(index=False)]


def _initialization(runs: pd.DataFrame) -> str:
    differences = initialization_differences(runs).dropna(subset="mean")
    told = [
        f"with {_start(str(start))} "
        + ", ".join(
            f"{_points(mean, half_width)} at learning rate {rate:g}"
            for rate, mean, half_width in zip(rows["lr"], rows["mean"], rows["half_width"], strict=True)
        )
        for start, rows in differences.groupby("start", sort=False)
    ]
    return f"Custom minus PyTorch in validation accuracy, in points: {'; '.join(told)}." if told else ""


def _cells(tables: Tables) -> str:
    told = []
    for settings, words in SETTINGS.items():
        cells = [table for (_, chosen), table in tables.items() if chosen == settings]
        if cells:
            joined = pd.concat(cells)
            told.append(f"{words}, {_tally(joined)} (of {len(joined)} comparisons)")
    return f"The printed test accuracies: {'; '.join(told)}." if told else ""


def _best_fits(ranking: pd.DataFrame) -> str:
    if ranking.empty:
        return ""
    told = [
        f"{printed_title(str(table))} {setting_name(rows.iloc[0])}, with {inside(rows.iloc[0])}"
        for table, rows in ranking.groupby("table")
    ]
    return f"The settings that would explain the tables best: {'; '.join(told)}."


def _curves(claims: pd.DataFrame) -> str:
    series = claims[claims["kind"] == "series"]
    return f"The {len(series)} printed curves: {_tally(series)}." if len(series) else ""


def _sentences(claims: pd.DataFrame) -> str:
    sentences = claims[claims["kind"] == "sentence"]
    return f"The {len(sentences)} sentences that can be checked: {_tally(sentences)}." if len(sentences) else ""


def _tally(rows: pd.DataFrame) -> str:
    return ", ".join(f"{verdict} {count}" for verdict, count in verdict_counts(rows).items())


def _points(mean: float, half_width: float) -> str:
    interval = "" if pd.isna(half_width) else f" ± {100 * half_width:.2f}"
    return f"{signed(100 * mean)}{interval}"


def _start(start: str) -> str:
    return {"each its own": "each its own initialisation"}.get(start, f"{start.removeprefix('both ')} for both")
