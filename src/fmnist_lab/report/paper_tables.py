"""The report's tables with the measured values beside the printed ones: Markdown, LaTeX and HTML of the same cells."""

from collections.abc import Iterable

import pandas as pd
from markupsafe import Markup

from fmnist_lab.report import markup, tables
from fmnist_lab.report.design import display
from fmnist_lab.report.style import RIVALS

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
FOOTNOTE = (
    "Measured: mean over n seeds. Prediction interval: where a printed value agrees with ours, at 95 %. "
    "Time: median; blank unless all runs were timed under the same conditions."
)
BREAKING = {"verdict": "2.2cm", "notes": "3.6cm", "the report's notes": "3.6cm"}  # LaTeX columns whose text may wrap

# Everything that TeX takes for a command, and what its usual fonts would print as another sign. Brackets are wrapped
# because one after the end of a row would be read as the height of that row.
LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\textquotedbl{}",
        "'": r"{'}",
        "`": r"\textasciigrave{}",
        "-": "{-}",
        "−": "$-$",
        "→": r"$\to$",
        "≤": r"$\le$",
        "≥": r"$\ge$",
        "≈": r"$\approx$",
        **{sign: f"\\{sign}" for sign in "_%&#${}"},
        **{sign: f"{{{sign}}}" for sign in "[],!?"},
    }
)


def readable(cells: pd.DataFrame) -> pd.DataFrame:
    """A table's cells as text in the report's order; blank where nothing was printed or measured.

    Args:
        cells: one row a printed cell, as `judgement.cells` gives it: fractions and seconds.
    """
    low, high = (tables.rounded(100 * cells[bound], 2) for bound in ("low", "high"))
    columns = {
        HIDDEN: [display(str(hidden)) for hidden in cells["hidden"]],
        MODEL: [RIVALS[model].label for model in cells["model"]],
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


def to_markdown(cells: pd.DataFrame) -> bytes:
    """The table in Markdown."""
    return tables.to_markdown(_grouped(readable(cells)), NUMBERS, FOOTNOTE)


def to_html(cells: pd.DataFrame, caption: str) -> Markup:
    """The table in HTML, with badges for verdicts."""
    return markup.to_html(readable(cells), NUMBERS, caption)


def to_latex(cells: pd.DataFrame, caption: str, label: str) -> bytes:
    """The table as a LaTeX float with the rules of booktabs, as wide as the text.

    It needs the packages array, booktabs and graphicx, and fonts in the T1 encoding.
    """
    text = _grouped(readable(cells))
    columns = "".join(_column(str(name)) for name in text)
    escaped = text.map(escape_latex).rename(columns=_heading)
    tabular = escaped.to_latex(index=False, escape=False, column_format=columns)
    lines = [
        r"% \usepackage{array,booktabs,graphicx} \usepackage[T1]{fontenc}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(caption)}. {escape_latex(FOOTNOTE)}}}",
        rf"\label{{{label}}}",
        r"\medskip",
        r"\resizebox{\linewidth}{!}{%",
        tabular.strip() + "}",
        r"\end{table}",
    ]
    return ("\n".join(lines) + "\n").encode()


def escape_latex(text: str) -> str:
    """Text that LaTeX prints as it is, in one line."""
    return " ".join(text.split()).translate(LATEX)


def signed(value: float, decimals: int = 2) -> str:
    """A difference with its sign; blank when there is none."""
    return "" if pd.isna(value) else f"{value:+.{decimals}f}".replace("-", "−")


def _grouped(text: pd.DataFrame) -> pd.DataFrame:
    """The network named once, in the first of its rows."""
    return text.assign(**{HIDDEN: text[HIDDEN].where(text[HIDDEN] != text[HIDDEN].shift(), "")})


def _heading(name: str) -> str:
    """A word a line, so that a column is no wider than its numbers."""
    side = "r" if name in NUMBERS else "l"
    words = r" \\ ".join(map(escape_latex, name.split()))
    return rf"\shortstack[{side}]{{{words}}}"


def _column(name: str) -> str:
    if name in BREAKING:
        return rf">{{\raggedright\arraybackslash}}p{{{BREAKING[name]}}}"
    return "r" if name in NUMBERS else "l"


def _text(values: Iterable[object]) -> list[str]:
    return ["" if pd.isna(value) else str(value) for value in values]  # type: ignore[call-overload]
