"""How figures look, decided once: the rivals' names, colours and marks, and everything Matplotlib is told."""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

PANEL, WIDE_PANEL = (3.5, 2.8), (4.5, 3.0)  # inches, width and height; wide where a panel stands alone
PNG_DPI = 150
FAINT = 0.45
ENTRY_INCHES, CHARACTER_INCHES = 0.8, 0.068  # of a legend: the sample and the gaps, and a character of its label


class ModelStyle(NamedTuple):
    """One of the two models on paper: told apart by colour, mark and dash, so in black and white too."""

    label: str
    color: str
    marker: str
    dash: str

    @property
    def line(self) -> dict[str, Any]:
        """Keywords for Axes.plot."""
        return {"color": self.color, "marker": self.marker, "linestyle": self.dash}

    @property
    def printed(self) -> dict[str, Any]:
        """Keywords for Axes.plot, for values that others printed: hollow marks, larger than ours, joined by no line."""
        hollow = {"markerfacecolor": "none", "markeredgewidth": 1.1, "markersize": 8}
        return {"color": self.color, "marker": self.marker, "linestyle": "none"} | hollow

    def sample_printed(self) -> Line2D:
        """The marks of printed values as a legend shows them."""
        return Line2D([], [], label=f"{self.label}, printed", **self.printed)

    def sample(self, *remarks: str) -> Line2D:
        """The line as a legend shows it, with the label and what is to be remarked."""
        return Line2D([], [], label=", ".join(filter(None, [self.label, *remarks])), **self.line)


# blue and vermillion of the Okabe-Ito palette, which colour-blind readers can tell apart
MODEL_STYLES = {
    "custom": ModelStyle("custom (NumPy)", "#0072B2", "o", "-"),
    "torch": ModelStyle("PyTorch", "#D55E00", "s", "--"),
}

RC = {
    "text.parse_math": False,  # settings are shown as they are, dollar signs too
    "svg.hashsalt": "fmnist_lab",  # the same figure gives the same bytes
    "font.size": 9,
    "axes.titlesize": 9,
    "figure.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "lines.markersize": 4,
    "errorbar.capsize": 2.5,
    "legend.frameon": False,
    "legend.handlelength": 3,
    "legend.title_fontsize": 9,
}


def applied() -> AbstractContextManager[None]:
    """The style, whatever the reader's own Matplotlib settings; figures are drawn and rendered inside it."""
    return matplotlib.style.context(["default", RC])


class Picture(Figure):
    """A figure that a notebook shows by itself, without pyplot."""

    def _repr_png_(self) -> bytes:
        with applied():
            return _saved(self, format="png", dpi=PNG_DPI)


def new_figure(rows: int, columns: int, title: str) -> Figure:
    """An empty figure for so many panels."""
    width, height = PANEL if columns > 1 else WIDE_PANEL
    figure = Picture(figsize=(width * columns, height * rows + 0.6), layout="constrained")
    figure.suptitle(title)
    return figure


def add_legend(figure: Figure, entries: Sequence[Line2D], title: str) -> None:
    """A legend below the panels, where it hides no data."""
    widest = ENTRY_INCHES + CHARACTER_INCHES * max(len(str(entry.get_label())) for entry in entries)
    columns = int(figure.get_figwidth() / widest)
    while columns > 1 and len(entries) % columns:  # rows of equal length
        columns -= 1
    figure.legend(handles=entries, title=title, loc="outside lower center", ncols=min(max(columns, 1), len(entries)))


def dress_accuracy(axes: Axes, label: str, measured: bool) -> None:
    """An axis of accuracies: fractions shown as percentages, never beyond 0 and 100 %."""
    axes.set_ylabel(label)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda fraction, _: f"{100 * fraction:g} %"))
    low, high = axes.get_ylim() if measured else (0, 1)
    axes.set_ylim(max(low, 0), min(high, 1))


def render(figure: Figure) -> dict[str, bytes]:
    """The figure's files, by extension."""
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)  # laid out once: alike in both files, and in half the time
    return {
        "png": _saved(figure, format="png", dpi=PNG_DPI),
        "svg": _saved(figure, format="svg", metadata={"Date": None}),
    }


def _saved(figure: Figure, **how: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, **how)
    return buffer.getvalue()
