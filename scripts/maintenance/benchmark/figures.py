"""Draw the benchmark's figures in the project's style."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmark.arithmetic import FLOOR, FLOPS, GIGA, epoch_flops, epoch_seconds, ratios, scaling_series, spread, wide
from benchmark.targets import Measurements
from fmnist_lab.results.style import MODEL_STYLES, applied, new_figure, render

# The rest of the Okabe-Ito palette; the two models keep their own colours.
OTHERS = {
    "gemms": ("products alone", "#999999", "_"),
    "torch_eager": ("PyTorch, fastest eager script", "#E69F00", "^"),
    "jax_jit": ("JAX, jitted", "#009E73", "D"),
    "torch_compile": ("PyTorch, compiled", "#CC79A7", "v"),
    "sklearn": ("scikit-learn", "#56B4E9", "P"),
    "torch_dataloader_0": ("DataLoader, no worker", "#000000", "x"),
    "torch_dataloader_2": ("DataLoader, 2 workers", "#000000", "+"),
}
LOOKS = {name: (style.label, style.color, style.marker) for name, style in MODEL_STYLES.items()} | OTHERS


def figures(measured: Measurements, remark: str) -> dict[str, bytes]:
    """Return the content of each figure file by name, for the parts that were measured; `remark` ends each title."""
    drawers = {"epoch": epoch_figure, "scaling": scaling_figure}
    with applied():
        return {
            f"{part}.{extension}": content
            for part, draw in drawers.items()
            if part in measured and len(measured[part])
            for extension, content in render(draw(measured[part], remark)).items()
        }


def epoch_figure(frame: pd.DataFrame, remark: str) -> Figure:
    """Draw each contender over the floor, by architecture; whiskers from the least to the largest round."""
    seconds = epoch_seconds(frame)
    over = ratios(seconds[[*(name for name in LOOKS if name in seconds), FLOOR]], FLOOR)
    spreads = spread(over)
    hidden = list(spreads["hidden"].unique())
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    for number, name in enumerate(map(str, over)):
        rows = spreads[spreads["contender"] == name]
        shift = 0.06 * (number - len(over.columns) / 2)  # side by side, so that none hides another
        label, colour, marker = LOOKS[name]
        whiskers(axes, rows["hidden"].map(hidden.index) + shift, rows, label, color=colour, marker=marker, linestyle="")
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set(ylabel="time of an epoch over the floor", xlabel="hidden layers")
    logarithmic(axes, "y")
    axes.set_xticks(range(len(hidden)), hidden)
    figure.suptitle(f"One epoch against the machine's peak{remark}")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def scaling_figure(frame: pd.DataFrame, remark: str) -> Figure:
    """Draw the seconds of the hand-written model against each size; linear axes where a straight line is expected."""
    figure = new_figure(2, 2, f"What an epoch, a run and a sweep cost{remark}")
    found = scaling_series(frame)
    for axes, (name, points) in zip(figure.subplots(2, 2).flat, found.items(), strict=True):
        _, colour, marker = LOOKS["custom"]
        whiskers(axes, points["x"], points, "measured", color=colour, marker=marker)
        axes.set(xlabel=name, ylabel="seconds")
        if name == FLOPS:
            logarithmic(axes, "x", "y")
            draw_floor(axes, frame, points["x"])
        else:
            axes.set_ylim(0, None)
        if name == "batch size":
            logarithmic(axes, "x")
    return figure


def logarithmic(axes: Axes, *which: Literal["x", "y"]) -> None:
    """Make axes logarithmic, with plain numbers as labels: the project's style sets no mathematics."""
    for name in which:
        getattr(axes, f"set_{name}scale")("log")
        axis = getattr(axes, f"{name}axis")
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if name == "y" else (1,), numticks=9))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def draw_floor(axes: Axes, frame: pd.DataFrame, gigaflops: pd.Series) -> None:
    """Draw the least time of an epoch, and a line where the width is 256."""
    rates = wide(frame, "flops_per_second")
    if "peak" in rates:
        axes.plot(gigaflops, gigaflops * GIGA / rates["peak"].median(), color="black", linewidth=0.8, label="floor")
    axes.axvline(epoch_flops("256,128") / GIGA, color="grey", linestyle=":", label="width 256")
    axes.legend()


def whiskers(axes: Axes, x: pd.Series, rows: pd.DataFrame, label: str, **look: Any) -> None:
    """Draw medians with a bar from the least to the largest."""
    below, above = rows["median"] - rows["min"], rows["max"] - rows["median"]
    axes.errorbar(x, rows["median"], yerr=[below, above], label=label, **look)
