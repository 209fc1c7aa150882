"""What was found, in sentences written from the frames."""

from collections.abc import Mapping

import pandas as pd

from fmnist_lab.comparison.table_output import verdict_counts
from fmnist_lab.reproduction.candidates import inside, is_at, setting_name, stated_setting
from fmnist_lab.reproduction.figures import OWN_START, initialization_differences
from fmnist_lab.reproduction.report import load_report, printed_title
from fmnist_lab.results.tables import signed

Tables = Mapping[tuple[str, str], pd.DataFrame]  # by the table's id and `stated` or `inferred`

OUTSIDE = ("published higher", "published lower", "differs")
SETTINGS = {"stated": "At the settings that the report states", "inferred": "At settings inferred from the tables"}


def findings(claims: pd.DataFrame, tables: Tables, runs: pd.DataFrame, ranking: pd.DataFrame) -> list[str]:
    """The main findings, at most five.

    Args:
        claims: one row a claim, as `judgement.judge` gives it.
        tables: frames as `judgement.cells` gives them.
        runs: one row a run, at the report's settings but for the initialisation and the learning rate.
        ranking: the candidates that an audit kept, and the stated settings, as `audit.candidates` gives them; empty
            before an audit.
    """
    found = (_initialization(claims, runs), _cells(tables), _audit(ranking), _curves(claims), _sentences(claims))
    return [sentence for sentence in found if sentence]


def refuted(claims: pd.DataFrame) -> list[str]:
    """What the report says and does not hold, in this project's words, each with the reason."""
    said = claims[claims["kind"].isin(("sentence", "contradiction")) & (claims["mark"] == "stated")]
    chosen = said[said["verdict"].isin(("does not hold", "contradicted"))]
    sentences = chosen["says"].str[:1].str.upper() + chosen["says"].str[1:]
    told = zip(sentences, chosen["where"], chosen["verdict"], chosen["reason"], strict=True)
    return [f"{says} ({where}, in our words): {verdict}; {reason}." for says, where, verdict, reason in told]


def _initialization(claims: pd.DataFrame, runs: pd.DataFrame) -> str:
    """The outcome of the swap: custom minus PyTorch with each its own start, and with the same."""
    differences = initialization_differences(runs).dropna(subset="mean")
    is_own = differences["start"] == OWN_START
    own, same = differences[is_own], differences[~is_own]
    if own.empty or same.empty:
        return ""
    told = ", ".join(
        f"{_points(mean, half_width)} at learning rate {rate:g}"
        for rate, mean, half_width in zip(own["lr"], own["mean"], own["half_width"], strict=True)
    )
    most = 100 * (same["mean"].abs() + same["half_width"].fillna(0)).max()
    included = ", intervals included" if same["half_width"].notna().all() else ""
    agree = claims.loc[claims["claim"] == "same-start", "verdict"].isin(("holds", "identical")).any()
    return (
        f"Custom minus PyTorch, in points of validation accuracy, with each its own initialisation: {told} "
        f"(paired by seed, n = {own['n'].min():g}). From the same initial weights the two differ by at most {most:.2f} "
        f"at any of these rates{included}{'. It is the start, not the code' if agree else ''}."
    )


def _cells(tables: Tables) -> str:
    told = []
    for settings, words in SETTINGS.items():
        cells = [table for (_, chosen), table in tables.items() if chosen == settings]
        if cells:
            joined = pd.concat(cells)
            told.append(f"{words}: {_tally(joined)}, of {len(joined)} comparisons{_span(joined)}.")
    return f"The printed test accuracies. {' '.join(told)}" if told else ""


def _span(cells: pd.DataFrame) -> str:
    """How far the published values lie outside, in points."""
    away = -100 * cells.loc[cells["verdict"].isin(OUTSIDE), "difference"].astype(float)
    return f"; published minus measured {signed(away.min(), 1)} to {signed(away.max(), 1)} points" if len(away) else ""


def _audit(ranking: pd.DataFrame) -> str:
    """What would explain each table: the best candidate, and how many cannot be told from it."""
    told = []
    for table, rows in ranking.groupby("table") if len(ranking) else ():
        kept = rows[rows["kept"]]
        best, alike = kept.iloc[0], kept["lr_updates"]
        stated = [inside(row) for _, row in rows[is_at(rows, stated_setting(load_report()))].head(1).iterrows()]
        told.append(
            f"{printed_title(str(table))}: {len(kept)} settings cannot be told apart (learning rate × updates "
            f"{alike.min():.3g} to {alike.max():.3g}), the best {setting_name(best)} with {inside(best)}"
            + (f", its interval widened {best['scale']:.1f} times" if best["scale"] > 1 else "")
            + "".join(f"; at the stated settings {words}" for words in stated)
        )
    return f"What would explain the tables. {'. '.join(told)}." if told else ""


def _curves(claims: pd.DataFrame) -> str:
    series = claims[claims["kind"] == "series"]
    if series.empty:
        return ""
    inside_all = series["half_width"].notna().all() and not series["verdict"].isin(OUTSIDE).any()
    none_leaves = "; none leaves the band of our runs" if inside_all else ""
    return f"The {len(series)} printed curves: {_tally(series)}{none_leaves}."


def _sentences(claims: pd.DataFrame) -> str:
    sentences = claims[(claims["kind"] == "sentence") & (claims["mark"] == "stated")]
    at_odds = ((claims["kind"] == "contradiction") & (claims["verdict"] == "contradicted")).sum()
    against = f" In {at_odds} places the report contradicts what it prints." if at_odds else ""
    return f"The report's {len(sentences)} sentences: {_tally(sentences)}.{against}" if len(sentences) else ""


def _tally(rows: pd.DataFrame) -> str:
    return ", ".join(f"{verdict} {count}" for verdict, count in verdict_counts(rows).items())


def _points(mean: float, half_width: float) -> str:
    interval = "" if pd.isna(half_width) else f" ± {100 * half_width:.2f}"
    return f"{signed(100 * mean)}{interval}"
