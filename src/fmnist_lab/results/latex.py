"""Tables for LaTeX: every character of a text is printed as it is, and columns are narrow."""

from collections.abc import Collection, Mapping

import pandas as pd

LATIN_ENDS = 0x180  # the first code point after Latin Extended-A, which T1 fonts have letters for

# Characters that TeX reads as commands, or that its usual fonts print as another character. Brackets and stars are put
# into braces: directly after the end of a row, TeX would read them as the options of the row's end (`\\*[height]`).
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
        **{char: f"\\{char}" for char in "_%&#${}"},
        **{char: f"{{{char}}}" for char in "[],!?*"},
    }
)


def to_latex(
    text: pd.DataFrame, numbers: Collection[str], breaking: Mapping[str, str], caption: str, label: str
) -> bytes:
    """Return a table of texts as a LaTeX float in the style of booktabs, as wide as the surrounding text.

    A document that includes it needs the packages array, booktabs and graphicx, and fonts in the T1 encoding.

    Args:
        numbers: the headings of columns aligned to the right.
        breaking: the widths of columns whose text may wrap, by heading.
    """
    columns = "".join(_column(str(name), numbers, breaking) for name in text)
    escaped = text.map(escape_latex).rename(columns=lambda name: _heading(str(name), numbers))
    tabular = escaped.to_latex(index=False, escape=False, column_format=columns)
    lines = [
        r"% \usepackage{array,booktabs,graphicx} \usepackage[T1]{fontenc}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape_latex(caption)}}}",
        rf"\label{{{label}}}",
        r"\medskip",
        r"\resizebox{\linewidth}{!}{%",
        tabular.strip() + "}",
        r"\end{table}",
    ]
    return ("\n".join(lines) + "\n").encode()


def escape_latex(text: str) -> str:
    """Return `text` in one line, escaped for LaTeX; characters that its usual fonts lack become question marks."""
    shown = "".join(char if ord(char) < LATIN_ENDS or ord(char) in LATEX else "?" for char in " ".join(text.split()))
    return shown.translate(LATEX)


def _heading(name: str, numbers: Collection[str]) -> str:
    """Return a heading with one word per line, so that it does not make a column of numbers wider."""
    side = "r" if name in numbers else "l"
    words = r" \\ ".join(map(escape_latex, name.split()))
    return rf"\shortstack[{side}]{{{words}}}"


def _column(name: str, numbers: Collection[str], breaking: Mapping[str, str]) -> str:
    if name in breaking:
        return rf">{{\raggedright\arraybackslash}}p{{{breaking[name]}}}"
    return "r" if name in numbers else "l"
