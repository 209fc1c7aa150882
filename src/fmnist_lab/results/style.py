"""The style of all figures: the colour, marker and dash of each model, and the settings of Matplotlib."""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

PANEL, WIDE_PANEL = (3.5, 2.8), (4.5, 3.0)  # width and height in inches; wide for a panel alone in its row
PNG_DPI = 150
FAINT = 0.45
ENTRY_INCHES, CHARACTER_INCHES = 0.8, 0.068  # widths in a legend: line and gaps, one character


class ModelStyle(NamedTuple):
    """The look of one model in figures: colour, marker and dash all differ, so that black and white suffices."""

    label: str
    color: str
    marker: str
    dash: str

    @property
    def line(self) -> dict[str, Any]:
        """Return the keywords of Axes.plot for our values."""
        return {"color": self.color, "marker": self.marker, "linestyle": self.dash}

    @property
    def printed(self) -> dict[str, Any]:
        """Return the keywords of Axes.plot for published values: hollow markers, larger than ours, without a line."""
        hollow = {"markerfacecolor": "none", "markeredgewidth": 1.1, "markersize": 8}
        return {"color": self.color, "marker": self.marker, "linestyle": "none"} | hollow

    def legend_line_printed(self) -> Line2D:
        """Return the legend entry of published values."""
        return Line2D([], [], label=f"{self.label}, printed", **self.printed)

    def legend_line(self, *remarks: str) -> Line2D:
        """Return the legend entry of our values: the label, then the remarks that are not empty."""
        return Line2D([], [], label=", ".join(filter(None, [self.label, *remarks])), **self.line)


# Blue and vermillion of the Okabe-Ito palette, which colour-blind readers can distinguish.
MODEL_STYLES = {
    "custom": ModelStyle("custom (NumPy)", "#0072B2", "o", "-"),
    "torch": ModelStyle("PyTorch", "#D55E00", "s", "--"),
}

RC = {
    "text.parse_math": False,  # show settings unchanged, dollar signs included
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
    """Return a context with this style in place of the user's Matplotlib settings, for drawing and rendering."""
    return matplotlib.style.context(["default", RC])


class Picture(Figure):
    """A figure that a notebook shows without pyplot."""

    def _repr_png_(self) -> bytes:
        with applied():
            return _saved(self, format="png", dpi=PNG_DPI)


def new_figure(rows: int, columns: int, title: str) -> Figure:
    """Return an empty figure, large enough for `rows` × `columns` panels."""
    width, height = PANEL if columns > 1 else WIDE_PANEL
    figure = Picture(figsize=(width * columns, height * rows + 0.6), layout="constrained")
    figure.suptitle(title)
    return figure


def add_legend(figure: Figure, entries: Sequence[Line2D], title: str) -> None:
    """Add a legend below the panels, where it hides no data."""
    widest = ENTRY_INCHES + CHARACTER_INCHES * max(len(str(entry.get_label())) for entry in entries)
    columns = int(figure.get_figwidth() / widest)
    while columns > 1 and len(entries) % columns:  # rows of equal length
        columns -= 1
    figure.legend(handles=entries, title=title, loc="outside lower center", ncols=min(max(columns, 1), len(entries)))


def dress_accuracy(axes: Axes, label: str, measured: bool) -> None:
    """Show the fractions on the y axis as percentages, limited to 0 to 100 %; `measured`: whether there are any."""
    axes.set_ylabel(label)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda fraction, _: f"{100 * fraction:g} %"))
    low, high = axes.get_ylim() if measured else (0, 1)
    axes.set_ylim(max(low, 0), min(high, 1))


def render(figure: Figure) -> dict[str, bytes]:
    """Return the figure as files: their content by extension (png, svg)."""
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.execute(figure)
        figure.set_layout_engine(None)  # one layout for both files: they agree, and it takes half the time
    return {
        "png": _saved(figure, format="png", dpi=PNG_DPI),
        "svg": _saved(figure, format="svg", metadata={"Date": None}),
    }


def _saved(figure: Figure, **options: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, **options)
    return buffer.getvalue()
