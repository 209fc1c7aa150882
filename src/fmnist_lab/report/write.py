"""What a sweep leaves in its folder: results, curves, tables and figures."""

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from fmnist_lab.report.design import Factor, describe, display, find_factors, join_runs
from fmnist_lab.report.factor_plots import factor_figure, seed_figure
from fmnist_lab.report.frames import CURVES, RESULTS
from fmnist_lab.report.learning_curves import curves_figure
from fmnist_lab.report.manifest import replace_report
from fmnist_lab.report.statistics import cells, diverged_epochs, remarks
from fmnist_lab.report.style import applied, render
from fmnist_lab.report.tables import LOSS, VALIDATION, readable, to_csv, to_markdown

MOST_CURVES = 24  # figures
MOST_FACETS = 6
LONGEST_STEM = 100  # characters; Windows allows 260 for a whole path

log = logging.getLogger(__name__)

File = tuple[str, bytes]  # the path below the folder, and the content


def write_report(results: pd.DataFrame, curves: pd.DataFrame, settings: pd.DataFrame, folder: Path) -> list[Path]:
    """Write all there is to say of a sweep into its folder, each file whole or not at all.

    What an earlier report wrote there and this one does not is removed; SHA256SUMS lists what is of this one.
    A figure that is left out, because there would be too many or nothing to draw, is named in the log.

    Args:
        results: one row a run, with the columns of `results.csv`.
        curves: one row a run and epoch, with the columns of `curves.csv`.
        settings: the same runs as the index, one column a flat configuration key, and cpu, threads, workers.
        folder: is made if need be.

    Returns:
        The files of the report.
    """
    factors = find_factors(settings)
    runs = join_runs(results, settings, factors)
    runs["diverged_epoch"] = diverged_epochs(runs, curves)
    with applied():
        files = dict(_files(results, curves, runs, factors))
    replace_report(folder, files)
    return [folder / name for name in files]


def _files(
    results: pd.DataFrame, curves: pd.DataFrame, runs: pd.DataFrame, factors: Sequence[Factor]
) -> Iterator[File]:
    yield "results.csv", to_csv(results[RESULTS])
    yield "curves.csv", to_csv(curves[CURVES])
    yield from _curves(curves, runs, factors)
    if not factors:
        yield from _rivals(runs)
    for factor, name in zip(factors, file_stems([factor.name for factor in factors]), strict=True):
        yield from _factor(runs, factor, [other for other in factors if other is not factor], name)


def _curves(curves: pd.DataFrame, runs: pd.DataFrame, factors: Sequence[Factor]) -> Iterator[File]:
    combinations = _combinations(runs, factors)
    if len(combinations) > MOST_CURVES:
        log.warning("curves drawn of the first %d of %d settings only", MOST_CURVES, len(combinations))
    stems = file_stems([stem for stem, _, _ in combinations])
    for stem, (_, title, its_runs) in list(zip(stems, combinations, strict=True))[:MOST_CURVES]:
        if (its_runs["status"] == "failed").all():
            log.warning("no curves of %s: every run failed", title)
        else:
            yield from _figure(stem, curves_figure(curves, its_runs, title))


def _rivals(runs: pd.DataFrame) -> Iterator[File]:
    table = cells(runs, [])
    yield from _table("table", table, [], runs)
    if runs["seed"].nunique() > 1 and table["n"].any():
        yield from _figure("seed", seed_figure(table, runs, _fixed(runs, [])))


def _factor(runs: pd.DataFrame, factor: Factor, others: Sequence[Factor], name: str) -> Iterator[File]:
    order = [factor, *others]
    table = cells(runs, [each.name for each in order])
    yield from _table(f"table_{name}", table, order, runs)
    facets = len(table[[other.name for other in others]].drop_duplicates()) if others else 1
    if facets > MOST_FACETS:
        reason = f"{facets} combinations of the other settings, {MOST_FACETS} at most"
        log.warning("no figure of %s: %s", name, reason)
    elif not table[["n", "diverged"]].any(axis=None):
        log.warning("no figure of %s: every run failed", name)
    else:
        yield from _figure(name, factor_figure(table, runs, factor, others, _fixed(runs, order)))


def _table(stem: str, table: pd.DataFrame, factors: Sequence[Factor], runs: pd.DataFrame) -> Iterator[File]:
    notes = ["; ".join(filter(None, [note, *remarks(runs)])) for note in table["notes"]]
    table = table.assign(notes=notes)
    text = readable(table, factors)
    about_size = bool(factors) and factors[0].key == "architecture.hidden"
    yield f"{stem}.csv", to_csv(table)
    yield f"{stem}.md", to_markdown(text.drop(columns=[VALIDATION, LOSS]) if about_size else text)


def _figure(stem: str, figure: Figure) -> Iterator[File]:
    for extension, content in render(figure).items():
        yield f"figures/{stem}.{extension}", content


def _combinations(runs: pd.DataFrame, factors: Sequence[Factor]) -> list[tuple[str, str, pd.DataFrame]]:
    """The stem of the file, the title and the runs of each combination of levels."""
    names = [factor.name for factor in factors]
    if not names:
        return [("curves", _fixed(runs, factors), runs)]
    found = []
    for levels, its_runs in runs.groupby(names, observed=True):
        combination = dict(zip(names, map(str, levels), strict=True))
        stem = ",".join(f"{name}={display(level)}" for name, level in combination.items())
        found.append((f"curves_{stem}", describe(combination), its_runs))
    return found


def _fixed(runs: pd.DataFrame, factors: Sequence[Factor]) -> str:
    """The rate and the widths a figure is about, where they did not vary."""
    varied = {factor.name for factor in factors}
    return describe({name: str(runs[name].iloc[0]) for name in ("lr", "hidden") if name not in varied})


def file_stems(texts: Sequence[str]) -> list[str]:
    """File names, safe on every system and distinct even where capitals do not count."""
    stems: dict[str, str] = {}
    for text in texts:
        safe = re.sub(r"[^\w.,=+-]", "_", text, flags=re.ASCII)[:LONGEST_STEM]
        stem, number = safe, 1
        while stem.casefold() in stems:
            number += 1
            stem = f"{safe}_{number}"
        stems[stem.casefold()] = stem
    return list(stems.values())
