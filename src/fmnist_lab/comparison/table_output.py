"""Write the comparison of a published table with runs: CSV, Markdown, LaTeX, a figure and a page."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from fmnist_lab.comparison.table_format import PublishedTable, headings
from fmnist_lab.comparison.verdict_statistics import VERDICTS
from fmnist_lab.results import html, latex, tables
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


def write_comparison(
    table: PublishedTable, assessed: pd.DataFrame, runs: pd.DataFrame, commands: Sequence[str], outputs: Path
) -> Path:
    """Write the outcome to `outputs`/checks/<name>: table.csv, .md, .tex, the figure, the YAML file and index.html.

    Args:
        assessed: from `assess_table`.
        runs: the runs on disk, with the columns of `results.csv`.
        commands: first the command that writes this folder, then for each number the command that trains its runs.

    Returns:
        The path of the page.
    """
    folder = outputs / "checks" / table.name
    with applied():
        section = _section(table, assessed, commands)
    replace_files(folder, dict(_files(table, assessed, section, runs, commands[0], outputs / "runs")))
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
    assessed = pd.read_csv(folder / "table.csv", keep_default_na=False, na_values=na)
    figure = folder / f"{FIGURE}.png"
    pictures = [_picture(folder.name, {"png": figure.read_bytes()}, assessed)] if figure.is_file() else []
    text = html.to_html(readable(assessed), NUMBERS, title)
    return Block(title, source, pictures, [text], [f"python -m fmnist_lab compare {folder.name}"])


def readable(assessed: pd.DataFrame) -> pd.DataFrame:
    """Return the entries of a table from `assess_table` as texts, empty where nothing was measured."""
    texts = {name: _texts(assessed, name) for name in ("published", "published_sd", "measured", "low", "high")}
    behind = zip(assessed["mark"], assessed["published_runs"], texts["published_sd"], strict=True)
    intervals = zip(texts["low"], texts["high"], strict=True)
    differences = zip(assessed["difference"], assessed["unit"], strict=True)
    columns: dict[str, Iterable[str]] = {
        "number": assessed["number"],
        "metric": [name.replace("_", " ") for name in assessed["metric"]],
        PUBLISHED: texts["published"],
        "known": [_known(basis, runs, sd) for basis, runs, sd in behind],
        MEASURED: texts["measured"],
        INTERVAL: [f"{low} to {high}" if low and high else "" for low, high in intervals],
        DIFFERENCE: [signed(*_scaled(value, unit)) for value, unit in differences],
        SEEDS: [f"{n:.0f}" for n in assessed["n"]],
        "verdict": assessed["verdict"],
        "reason": assessed["reason"],
        "note": assessed["note"],
    }
    return pd.DataFrame(columns, dtype=str)


def differences_figure(assessed: pd.DataFrame) -> Figure:
    """Draw measured minus published with the prediction interval, one row per measured number, one panel per unit."""
    drawn = assessed[assessed["difference"].notna()].head(MOST_DRAWN)
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


def _section(table: PublishedTable, assessed: pd.DataFrame, commands: Sequence[str]) -> Section:
    experiment_command, *alone = dict.fromkeys(commands)
    drawn = assessed["difference"].notna().any()
    text = html.to_html(readable(assessed), NUMBERS, table.title)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing")  # a character that the font lacks is drawn as a box
        pictures = [_picture(table.name, render(differences_figure(assessed)), assessed)] if drawn else []
    blocks = [
        Block("", table.source, pictures, [text], [experiment_command]),
        Block("The runs of each number alone, with seed 0", commands=alone),
    ]
    return Section("table", "Number by number", FOOTNOTE, [block for block in blocks if block.tables or block.commands])


def _files(
    table: PublishedTable, assessed: pd.DataFrame, section: Section, runs: pd.DataFrame, command: str, records: Path
) -> Iterator[tuple[str, bytes]]:
    text = readable(assessed)
    yield "table.yaml", table.text.encode()
    yield "table.csv", tables.to_csv(assessed)
    yield "table.md", tables.to_markdown(text, NUMBERS, FOOTNOTE)
    caption, label = f"{table.title}. {FOOTNOTE}", f"tab:{table.name}"
    yield "table.tex", latex.to_latex(_without_empty(text), NUMBERS, BREAKING, caption, label)
    for picture in chain.from_iterable(block.pictures for block in section.blocks):
        yield from ((f"{FIGURE}.{extension}", content) for extension, content in picture.files.items())
    lead = f"{len(assessed)} published numbers, each compared with runs at its settings."
    counts = verdict_counts(assessed)
    conditions = html.provenance(records, runs)
    page = html.page(
        table.title, lead, [section], counts=counts, findings=(), runs=runs, conditions=conditions, command=command
    )
    yield "index.html", page


def _label(number: str, metric: str) -> str:
    """Return the label of a row in the figure, short enough to leave space for the bars."""
    short = number if len(number) <= LONGEST_LABEL else f"{number[:LONGEST_LABEL]}…"
    return f"{short}, {metric.replace('_', ' ')}"


def _picture(name: str, files: Mapping[str, bytes], assessed: pd.DataFrame) -> Picture:
    alt = f"Measured minus published for {len(assessed)} numbers, with prediction intervals; the table has the values."
    caption = (
        "Bars: 95 % prediction intervals. If a bar crosses the line at 0, the published number lies in the interval."
    )
    shown = f" The first {MOST_DRAWN} of {len(assessed)} numbers." if len(assessed) > MOST_DRAWN else ""
    return Picture(f"check_{name}", files, alt, caption + shown)


def _without_empty(text: pd.DataFrame) -> pd.DataFrame:
    """Return the table without its empty columns, as a printed page is narrow."""
    return text.loc[:, (text != "").any()]


def _known(basis: str, runs: int, sd: str) -> str:
    """Return how a number is known, and from which runs: `stated, 49 runs, sd 0.42`."""
    return ", ".join(filter(None, [basis, f"{runs} run{'s' if runs > 1 else ''}", sd and f"sd {sd}"]))


def _texts(assessed: pd.DataFrame, name: str) -> list[str]:
    scaled = (_scaled(value, unit) for value, unit in zip(assessed[name], assessed["unit"], strict=True))
    return ["" if pd.isna(value) else f"{value:.{decimals}f}".replace("-", "−") for value, decimals in scaled]


def _scaled(value: float, unit: str) -> tuple[float, int]:
    """Return the value to print (accuracies in %), and its number of decimals."""
    return (100 * value, 2) if unit == "accuracy" else (value, 4)


def verdict_counts(claims: pd.DataFrame) -> dict[str, int]:
    """Return the number of claims with each verdict, in the order of VERDICTS, without those that none has."""
    counts = claims["verdict"].value_counts()
    return {verdict: int(counts[verdict]) for verdict in VERDICTS if verdict in counts}
