"""Figures of test accuracy against a factor, and of time against the width of the hidden layers."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray

from fmnist_lab.results.factors import Factor, describe
from fmnist_lab.results.style import FAINT, MODEL_STYLES, ModelStyle, add_legend, dress_accuracy, new_figure

Floats = NDArray[np.float64]

FACETS_A_ROW = 3
LEAST_TICK_GAP = 0.09  # as a share of the axis: labels closer together would overlap
WIDE_TICKS = 30  # characters of all labels together, above which they are rotated
SEEDS: dict[str, Any] = {"linestyle": "none", "marker": ".", "markeredgewidth": 0, "alpha": FAINT}


def factor_figure(
    table: pd.DataFrame, runs: pd.DataFrame, factor: Factor, others: Sequence[Factor], title: str
) -> Figure:
    """Draw test accuracy against a factor: mean and 95 % interval over seeds, and the seeds as faint points.

    There is one panel per combination of the other factors. If the factor is the widths of the hidden layers and the
    times are comparable, a second panel shows the time.

    Args:
        table: from `summarize`, by the factor and the others.
        runs: the runs that it summarizes.
    """
    facets = list(_facets(table, runs, [other.name for other in others]))
    timed = factor.key == "architecture.hidden" and bool(table["fit_seconds_median"].notna().any())
    draws = [_draw_accuracy, _draw_time] if timed else [_draw_accuracy]
    panels = [(draw, facet) for facet in facets for draw in draws]
    columns = 2 if timed else min(len(panels), FACETS_A_ROW)
    rows = -(-len(panels) // columns)
    figure = new_figure(rows, columns, title)
    grid = figure.subplots(rows, columns, squeeze=False, sharey="col" if timed else "all")
    for axes, (draw, (name, panel_table, panel_runs)) in zip(grid.flat, panels, strict=False):
        axes.set_title(name)
        _dress_levels(axes, factor)
        draw(axes, panel_table, panel_runs, factor)
    for axes in grid[:, 0] if timed else grid.flat[: len(panels)]:
        dress_accuracy(axes, "test accuracy", measured=bool(table["n"].any()))
    if not timed:
        for axes in grid[:, 1:].flat:
            axes.set_ylabel("")
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    add_legend(figure, *_legend(table, timed))
    return figure


def seed_figure(table: pd.DataFrame, runs: pd.DataFrame, title: str) -> Figure:
    """Draw the test accuracy of each model: its seeds, their mean and 95 % interval.

    Args:
        table: from `summarize`, by the model alone.
        runs: the runs that it summarizes.
    """
    models = tuple(table["model"])
    positions = tuple(map(float, range(len(models))))
    factor = Factor("model.name", "model", models, positions, "words", axis_label="")
    figure = factor_figure(table, runs, factor, [], title)
    figure.axes[0].set_xticks(positions, [MODEL_STYLES[model].label for model in models])
    return figure


def _facets(
    table: pd.DataFrame, runs: pd.DataFrame, names: list[str]
) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    if not names:
        yield "", table, runs
        return
    groups = runs.groupby(names, observed=True)
    for levels, facet_table in table.groupby(names, observed=True):
        combination = dict(zip(names, map(str, levels), strict=True))
        yield describe(combination), facet_table, groups.get_group(levels)


def _draw_accuracy(axes: Axes, table: pd.DataFrame, runs: pd.DataFrame, factor: Factor) -> None:
    for model, rows in table.groupby("model"):
        style, model_runs = MODEL_STYLES[str(model)], runs[runs["model"] == model]
        _draw_means(axes, style, factor, rows, "test_accuracy_mean", rows["test_accuracy_half_width"])
        _draw_seeds(axes, style, factor, model_runs, "test_accuracy")
        _draw_diverged(axes, style, factor, rows[rows["diverged"] > 0])


def _draw_time(axes: Axes, table: pd.DataFrame, runs: pd.DataFrame, factor: Factor) -> None:
    for model, rows in table.groupby("model"):
        style, model_runs = MODEL_STYLES[str(model)], runs[runs["model"] == model]
        _draw_means(axes, style, factor, rows, "fit_seconds_median", None)
        _draw_seeds(axes, style, factor, model_runs, "fit_seconds")
    axes.set_ylabel("time (s)")
    axes.set_ylim(bottom=0)


def _draw_means(
    axes: Axes, style: ModelStyle, factor: Factor, rows: pd.DataFrame, metric: str, half_widths: pd.Series | None
) -> None:
    # Words have no order, so no line joins them.
    line = style.line | ({"linestyle": "none"} if factor.scale == "words" and factor.name != "hidden" else {})
    axes.errorbar(_places(rows, factor, style), rows[metric], half_widths, **line)


def _draw_seeds(axes: Axes, style: ModelStyle, factor: Factor, runs: pd.DataFrame, metric: str) -> None:
    if runs["seed"].nunique() > 1:
        axes.plot(_places(runs, factor, style, steps=2.5), runs[metric], color=style.color, **SEEDS)


def _draw_diverged(axes: Axes, style: ModelStyle, factor: Factor, rows: pd.DataFrame) -> None:
    # At the bottom of the panel, since a diverged run has no accuracy.
    places, transform = _places(rows, factor, style), axes.get_xaxis_transform()
    axes.plot(places, np.full(len(rows), 0.04), "x", color=style.color, transform=transform)


def _dress_levels(axes: Axes, factor: Factor) -> None:
    axes.set_xlabel(factor.axis_label)
    if factor.scale == "log":
        axes.set_xscale("log")
    along = _along(factor, factor.positions)
    margin = 0.5 if factor.scale == "words" else 0.08 * np.ptp(along)
    axes.set_xlim(*_back(factor, along[[0, -1]] + [-margin, margin]))
    shown = range(len(along)) if factor.scale == "words" else _apart(along, LEAST_TICK_GAP * np.ptp(along))
    labels = [factor.ticks[at] for at in shown]
    axes.set_xticks([factor.positions[at] for at in shown], labels)
    axes.xaxis.set_minor_locator(NullLocator())
    if sum(map(len, labels)) > WIDE_TICKS:
        axes.tick_params("x", rotation=30)


def _apart(along: Floats, gap: float) -> list[int]:
    """Return the places of the positions to label: each at least `gap` after the previous one."""
    kept = [0]
    for at in range(1, len(along)):
        if along[at] - along[kept[-1]] >= gap:
            kept.append(at)
    return kept


def _places(rows: pd.DataFrame, factor: Factor, style: ModelStyle, steps: float = 1) -> Floats:
    """Return the places of a model's values on the axis: beside the level, so that intervals do not overlap."""
    position = dict(zip(factor.levels, factor.positions, strict=True))
    along = _along(factor, [position[level] for level in rows[factor.name]])
    step = 0.05 if factor.scale == "words" else 0.01 * np.ptp(_along(factor, factor.positions))
    return _back(factor, along + (steps * step if style is MODEL_STYLES["torch"] else -steps * step))


def _along(factor: Factor, positions: Sequence[float]) -> Floats:
    """Return positions as lengths along the axis: logarithms on a logarithmic one."""
    lengths = np.array(positions, dtype=np.float64)
    return np.log10(lengths) if factor.scale == "log" else lengths


def _back(factor: Factor, lengths: Floats) -> Floats:
    """Return lengths along the axis as positions: the inverse of `_along`."""
    return np.power(10.0, lengths) if factor.scale == "log" else lengths


def _legend(table: pd.DataFrame, timed: bool) -> tuple[list[Line2D], str]:
    entries = [MODEL_STYLES[str(model)].legend_line() for model in table["model"].drop_duplicates()]
    if table["diverged"].any():
        entries.append(Line2D([], [], color="black", linestyle="none", marker="x", label="diverged"))
    fewest, most = table.loc[table["n"] > 0, "n"].min(), table["n"].max()
    if most < 2:
        return entries, ""
    seeds = f"{most}" if fewest == most else f"{fewest}–{most}"
    return entries, f"mean of {seeds} seeds with 95 % interval{'; median time' if timed else ''}"
