"""Anybody's table of published numbers, judged: a row a number, and the page that shows them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from fmnist_lab.comparison.run_selection import Sample, Samples
from fmnist_lab.comparison.statistics import VERDICTS, Comparison, compare_family, explained
from fmnist_lab.comparison.table_format import PublishedEntry, PublishedTable, headings
from fmnist_lab.results import html, latex, tables
from fmnist_lab.results.factors import as_text, display
from fmnist_lab.results.html import Block, Picture, Section
from fmnist_lab.results.manifest import replace_files
from fmnist_lab.results.style import applied, render
from fmnist_lab.results.tables import signed

PUBLISHED, MEASURED, INTERVAL, DIFFERENCE, SEEDS = NUMBERS = (
    "published",
    "measured",
    "prediction interval",
    "difference",
    "n",
)
BREAKING = {"number": "4cm", "known": "3cm", "verdict": "2.2cm", "reason": "4cm", "note": "4cm"}
FOOTNOTE = (
    "Accuracies in %, their differences in points. Measured: mean over n seeds. Prediction interval: where one more "
    "run of ours, or the mean of as many as were published, would lie, at 95 %. Known: "
    "how, and from how many runs with which standard deviation (sd)."
)
NUMERIC = ("published", "published_sd", "measured", "low", "high", "difference", "half_width", "detectable", "p")
FIGURE = "figures/differences"
MOST_DRAWN, LONGEST_LABEL = 60, 40  # rows of the figure, and signs of a row's name
LINE, INK = 0.34, "#0072B2"  # inches of a figure's row; the colour of what was measured


def assess_table(
    check: PublishedTable, samples: Samples, settings: Sequence[Sample | None], otherwise: str = ""
) -> pd.DataFrame:
    """A row a published number, in the order of the file.

    Args:
        samples: the runs.
        settings: for each number every setting of its runs; None where it is not testable.
        otherwise: in what the settings are not the table's own; it is noted in every row.

    Returns:
        Columns number (in words), metric, unit, published, published_runs, published_sd, reading_error, margin, mark,
        measured (mean), low, high (prediction interval), difference, half_width, detectable, n, p (corrected for the
        table), verdict, reason, note.
    """
    testable = [(cell, sample) for cell, sample in zip(check.cells, settings, strict=True) if sample is not None]
    found = iter(
        compare_family(
            [cell.published for cell, _ in testable],
            [samples.measure(_at(cell, sample), cell.metric).to_numpy() for cell, sample in testable],
        )
    )
    rows = [
        _row(cell, name, Comparison("not testable", cell.not_testable, 0), "")
        if sample is None
        else _row(cell, name, next(found), samples.failure_note(sample))
        for cell, name, sample in zip(check.cells, cell_names(check.cells), settings, strict=True)
    ]
    notes = ["; ".join(filter(None, [otherwise, cell.note])) for cell in check.cells]
    return pd.DataFrame(rows).assign(note=notes).astype({"n": "Int64"})


def cell_names(cells: Sequence[PublishedEntry]) -> list[str]:
    """What each number is of: its own name, or the settings that not all have in common."""
    texts = [{key: display(as_text(value)) for key, value in cell.settings.items()} for cell in cells]
    keys = dict.fromkeys(key for text in texts for key in text)
    varied = [key for key in keys if len({text.get(key) for text in texts}) > 1]
    return [
        cell.name or ", ".join(f"{key.rpartition('.')[2]} {text[key]}" for key in varied if key in text) or "all rows"
        for cell, text in zip(cells, texts, strict=True)
    ]


def write_comparison(
    check: PublishedTable, table: pd.DataFrame, runs: pd.DataFrame, commands: Sequence[str], outputs: Path
) -> Path:
    """Write the table's folder below `outputs`: table.csv, .md, .tex, the figure, the YAML file and index.html.

    Args:
        table: as `assess_table` gives it.
        runs: with the columns of `results.csv`.
        commands: the one that builds the folder anew, then those that train each number's runs alone.

    Returns:
        The page.
    """
    folder = outputs / "checks" / check.name
    with applied():
        section = _section(check, table, commands)
    replace_files(folder, dict(_files(check, table, section, runs, commands[0], outputs / "runs")))
    return folder / "index.html"


def comparison_section(folder: Path, texts: Mapping[str, str]) -> Section:
    """The tables that were judged in `folder`, of those whose YAML texts are given by name and are what was judged."""
    assessed = [name for name, text in texts.items() if _is_of(folder / name / "table.yaml", text)]
    blocks = [_part(folder / name, *headings(f"{name}.yaml", texts[name])) for name in assessed]
    return Section("elsewhere", "Numbers printed elsewhere", FOOTNOTE, blocks)


def _is_of(path: Path, text: str) -> bool:
    """Whether the file has this text: a table of somebody else may bear the same name."""
    return path.is_file() and path.read_bytes() == text.encode()


def _part(folder: Path, title: str, source: str) -> Block:
    na = dict.fromkeys(NUMERIC, "")
    table = pd.read_csv(folder / "table.csv", keep_default_na=False, na_values=na)
    figure = folder / f"{FIGURE}.png"
    pictures = [_picture(folder.name, {"png": figure.read_bytes()}, table)] if figure.is_file() else []
    text = html.to_html(readable(table), NUMBERS, title)
    return Block(title, source, pictures, [text], [f"python -m fmnist_lab compare {folder.name}"])


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The table's cells as text, blank where nothing was measured."""
    texts = {name: _texts(table, name) for name in ("published", "published_sd", "measured", "low", "high")}
    behind = zip(table["mark"], table["published_runs"], texts["published_sd"], strict=True)
    intervals = zip(texts["low"], texts["high"], strict=True)
    differences = zip(table["difference"], table["unit"], strict=True)
    columns: dict[str, Iterable[str]] = {
        "number": table["number"],
        "metric": [name.replace("_", " ") for name in table["metric"]],
        PUBLISHED: texts["published"],
        "known": [_known(mark, runs, sd) for mark, runs, sd in behind],
        MEASURED: texts["measured"],
        INTERVAL: [f"{low} to {high}" if low and high else "" for low, high in intervals],
        DIFFERENCE: [signed(*_scaled(value, unit)) for value, unit in differences],
        SEEDS: [f"{n:.0f}" for n in table["n"]],
        "verdict": table["verdict"],
        "reason": table["reason"],
        "note": table["note"],
    }
    return pd.DataFrame(columns, dtype=str)


def differences_figure(table: pd.DataFrame) -> Figure:
    """Measured minus published, a row a number that was measured, with its prediction interval; a panel a unit."""
    told = table[table["difference"].notna()].head(MOST_DRAWN)
    units = list(dict.fromkeys(told["unit"]))
    sizes = [int((told["unit"] == unit).sum()) for unit in units]
    figure = Figure(figsize=(7.5, LINE * sum(sizes) + 0.9 * len(units) + 0.3), layout="constrained")
    grid = figure.subplots(len(units), 1, squeeze=False, height_ratios=sizes)
    for axes, unit in zip(grid.flat, units, strict=True):
        rows = told[told["unit"] == unit].iloc[::-1]
        scale = 100 if unit == "accuracy" else 1
        places, bars = range(len(rows)), scale * rows["half_width"].astype(float)
        axes.axvline(0, color="#666666", linewidth=1)
        axes.errorbar(scale * rows["difference"], places, xerr=bars, fmt="o", color=INK)
        axes.set_yticks(places, [_label(row.number, row.metric) for row in rows.itertuples()])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlabel("measured − published" + (" (points of accuracy)" if unit == "accuracy" else " (loss)"))
    return figure


def _section(check: PublishedTable, table: pd.DataFrame, commands: Sequence[str]) -> Section:
    experiment_command, *alone = dict.fromkeys(commands)
    drawn = table["difference"].notna().any()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing")  # a letter that the font lacks becomes a box
        pictures = [_picture(check.name, render(differences_figure(table)), table)] if drawn else []
    blocks = [
        Block("", check.source, pictures, [html.to_html(readable(table), NUMBERS, check.title)], [experiment_command]),
        Block("Each number's runs alone, here with seed 0", commands=alone),
    ]
    return Section("table", "Number by number", FOOTNOTE, [part for part in blocks if part.tables or part.commands])


def _files(
    check: PublishedTable, table: pd.DataFrame, section: Section, runs: pd.DataFrame, command: str, records: Path
) -> Iterator[tuple[str, bytes]]:
    text = readable(table)
    yield "table.yaml", check.text.encode()
    yield "table.csv", tables.to_csv(table)
    yield "table.md", tables.to_markdown(text, NUMBERS, FOOTNOTE)
    yield (
        "table.tex",
        latex.to_latex(_filled(text), NUMBERS, BREAKING, f"{check.title}. {FOOTNOTE}", f"tab:{check.name}"),
    )
    for picture in chain.from_iterable(part.pictures for part in section.blocks):
        yield from ((f"{FIGURE}.{extension}", content) for extension, content in picture.files.items())
    lead = f"{len(table)} published numbers, each beside the runs that its settings give."
    counts = verdict_counts(table)
    conditions = html.provenance(records, runs)
    page = html.page(
        check.title, lead, [section], counts=counts, findings=(), runs=runs, conditions=conditions, command=command
    )
    yield "index.html", page


def _row(cell: PublishedEntry, name: str, found: Comparison, failure_note: str) -> dict[str, Any]:
    published = cell.published
    measured = published.value + found.difference
    return {
        "number": name,
        "metric": cell.metric if cell.at_epoch is None else f"{cell.metric} at epoch {cell.at_epoch}",
        "unit": cell.unit,
        "published": published.value,
        "published_runs": published.runs,
        "published_sd": math.nan if published.sd is None else published.sd,
        "reading_error": published.reading_error,
        "margin": published.margin,
        "mark": cell.mark,
        "measured": measured,
        "low": measured - found.half_width,
        "high": measured + found.half_width,
        "difference": found.difference,
        "half_width": found.half_width,
        "detectable": found.detectable,
        "n": found.n,
        "p": found.p,
        "verdict": explained(found.verdict, cell.fitted),
        "reason": "; ".join(filter(None, [found.reason, failure_note])),
    }


def _at(cell: PublishedEntry, sample: Sample) -> Sample:
    return sample if cell.at_epoch is None else {**sample, "at": cell.at_epoch}


def _label(number: str, metric: str) -> str:
    """What a row of the figure is called, short enough to leave room for the bars."""
    short = number if len(number) <= LONGEST_LABEL else f"{number[:LONGEST_LABEL]}…"
    return f"{short}, {metric.replace('_', ' ')}"


def _picture(name: str, files: Mapping[str, bytes], table: pd.DataFrame) -> Picture:
    alt = (
        f"Measured minus published for {len(table)} numbers, with prediction intervals; the values stand in the table."
    )
    caption = "Bars: 95 % prediction intervals; where one reaches the line at 0, the published number lies inside."
    drawn = f" The first {MOST_DRAWN} of {len(table)} numbers." if len(table) > MOST_DRAWN else ""
    return Picture(f"check_{name}", files, alt, caption + drawn)


def _filled(text: pd.DataFrame) -> pd.DataFrame:
    """Without the columns that are blank throughout: paper is narrow."""
    return text.loc[:, (text != "").any()]


def _known(mark: str, runs: int, sd: str) -> str:
    """How a number is known, and what it rests on."""
    return ", ".join(filter(None, [mark, f"{runs} run{'s' if runs > 1 else ''}", sd and f"sd {sd}"]))


def _texts(table: pd.DataFrame, name: str) -> list[str]:
    scaled = (_scaled(value, unit) for value, unit in zip(table[name], table["unit"], strict=True))
    return ["" if pd.isna(value) else f"{value:.{decimals}f}".replace("-", "−") for value, decimals in scaled]


def _scaled(value: float, unit: str) -> tuple[float, int]:
    """The value as it is read, and its decimals."""
    return (100 * value, 2) if unit == "accuracy" else (value, 4)


def verdict_counts(claims: pd.DataFrame) -> dict[str, int]:
    """How many claims got each verdict, in the order of VERDICTS; verdicts that none got are left out."""
    counts = claims["verdict"].value_counts()
    return {verdict: int(counts[verdict]) for verdict in VERDICTS if verdict in counts}
