"""Write the results of a sweep into its folder: CSV files, tables and figures."""

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from fmnist_lab.results.factor_figures import factor_figure, seed_figure
from fmnist_lab.results.factors import Factor, describe, display
from fmnist_lab.results.frames import CURVES, RESULTS
from fmnist_lab.results.learning_curves import curves_figure
from fmnist_lab.results.manifest import replace_files
from fmnist_lab.results.style import applied, render
from fmnist_lab.results.summary_statistics import analyze, remarks, summarize
from fmnist_lab.results.tables import LOSS, VALIDATION, readable, to_csv, to_markdown

MOST_CURVES = 24  # figures of curves
MOST_FACETS = 6  # panels of a figure
LONGEST_STEM = 100  # characters; Windows allows 260 for a whole path

log = logging.getLogger(__name__)

Drawing = tuple[str, Figure]  # the stem of the figure's files, and the figure


def write_results(results: pd.DataFrame, curves: pd.DataFrame, settings: pd.DataFrame, folder: Path) -> list[Path]:
    """Write the tables and figures of a sweep into `folder`, each file atomically.

    Files of an earlier call that are not written again are removed; SHA256SUMS lists those of this call.
    The log names each figure that is left out because there are too many, or because nothing can be drawn.

    Args:
        results: one row per run, with the columns of `results.csv`.
        curves: one row per run and epoch, with the columns of `curves.csv`.
        settings: indexed by run, one column per dotted configuration key and each of factors.CONDITIONS.
        folder: is created if missing.

    Returns:
        The files written.
    """
    factors, runs = analyze(results, curves, settings)
    files = {"results.csv": to_csv(results[RESULTS]), "curves.csv": to_csv(curves[CURVES])}
    for stem, order in _orders(factors).items():
        files |= _table(f"table_{stem}".rstrip("_"), runs, order)
    with applied():
        for stem, figure in _draw(curves, runs, factors):
            files |= {f"figures/{stem}.{extension}": content for extension, content in render(figure).items()}
    replace_files(folder, files)
    return [folder / name for name in files]


def draw_figures(results: pd.DataFrame, curves: pd.DataFrame, settings: pd.DataFrame) -> dict[str, Figure]:
    """Return the figures that `write_results` writes for these frames, by the stem of their files."""
    factors, runs = analyze(results, curves, settings)
    with applied():
        return dict(_draw(curves, runs, factors))


def _orders(factors: Sequence[Factor]) -> dict[str, list[Factor]]:
    """Return the factors of each table by its name, in order: each factor comes first in one table."""
    stems = file_stems([factor.name for factor in factors])
    orders = [[lead, *(other for other in factors if other is not lead)] for lead in factors]
    return dict(zip(stems, orders, strict=True)) or {"": []}


def _draw(curves: pd.DataFrame, runs: pd.DataFrame, factors: Sequence[Factor]) -> Iterator[Drawing]:
    yield from _curves(curves, runs, factors)
    for stem, order in _orders(factors).items():
        table = summarize(runs, [each.name for each in order])
        yield from _factor(stem, table, runs, order) if order else _seeds(table, runs)


def _curves(curves: pd.DataFrame, runs: pd.DataFrame, factors: Sequence[Factor]) -> Iterator[Drawing]:
    combinations = _combinations(runs, factors)
    if len(combinations) > MOST_CURVES:
        log.warning("curves drawn of the first %d of %d settings only", MOST_CURVES, len(combinations))
    stems = file_stems([stem for stem, _, _ in combinations])
    for stem, (_, title, combined_runs) in list(zip(stems, combinations, strict=True))[:MOST_CURVES]:
        if (combined_runs["status"] == "failed").all():
            log.warning("no curves of %s: every run failed", title)
        else:
            yield stem, curves_figure(curves, combined_runs, title)


def _seeds(table: pd.DataFrame, runs: pd.DataFrame) -> Iterator[Drawing]:
    if runs["seed"].nunique() > 1 and table["n"].any():
        yield "seed", seed_figure(table, runs, _fixed(runs, []))


def _factor(stem: str, table: pd.DataFrame, runs: pd.DataFrame, order: Sequence[Factor]) -> Iterator[Drawing]:
    factor, *others = order
    facets = len(table[[other.name for other in others]].drop_duplicates()) if others else 1
    if facets > MOST_FACETS:
        reason = f"{facets} combinations of the other settings, {MOST_FACETS} at most"
        log.warning("no figure of %s: %s", stem, reason)
    elif not table[["n", "diverged"]].any(axis=None):
        log.warning("no figure of %s: every run failed", stem)
    else:
        yield stem, factor_figure(table, runs, factor, others, _fixed(runs, order))


def _table(stem: str, runs: pd.DataFrame, factors: Sequence[Factor]) -> dict[str, bytes]:
    table = summarize(runs, [factor.name for factor in factors])
    notes = ["; ".join(filter(None, [note, *remarks(runs)])) for note in table["notes"]]
    table = table.assign(notes=notes)
    text = readable(table, factors)
    about_size = bool(factors) and factors[0].key == "architecture.hidden"
    shown = text.drop(columns=[VALIDATION, LOSS]) if about_size else text
    return {f"{stem}.csv": to_csv(table), f"{stem}.md": to_markdown(shown)}


def _combinations(runs: pd.DataFrame, factors: Sequence[Factor]) -> list[tuple[str, str, pd.DataFrame]]:
    """Return the stem of the file, the title and the runs of each combination of levels."""
    names = [factor.name for factor in factors]
    if not names:
        return [("curves", _fixed(runs, factors), runs)]
    found = []
    for levels, combined_runs in runs.groupby(names, observed=True):
        combination = dict(zip(names, map(str, levels), strict=True))
        stem = ",".join(f"{name}={display(level)}" for name, level in combination.items())
        found.append((f"curves_{stem}", describe(combination), combined_runs))
    return found


def _fixed(runs: pd.DataFrame, factors: Sequence[Factor]) -> str:
    """Return the learning rate and the hidden widths that all runs share, as a title."""
    varied = {factor.name for factor in factors}
    return describe({name: str(runs[name].iloc[0]) for name in ("lr", "hidden") if name not in varied})


def file_stems(texts: Sequence[str]) -> list[str]:
    """Return file names for texts, valid on every system, and distinct even if upper and lower case are equal."""
    stems: dict[str, str] = {}
    for text in texts:
        safe = re.sub(r"[^\w.,=+-]", "_", text, flags=re.ASCII)[:LONGEST_STEM]
        stem, number = safe, 1
        while stem.casefold() in stems:
            number += 1
            stem = f"{safe}_{number}"
        stems[stem.casefold()] = stem
    return list(stems.values())
