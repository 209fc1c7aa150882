"""The report's tables with the measured values beside the printed ones: Markdown, LaTeX and HTML of the same cells."""

from collections.abc import Iterable

import pandas as pd
from markupsafe import Markup

from fmnist_lab.results import html, latex, tables
from fmnist_lab.results.factors import display
from fmnist_lab.results.style import MODEL_STYLES
from fmnist_lab.results.tables import signed

HIDDEN, MODEL = "hidden layers", "model"
NUMBERS = (
    "printed test accuracy (%)",
    "measured (%)",
    "prediction interval (%)",
    "difference (points)",
    "n",
    "printed time (s)",
    "time (s)",
)
PRINTED, MEASURED, INTERVAL, DIFFERENCE, SEEDS, PRINTED_TIME, TIME = NUMBERS
HALF_WIDTH = "half-width"
SWAP_NUMBERS = (DIFFERENCE, HALF_WIDTH, SEEDS)
SWAP_FOOTNOTE = "Custom minus PyTorch in validation accuracy, paired by seed. Half-width: of the 95 % interval."
FOOTNOTE = (
    "Measured: mean over n seeds. Prediction interval: where one more run of ours would lie, at 95 %. A printed value "
    "inside it is reproduced, or inconclusive if the interval is wider than a margin fixed beforehand; one outside it, "
    "also when corrected for the number of values, does not come from these settings. "
    "Time: median; blank unless all runs were timed under the same conditions."
)
BREAKING = {"verdict": "2.2cm", "notes": "3.6cm", "the report's notes": "3.6cm"}  # LaTeX columns whose text may wrap


def readable(cells: pd.DataFrame) -> pd.DataFrame:
    """A table's cells as text in the report's order; blank where nothing was printed or measured.

    Args:
        cells: one row a printed cell, as `judgement.cells` gives it: fractions and seconds.
    """
    low, high = (tables.rounded(100 * cells[bound], 2) for bound in ("low", "high"))
    columns = {
        HIDDEN: [display(str(hidden)) for hidden in cells["hidden"]],
        MODEL: [MODEL_STYLES[model].label for model in cells["model"]],
        PRINTED: tables.rounded(100 * cells["published_accuracy"], 2),
        MEASURED: tables.rounded(100 * cells["test_accuracy_mean"], 2),
        INTERVAL: [f"{one} to {other}" if one and other else "" for one, other in zip(low, high, strict=True)],
        DIFFERENCE: [signed(100 * value) for value in cells["difference"]],
        SEEDS: ["" if pd.isna(n) else f"{n:.0f}" for n in cells["n"]],
        "verdict": _text(cells["verdict"]),
        PRINTED_TIME: tables.rounded(cells["published_seconds"], 0),
        TIME: tables.rounded(cells["seconds_median"], 1),
        "notes": _text(cells["notes"]),
        "the report's notes": _text(cells["published_note"]),
    }
    return pd.DataFrame(columns, dtype=str)


def swap(differences: pd.DataFrame) -> pd.DataFrame:
    """Custom minus PyTorch as text, a row a pairing and learning rate.

    Args:
        differences: as `paper_figures.initialization_differences` gives them.
    """
    columns = {
        "initialisation": list(differences["start"]),
        "learning rate": [f"{rate:g}" for rate in differences["lr"]],
        DIFFERENCE: [signed(100 * mean) for mean in differences["mean"]],
        HALF_WIDTH: tables.rounded(100 * differences["half_width"], 2),
        SEEDS: [f"{n:.0f}" for n in differences["n"]],
    }
    return pd.DataFrame(columns, dtype=str)


def swap_to_markdown(differences: pd.DataFrame) -> bytes:
    """`swap` in Markdown."""
    return tables.to_markdown(swap(differences), SWAP_NUMBERS, SWAP_FOOTNOTE)


def to_markdown(cells: pd.DataFrame) -> bytes:
    """The table in Markdown."""
    return tables.to_markdown(_grouped(readable(cells)), NUMBERS, FOOTNOTE)


def to_html(cells: pd.DataFrame, caption: str) -> Markup:
    """The table in HTML, with badges for verdicts."""
    return html.to_html(readable(cells), NUMBERS, caption)


def to_latex(cells: pd.DataFrame, caption: str, label: str) -> bytes:
    """The table as a LaTeX float."""
    return latex.to_latex(_grouped(readable(cells)), NUMBERS, BREAKING, f"{caption}. {FOOTNOTE}", label)


def _grouped(text: pd.DataFrame) -> pd.DataFrame:
    """The network named once, in the first of its rows."""
    return text.assign(**{HIDDEN: text[HIDDEN].where(text[HIDDEN] != text[HIDDEN].shift(), "")})


def _text(values: Iterable[object]) -> list[str]:
    return ["" if pd.isna(value) else str(value) for value in values]  # type: ignore[call-overload]
