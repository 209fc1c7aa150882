"""Compare each number of a published table with its runs, and write the outcome as files and a page."""

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
    "Accuracies in %, their differences in points. Measured: mean over n seeds. Prediction interval: contains one more "
    "run of ours, or the mean of as many runs as were published, with 95 % confidence. Known: how the published number "
    "is known, its number of runs and their standard deviation (sd)."
)
NUMERIC = ("published", "published_sd", "measured", "low", "high", "difference", "half_width", "detectable", "p")
FIGURE = "figures/differences"
MOST_DRAWN, LONGEST_LABEL = 60, 40  # rows of the figure, and characters of a row's name
ROW_INCHES, COLOR = 0.34, "#0072B2"  # height of a row of the figure; colour of the differences


def assess_table(
    published: PublishedTable, samples: Samples, settings: Sequence[Sample | None], changed: str = ""
) -> pd.DataFrame:
    """Compare each number of a published table with its runs; return one row per number, in the order of the file.

    Args:
        samples: the runs.
        settings: for each number all settings of its runs; None if it is not testable.
        changed: how the settings differ from those of the table; added to the note of every row.

    Returns:
        Columns number (its name), metric, unit, published, published_runs, published_sd, reading_error, margin, mark
        (its basis), measured (mean), low, high (prediction interval), difference, half_width, detectable, n, p
        (corrected for the table), verdict, reason, note.
    """
    entries = published.entries
    testable = [(entry, sample) for entry, sample in zip(entries, settings, strict=True) if sample is not None]
    found = iter(
        compare_family(
            [entry.published for entry, _ in testable],
            [samples.measure(_at(entry, sample), entry.metric).to_numpy() for entry, sample in testable],
        )
    )
    rows = [
        _row(entry, name, Comparison("not testable", entry.not_testable, 0), "")
        if sample is None
        else _row(entry, name, next(found), samples.failure_note(sample))
        for entry, name, sample in zip(entries, entry_names(entries), settings, strict=True)
    ]
    notes = ["; ".join(filter(None, [changed, entry.note])) for entry in entries]
    return pd.DataFrame(rows).assign(note=notes).astype({"n": "Int64"})


def entry_names(entries: Sequence[PublishedEntry]) -> list[str]:
    """Return a name for each entry: its own, or the settings that differ between the entries."""
    texts = [{key: display(as_text(value)) for key, value in entry.settings.items()} for entry in entries]
    keys = dict.fromkeys(key for text in texts for key in text)
    varied = [key for key in keys if len({text.get(key) for text in texts}) > 1]
    return [
        entry.name or ", ".join(f"{key.rpartition('.')[2]} {text[key]}" for key in varied if key in text) or "all rows"
        for entry, text in zip(entries, texts, strict=True)
    ]


def write_comparison(
    published: PublishedTable, table: pd.DataFrame, runs: pd.DataFrame, commands: Sequence[str], outputs: Path
) -> Path:
    """Write the outcome to `outputs`/checks/<name>: table.csv, .md, .tex, the figure, the YAML file and index.html.

    Args:
        table: from `assess_table`.
        runs: the runs on disk, with the columns of `results.csv`.
        commands: first the command that writes this folder, then for each number the command that trains its runs.

    Returns:
        The path of the page.
    """
    folder = outputs / "checks" / published.name
    with applied():
        section = _section(published, table, commands)
    replace_files(folder, dict(_files(published, table, section, runs, commands[0], outputs / "runs")))
    return folder / "index.html"


def comparison_section(folder: Path, texts: Mapping[str, str]) -> Section:
    """Return the section of the tables in `folder` whose stored YAML text equals the one in `texts`, by name."""
    assessed = [name for name, text in texts.items() if _is_of(folder / name / "table.yaml", text)]
    blocks = [_block(folder / name, *headings(f"{name}.yaml", texts[name])) for name in assessed]
    return Section("other-tables", "Other published tables", FOOTNOTE, blocks)


def _is_of(path: Path, text: str) -> bool:
    """Return whether the file has this text: the table of a user may have the same name."""
    return path.is_file() and path.read_bytes() == text.encode()


def _block(folder: Path, title: str, source: str) -> Block:
    na = dict.fromkeys(NUMERIC, "")
    table = pd.read_csv(folder / "table.csv", keep_default_na=False, na_values=na)
    figure = folder / f"{FIGURE}.png"
    pictures = [_picture(folder.name, {"png": figure.read_bytes()}, table)] if figure.is_file() else []
    text = html.to_html(readable(table), NUMBERS, title)
    return Block(title, source, pictures, [text], [f"python -m fmnist_lab compare {folder.name}"])


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """Return the entries of a table from `assess_table` as texts, empty where nothing was measured."""
    texts = {name: _texts(table, name) for name in ("published", "published_sd", "measured", "low", "high")}
    behind = zip(table["mark"], table["published_runs"], texts["published_sd"], strict=True)
    intervals = zip(texts["low"], texts["high"], strict=True)
    differences = zip(table["difference"], table["unit"], strict=True)
    columns: dict[str, Iterable[str]] = {
        "number": table["number"],
        "metric": [name.replace("_", " ") for name in table["metric"]],
        PUBLISHED: texts["published"],
        "known": [_known(basis, runs, sd) for basis, runs, sd in behind],
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
    """Draw measured minus published with the prediction interval, one row per measured number, one panel per unit."""
    drawn = table[table["difference"].notna()].head(MOST_DRAWN)
    units = list(dict.fromkeys(drawn["unit"]))
    sizes = [int((drawn["unit"] == unit).sum()) for unit in units]
    figure = Figure(figsize=(7.5, ROW_INCHES * sum(sizes) + 0.9 * len(units) + 0.3), layout="constrained")
    grid = figure.subplots(len(units), 1, squeeze=False, height_ratios=sizes)
    for axes, unit in zip(grid.flat, units, strict=True):
        rows = drawn[drawn["unit"] == unit].iloc[::-1]
        scale = 100 if unit == "accuracy" else 1
        places, bars = range(len(rows)), scale * rows["half_width"].astype(float)
        axes.axvline(0, color="#666666", linewidth=1)
        axes.errorbar(scale * rows["difference"], places, xerr=bars, fmt="o", color=COLOR)
        axes.set_yticks(places, [_label(row.number, row.metric) for row in rows.itertuples()])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xlabel("measured − published" + (" (points of accuracy)" if unit == "accuracy" else " (loss)"))
    return figure


def _section(published: PublishedTable, table: pd.DataFrame, commands: Sequence[str]) -> Section:
    experiment_command, *alone = dict.fromkeys(commands)
    drawn = table["difference"].notna().any()
    text = html.to_html(readable(table), NUMBERS, published.title)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing")  # a character that the font lacks is drawn as a box
        pictures = [_picture(published.name, render(differences_figure(table)), table)] if drawn else []
    blocks = [
        Block("", published.source, pictures, [text], [experiment_command]),
        Block("The runs of each number alone, with seed 0", commands=alone),
    ]
    return Section("table", "Number by number", FOOTNOTE, [block for block in blocks if block.tables or block.commands])


def _files(
    published: PublishedTable, table: pd.DataFrame, section: Section, runs: pd.DataFrame, command: str, records: Path
) -> Iterator[tuple[str, bytes]]:
    text = readable(table)
    yield "table.yaml", published.text.encode()
    yield "table.csv", tables.to_csv(table)
    yield "table.md", tables.to_markdown(text, NUMBERS, FOOTNOTE)
    caption, label = f"{published.title}. {FOOTNOTE}", f"tab:{published.name}"
    yield "table.tex", latex.to_latex(_without_empty(text), NUMBERS, BREAKING, caption, label)
    for picture in chain.from_iterable(block.pictures for block in section.blocks):
        yield from ((f"{FIGURE}.{extension}", content) for extension, content in picture.files.items())
    lead = f"{len(table)} published numbers, each compared with runs at its settings."
    counts = verdict_counts(table)
    conditions = html.provenance(records, runs)
    page = html.page(
        published.title, lead, [section], counts=counts, findings=(), runs=runs, conditions=conditions, command=command
    )
    yield "index.html", page


def _row(entry: PublishedEntry, name: str, found: Comparison, failure_note: str) -> dict[str, Any]:
    published = entry.published
    measured = published.value + found.difference
    return {
        "number": name,
        "metric": entry.metric if entry.at_epoch is None else f"{entry.metric} at epoch {entry.at_epoch}",
        "unit": entry.unit,
        "published": published.value,
        "published_runs": published.runs,
        "published_sd": math.nan if published.sd is None else published.sd,
        "reading_error": published.reading_error,
        "margin": published.margin,
        "mark": entry.basis,
        "measured": measured,
        "low": measured - found.half_width,
        "high": measured + found.half_width,
        "difference": found.difference,
        "half_width": found.half_width,
        "detectable": found.detectable,
        "n": found.n,
        "p": found.p,
        "verdict": explained(found.verdict, entry.fitted),
        "reason": "; ".join(filter(None, [found.reason, failure_note])),
    }


def _at(entry: PublishedEntry, sample: Sample) -> Sample:
    return sample if entry.at_epoch is None else {**sample, "at": entry.at_epoch}


def _label(number: str, metric: str) -> str:
    """Return the label of a row in the figure, short enough to leave space for the bars."""
    short = number if len(number) <= LONGEST_LABEL else f"{number[:LONGEST_LABEL]}…"
    return f"{short}, {metric.replace('_', ' ')}"


def _picture(name: str, files: Mapping[str, bytes], table: pd.DataFrame) -> Picture:
    alt = (
        f"Measured minus published for {len(table)} numbers, with prediction intervals; the table below has the values."
    )
    caption = (
        "Bars: 95 % prediction intervals. If a bar crosses the line at 0, the published number lies in the interval."
    )
    shown = f" The first {MOST_DRAWN} of {len(table)} numbers." if len(table) > MOST_DRAWN else ""
    return Picture(f"check_{name}", files, alt, caption + shown)


def _without_empty(text: pd.DataFrame) -> pd.DataFrame:
    """Return the table without its empty columns, as a printed page is narrow."""
    return text.loc[:, (text != "").any()]


def _known(basis: str, runs: int, sd: str) -> str:
    """Return how a number is known, and from which runs: `stated, 49 runs, sd 0.42`."""
    return ", ".join(filter(None, [basis, f"{runs} run{'s' if runs > 1 else ''}", sd and f"sd {sd}"]))


def _texts(table: pd.DataFrame, name: str) -> list[str]:
    scaled = (_scaled(value, unit) for value, unit in zip(table[name], table["unit"], strict=True))
    return ["" if pd.isna(value) else f"{value:.{decimals}f}".replace("-", "−") for value, decimals in scaled]


def _scaled(value: float, unit: str) -> tuple[float, int]:
    """Return the value to print (accuracies in %), and its number of decimals."""
    return (100 * value, 2) if unit == "accuracy" else (value, 4)


def verdict_counts(claims: pd.DataFrame) -> dict[str, int]:
    """Return the number of claims with each verdict, in the order of VERDICTS, without those that none has."""
    counts = claims["verdict"].value_counts()
    return {verdict: int(counts[verdict]) for verdict in VERDICTS if verdict in counts}
