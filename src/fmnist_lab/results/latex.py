"""Tables for LaTeX: every sign of a text printed as it is, columns no wider than they need be."""

from collections.abc import Collection, Mapping

import pandas as pd

LATIN_ENDS = 0x180  # the first code point after Latin Extended-A, which T1 fonts have letters for

# Everything that TeX takes for a command, and what its usual fonts would print as another sign. Brackets are wrapped
# because one after the end of a row would be read as the height of that row, and stars as part of that end.
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
        **{sign: f"{{{sign}}}" for sign in "[],!?*"},
    }
)


def to_latex(
    text: pd.DataFrame, numbers: Collection[str], breaking: Mapping[str, str], caption: str, label: str
) -> bytes:
    """A table of texts as a LaTeX float with the rules of booktabs, as wide as the text around it.

    It needs the packages array, booktabs and graphicx, and fonts in the T1 encoding.

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
    """Text that LaTeX prints as it is, in one line; what its usual fonts have no sign for becomes a question mark."""
    shown = "".join(sign if ord(sign) < LATIN_ENDS or ord(sign) in LATEX else "?" for sign in " ".join(text.split()))
    return shown.translate(LATEX)


def _heading(name: str, numbers: Collection[str]) -> str:
    """A word a line, so that a column is no wider than its numbers."""
    side = "r" if name in numbers else "l"
    words = r" \\ ".join(map(escape_latex, name.split()))
    return rf"\shortstack[{side}]{{{words}}}"


def _column(name: str, numbers: Collection[str], breaking: Mapping[str, str]) -> str:
    if name in breaking:
        return rf">{{\raggedright\arraybackslash}}p{{{breaking[name]}}}"
    return "r" if name in numbers else "l"
