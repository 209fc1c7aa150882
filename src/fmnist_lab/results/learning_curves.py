"""Training loss and validation accuracy against the epoch."""

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

DECADES_FOR_LOG = 2
MARKS_A_LINE = 20


Printed = Mapping[str, Mapping[str, Sequence[float]]]  # by column of the curves, then by model: a value an epoch


def curves_figure(curves: pd.DataFrame, runs: pd.DataFrame, title: str, printed: Printed | None = None) -> Figure:
    """A line a model: the mean over the seeds that finished, with its 95 % band.

    A run that diverged has a thin line of its own, which stops at a cross.

    Args:
        curves: one row a run and epoch.
        runs: the runs of one setting, as `design.join_runs` gives them, with `diverged_epoch`.
        printed: what others printed for the same epochs, drawn over the lines; the band is then that of a whole
            further run, which is what a printed curve is compared with.
    """
    figure = new_figure(rows=1, columns=2, title=title)
    loss, accuracy = figure.subplots(1, 2)
    curves = _before_divergence(curves, runs)
    for metric, axes in (("train_loss", loss), ("validation_accuracy", accuracy)):
        for model, its_curves in curves.groupby("model"):
            _draw_rival(axes, its_curves, metric, MODEL_STYLES[str(model)], of_a_further_run=printed is not None)
        for model, values in (printed or {}).get(metric, {}).items():
            axes.plot(range(1, len(values) + 1), values, **MODEL_STYLES[model].printed)
        if printed:
            _look_at_lines(axes)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _dress_loss(loss, curves["train_loss"])
    dress_accuracy(accuracy, _accuracy_label(runs), measured=len(curves) > 0)
    rivals = [(MODEL_STYLES[str(model)], its_runs) for model, its_runs in runs.groupby("model")]
    gathered = max(_seeds(its_runs) for _, its_runs in rivals) > 1
    entries = [_legend_entry(rival, its_runs) for rival, its_runs in rivals]
    if printed:
        entries += [rival.sample_printed() for rival, _ in rivals]
    band = "95 % band for a further run" if printed else "95 % band"
    add_legend(figure, entries, f"mean of n seeds with {band}" if gathered else "")
    return figure


def _before_divergence(curves: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    own = curves.astype({"epoch": int, "train_loss": float, "validation_accuracy": float})
    own = own.merge(runs[["run", "status", "diverged_epoch"]], on="run")
    return own[~(own["epoch"] >= own["diverged_epoch"])]


def _draw_rival(axes: Axes, curves: pd.DataFrame, metric: str, rival: ModelStyle, of_a_further_run: bool) -> None:
    finished = curves[curves["status"] == "finished"]
    if len(finished):
        mean = interval(finished.groupby("epoch")[metric])
        if of_a_further_run and finished["run"].nunique() > 1:
            of_runs = finished.pivot(index="run", columns="epoch", values=metric)
            mean["half_width"] = simultaneous_half_widths(of_runs)
        _draw_mean(axes, mean, rival)
    for _, curve in curves[curves["status"] == "diverged"].groupby("run"):
        axes.plot(curve["epoch"], curve[metric], color=rival.color, linestyle=rival.dash, linewidth=0.8)
        axes.plot(curve["epoch"].iloc[-1], curve[metric].iloc[-1], "x", color=rival.color, markersize=7)


def _draw_mean(axes: Axes, mean: pd.DataFrame, rival: ModelStyle) -> None:
    axes.plot(mean.index, mean["mean"], markevery=-(-len(mean) // MARKS_A_LINE), **rival.line)
    band = mean.dropna()
    low, high = band["mean"] - band["half_width"], band["mean"] + band["half_width"]
    axes.fill_between(band.index, low, high, color=rival.color, alpha=FAINT / 2, linewidth=0)


def _look_at_lines(axes: Axes) -> None:
    # the band of two or three seeds is so wide that it would press all lines flat
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.lines])
    low, high = np.nanmin(values), np.nanmax(values)
    margin = 0.08 * (high - low)
    axes.set_ylim(low - margin, high + margin)


def _legend_entry(rival: ModelStyle, runs: pd.DataFrame) -> Line2D:
    seeds = f"n = {_seeds(runs)}" if _seeds(runs) > 1 else ""
    return rival.sample(seeds, failure_note(runs))


def _seeds(runs: pd.DataFrame) -> int:
    return int(runs.loc[runs["status"] == "finished", "seed"].nunique())


def _dress_loss(axes: Axes, losses: pd.Series) -> None:
    axes.set_ylabel("training loss (cross-entropy)")
    positive = losses[losses > 0]
    # a run on its way to divergence would press all others flat
    if len(positive) and np.log10(positive.max() / positive.min()) > DECADES_FOR_LOG:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def _accuracy_label(runs: pd.DataFrame) -> str:
    without = runs["without_validation"].all()
    return "test accuracy (no validation images)" if without else "validation accuracy"
