"""The tables of the report with measured values beside the printed ones, as Markdown, LaTeX and HTML."""

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
    "Measured: mean over n seeds. Prediction interval: one more run of ours would lie in it with 95 % probability. A "
    "printed value inside it is reproduced, or inconclusive if the interval is wider than a margin fixed beforehand. A "
    "printed value outside it (corrected for the number of values) does not come from these settings. "
    "Time: median; blank unless all runs were timed under the same conditions."
)
BREAKING = {"verdict": "2.2cm", "notes": "3.6cm", "the report's notes": "3.6cm"}  # LaTeX columns with line breaks


def readable(entries: pd.DataFrame) -> pd.DataFrame:
    """Return the entries as text in the order of the report; blank where nothing was printed or measured.

    Args:
        entries: as `assessment.table_entries` returns them: fractions and seconds.
    """
    low, high = (tables.rounded(100 * entries[bound], 2) for bound in ("low", "high"))
    columns = {
        HIDDEN: [display(str(hidden)) for hidden in entries["hidden"]],
        MODEL: [MODEL_STYLES[model].label for model in entries["model"]],
        PRINTED: tables.rounded(100 * entries["published_accuracy"], 2),
        MEASURED: tables.rounded(100 * entries["test_accuracy_mean"], 2),
        INTERVAL: [f"{one} to {other}" if one and other else "" for one, other in zip(low, high, strict=True)],
        DIFFERENCE: [signed(100 * value) for value in entries["difference"]],
        SEEDS: ["" if pd.isna(n) else f"{n:.0f}" for n in entries["n"]],
        "verdict": _text(entries["verdict"]),
        PRINTED_TIME: tables.rounded(entries["published_seconds"], 0),
        TIME: tables.rounded(entries["seconds_median"], 1),
        "notes": _text(entries["notes"]),
        "the report's notes": _text(entries["published_note"]),
    }
    return pd.DataFrame(columns, dtype=str)


def swap(differences: pd.DataFrame) -> pd.DataFrame:
    """Return custom minus PyTorch as text, one row for each pairing of initialisations and learning rate.

    Args:
        differences: as `figures.initialization_differences` returns them.
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
    """Return the table `swap` in Markdown."""
    return tables.to_markdown(swap(differences), SWAP_NUMBERS, SWAP_FOOTNOTE)


def to_markdown(entries: pd.DataFrame) -> bytes:
    """Return the table in Markdown."""
    return tables.to_markdown(_grouped(readable(entries)), NUMBERS, FOOTNOTE)


def to_html(entries: pd.DataFrame, caption: str) -> Markup:
    """Return the table in HTML, with badges for verdicts."""
    return html.to_html(readable(entries), NUMBERS, caption)


def to_latex(entries: pd.DataFrame, caption: str, label: str) -> bytes:
    """Return the table as a LaTeX float."""
    return latex.to_latex(_grouped(readable(entries)), NUMBERS, BREAKING, f"{caption}. {FOOTNOTE}", label)


def _grouped(text: pd.DataFrame) -> pd.DataFrame:
    """Return `text` with each network named in the first of its rows only."""
    return text.assign(**{HIDDEN: text[HIDDEN].where(text[HIDDEN] != text[HIDDEN].shift(), "")})


def _text(values: Iterable[object]) -> list[str]:
    return ["" if pd.isna(value) else str(value) for value in values]  # type: ignore[call-overload]
