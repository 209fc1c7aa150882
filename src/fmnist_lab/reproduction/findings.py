"""The main findings as sentences, computed from the frames."""

from collections.abc import Mapping

import pandas as pd

from fmnist_lab.comparison.table_output import verdict_counts
from fmnist_lab.reproduction.candidates import inside, is_at, setting_name, stated_setting
from fmnist_lab.reproduction.figures import OWN_INITIALIZATION, initialization_differences
from fmnist_lab.reproduction.report import load_report, printed_title
from fmnist_lab.results.tables import signed

Tables = Mapping[tuple[str, str], pd.DataFrame]  # by the id of the table and `stated` or `inferred`

OUTSIDE = ("published higher", "published lower", "differs")
SETTINGS = {"stated": "At the settings that the report states", "inferred": "At settings inferred from the tables"}


def findings(claims: pd.DataFrame, tables: Tables, runs: pd.DataFrame, ranking: pd.DataFrame) -> list[str]:
    """Return the main findings, five at most.

    Args:
        claims: one row for each claim, as `assessment.assess` returns it.
        tables: frames as `assessment.table_entries` returns them.
        runs: one row for each run at the settings of the report, with any initialisation and learning rate.
        ranking: the candidates that an audit kept, and the stated settings, as `audit.search.candidates` returns them;
            empty if there was no audit.
    """
    found = (_initialization(claims, runs), _accuracies(tables), _audit(ranking), _curves(claims), _sentences(claims))
    return [sentence for sentence in found if sentence]


def refuted(claims: pd.DataFrame) -> list[str]:
    """Return the sentences of the report that do not hold, in this project's words, each with the reason."""
    stated = claims[claims["kind"].isin(("sentence", "contradiction")) & (claims["mark"] == "stated")]
    chosen = stated[stated["verdict"].isin(("does not hold", "contradicted"))]
    sentences = chosen["says"].str[:1].str.upper() + chosen["says"].str[1:]
    rows = zip(sentences, chosen["where"], chosen["verdict"], chosen["reason"], strict=True)
    return [f"{sentence} ({where}, in our words): {verdict}; {reason}." for sentence, where, verdict, reason in rows]


def _initialization(claims: pd.DataFrame, runs: pd.DataFrame) -> str:
    """Return custom minus PyTorch in words, with different and with equal initialisations."""
    differences = initialization_differences(runs).dropna(subset="mean")
    is_own = differences["start"] == OWN_INITIALIZATION
    own, same = differences[is_own], differences[~is_own]
    if own.empty or same.empty:
        return ""
    by_rate = ", ".join(
        f"{_points(mean, half_width)} at learning rate {rate:g}"
        for rate, mean, half_width in zip(own["lr"], own["mean"], own["half_width"], strict=True)
    )
    most = 100 * (same["mean"].abs() + same["half_width"].fillna(0)).max()
    included = ", 95 % intervals included" if same["half_width"].notna().all() else ""
    agree = claims.loc[claims["claim"] == "same-start", "verdict"].isin(("holds", "identical")).any()
    return (
        f"Custom minus PyTorch in points of validation accuracy, each with its own initialisation: {by_rate} "
        f"(paired by seed, n = {own['n'].min():g}). With the same initial weights the models differ by at most "
        f"{most:.2f} points at any of these rates{included}."
        + (" The initialisation causes the difference, not the code." if agree else "")
    )


def _accuracies(tables: Tables) -> str:
    """Return the verdicts on the printed test accuracies in words, for each choice of settings."""
    found = []
    for settings, words in SETTINGS.items():
        entries = [table for (_, chosen), table in tables.items() if chosen == settings]
        if entries:
            joined = pd.concat(entries)
            found.append(f"{words} ({len(joined)} comparisons): {_tally(joined)}{_span(joined)}.")
    return f"The printed test accuracies. {' '.join(found)}" if found else ""


def _span(entries: pd.DataFrame) -> str:
    """Return the smallest and largest deviation of the published values that disagree, in points."""
    away = -100 * entries.loc[entries["verdict"].isin(OUTSIDE), "difference"].astype(float)
    span = f"{signed(away.min(), 1)} to {signed(away.max(), 1)} points"
    return f"; where they disagree, published minus measured is {span}" if len(away) else ""


def _audit(ranking: pd.DataFrame) -> str:
    """Return for each table how many candidates could have produced it, and the best of them."""
    found = []
    for table, rows in ranking.groupby("table") if len(ranking) else ():
        kept = rows[rows["kept"]]
        best, lr_updates = kept.iloc[0], kept["lr_updates"]
        stated = [inside(row) for _, row in rows[is_at(rows, stated_setting(load_report()))].head(1).iterrows()]
        found.append(
            f"{printed_title(str(table))} could come from {len(kept)} of the settings that we tried (learning rate × "
            f"number of updates from {lr_updates.min():.3g} to {lr_updates.max():.3g}); the best are "
            f"{setting_name(best)}, with {inside(best)}"
            + (f", each widened by a factor of {best['scale']:.1f}" if best["scale"] > 1 else "")
            + "".join(f"; at the stated settings it is {words}" for words in stated)
        )
    return f"Settings that would explain the tables: {'. '.join(found)}." if found else ""


def _curves(claims: pd.DataFrame) -> str:
    series = claims[claims["kind"] == "series"]
    if series.empty:
        return ""
    inside_all = series["half_width"].notna().all() and not series["verdict"].isin(OUTSIDE).any()
    all_inside = "; all lie inside the 95 % band of our runs" if inside_all else ""
    return f"The {len(series)} printed curves: {_tally(series)}{all_inside}."


def _sentences(claims: pd.DataFrame) -> str:
    sentences = claims[(claims["kind"] == "sentence") & (claims["mark"] == "stated")]
    at_odds = ((claims["kind"] == "contradiction") & (claims["verdict"] == "contradicted")).sum()
    against = f" In {at_odds} places the report contradicts itself." if at_odds else ""
    return f"The report's {len(sentences)} sentences: {_tally(sentences)}.{against}" if len(sentences) else ""


def _tally(rows: pd.DataFrame) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in verdict_counts(rows).items())


def _points(mean: float, half_width: float) -> str:
    interval = "" if pd.isna(half_width) else f" ± {100 * half_width:.2f}"
    return f"{signed(100 * mean)}{interval}"
