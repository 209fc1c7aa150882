"""Figures of training loss and validation accuracy against the epoch."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from fmnist_lab.results.intervals import simultaneous_half_widths
from fmnist_lab.results.style import FAINT, MODEL_STYLES, ModelStyle, add_legend, dress_accuracy, new_figure
from fmnist_lab.results.summary_statistics import failure_note, interval

DECADES_FOR_LOG = 2  # of the losses, above which their axis is logarithmic
MARKERS_PER_LINE = 20

Printed = Mapping[str, Mapping[str, Sequence[float]]]  # by column of the curves, then by model: one value per epoch


def curves_figure(curves: pd.DataFrame, runs: pd.DataFrame, title: str, printed: Printed | None = None) -> Figure:
    """Draw one line per model: the mean over the seeds that finished, with its 95 % band.

    Each run that diverged is a thin line that ends in a cross.

    Args:
        curves: one row per run and epoch, with the columns of `curves.csv`.
        runs: the runs of one combination of settings, from `analyze`.
        printed: published values of the same epochs, drawn over the lines. The band is then that of a whole further
            run, with which a published curve is compared.
    """
    figure = new_figure(rows=1, columns=2, title=title)
    loss, accuracy = figure.subplots(1, 2)
    curves = _before_divergence(curves, runs)
    for metric, axes in (("train_loss", loss), ("validation_accuracy", accuracy)):
        for model, model_curves in curves.groupby("model"):
            _draw_model(axes, model_curves, metric, MODEL_STYLES[str(model)], of_a_further_run=printed is not None)
        for model, values in (printed or {}).get(metric, {}).items():
            axes.plot(range(1, len(values) + 1), values, **MODEL_STYLES[model].printed)
        if printed:
            _limit_to_lines(axes)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _dress_loss(loss, curves["train_loss"])
    dress_accuracy(accuracy, _accuracy_label(runs), measured=len(curves) > 0)
    models = [(MODEL_STYLES[str(model)], model_runs) for model, model_runs in runs.groupby("model")]
    several_seeds = max(_seeds(model_runs) for _, model_runs in models) > 1
    entries = [_legend_entry(style, model_runs) for style, model_runs in models]
    if printed:
        entries += [style.legend_line_printed() for style, _ in models]
    band = "95 % band for a further run" if printed else "95 % band"
    add_legend(figure, entries, f"mean of n seeds with {band}" if several_seeds else "")
    return figure


def _before_divergence(curves: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    own = curves.astype({"epoch": int, "train_loss": float, "validation_accuracy": float})
    own = own.merge(runs[["run", "status", "diverged_epoch"]], on="run")
    return own[~(own["epoch"] >= own["diverged_epoch"])]


def _draw_model(axes: Axes, curves: pd.DataFrame, metric: str, style: ModelStyle, of_a_further_run: bool) -> None:
    finished = curves[curves["status"] == "finished"]
    if len(finished):
        mean = interval(finished.groupby("epoch")[metric])
        if of_a_further_run and finished["run"].nunique() > 1:
            of_runs = finished.pivot(index="run", columns="epoch", values=metric)
            mean["half_width"] = simultaneous_half_widths(of_runs)
        _draw_mean(axes, mean, style)
    for _, curve in curves[curves["status"] == "diverged"].groupby("run"):
        axes.plot(curve["epoch"], curve[metric], color=style.color, linestyle=style.dash, linewidth=0.8)
        axes.plot(curve["epoch"].iloc[-1], curve[metric].iloc[-1], "x", color=style.color, markersize=7)


def _draw_mean(axes: Axes, mean: pd.DataFrame, style: ModelStyle) -> None:
    axes.plot(mean.index, mean["mean"], markevery=-(-len(mean) // MARKERS_PER_LINE), **style.line)
    band = mean.dropna()
    low, high = band["mean"] - band["half_width"], band["mean"] + band["half_width"]
    axes.fill_between(band.index, low, high, color=style.color, alpha=FAINT / 2, linewidth=0)


def _limit_to_lines(axes: Axes) -> None:
    # The band of two or three seeds is so wide that all lines would look flat beside it.
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.lines])
    low, high = np.nanmin(values), np.nanmax(values)
    margin = 0.08 * (high - low)
    axes.set_ylim(low - margin, high + margin)


def _legend_entry(style: ModelStyle, runs: pd.DataFrame) -> Line2D:
    seeds = f"n = {_seeds(runs)}" if _seeds(runs) > 1 else ""
    return style.legend_line(seeds, failure_note(runs))


def _seeds(runs: pd.DataFrame) -> int:
    return int(runs.loc[runs["status"] == "finished", "seed"].nunique())


def _dress_loss(axes: Axes, losses: pd.Series) -> None:
    axes.set_ylabel("training loss (cross-entropy)")
    positive = losses[losses > 0]
    # Beside a run that is about to diverge, all others would look flat.
    if len(positive) and np.log10(positive.max() / positive.min()) > DECADES_FOR_LOG:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def _accuracy_label(runs: pd.DataFrame) -> str:
    without = runs["without_validation"].all()
    return "test accuracy (no validation images)" if without else "validation accuracy"
