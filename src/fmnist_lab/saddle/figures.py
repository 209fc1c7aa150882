"""Figures of the saddle: each shows predictions of one family beside the observations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fmnist_lab.results.style import PANEL, add_legend, new_figure
from fmnist_lab.saddle import network, theory
from fmnist_lab.saddle.moments import Array
from fmnist_lab.saddle.setting import RELU_SCALES, Setting, end

# of the Okabe-Ito palette, which colour-blind readers can tell apart
DOWN, UP, PLAIN = "#0072B2", "#D55E00", "#999999"
DEPTH_COLOURS = {1: "#0072B2", 2: "#D55E00", 3: "#009E73", 4: "#CC79A7", 5: "#E69F00"}
DEPTH_MARKERS = {1: "o", 2: "s", 3: "^", 4: "D", 5: "v"}
RANDOM_LINES = 40
KNOBS = np.meshgrid(np.linspace(-1.15, 1.15, 131), np.linspace(-1.15, 1.15, 131))
CEILING = 1.5
HEIGHTS: dict[str, Any] = {"cmap": "RdBu_r", "norm": TwoSlopeNorm(vmin=-1, vcenter=0, vmax=CEILING)}
INITIAL_SCALE = "scale ε of the initial weights: norm of each factor"
ORDERS = {1: "", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶"}


def slopes(setting: Setting) -> Figure:
    """Draw |loss(tV) − loss(0)| along lines through zero, both axes logarithmic, one panel for each depth."""
    moments, rng = setting.moments, setting.generator("lines")
    figure, panels = _row(setting, "Lines through zero: deeper networks are flatter, and one line always descends")
    for axes, depth in zip(panels, setting.config.depths, strict=True):
        units, order = setting.units(moments, depth), depth + 1
        rest = theory.resting_scale(depth, moments.sigma[0], moments.kappa)
        t = rest * np.geomspace(1e-2, 2, 120)
        for _ in range(RANDOM_LINES):
            V = network.starting(network.random(units, rng), 1)
            axes.plot(t, np.abs(_along(V, t, setting)), color=PLAIN, linewidth=0.5, alpha=0.6)
        axes.plot(t, moments.sigma[0] * t**order, color="black", linestyle=":", linewidth=1.2, zorder=4)
        axes.plot(t, np.abs(_along(network.ascent(units, moments), t, setting)), color=UP)
        down = _along(network.escape(units, moments), t, setting)
        axes.plot(t, np.where(down < 0, -down, np.nan), color=DOWN)
        title = f"{_hidden(depth)}: slope {order}"
        axes.set(xscale="log", yscale="log", title=title, xlabel="t, the norm of each factor")
        axes.set_ylim(moments.sigma[0] * t[0] ** order * 1e-4, moments.sigma[0] * t[-1] ** order * 10)
    panels[0].set_ylabel("|loss(tV) − loss(0)|")
    entries = [
        Line2D([], [], color=DOWN, label="escape line, down"),
        Line2D([], [], color=UP, label="ascent line, up"),
        Line2D([], [], color=PLAIN, linewidth=0.8, label=f"{RANDOM_LINES} random lines"),
        Line2D([], [], color="black", linestyle=":", label="σ₁ tᴸ⁺¹, bound on any descent"),
    ]
    add_legend(figure, entries, "")
    return figure


def surface(setting: Setting) -> Figure:
    """Draw the loss over two scales: a of every layer but the last, and b of the last layer.

    In units of the resting scale the loss is loss(0) + (z² − 2z) σ₁²/(2κ) with z = b a^L, for any data.
    """
    depths = setting.config.depths
    figure = Figure(figsize=(PANEL[0] * len(depths), 6.6), layout="constrained")
    figure.suptitle("The loss around zero: a saddle that is flatter with each further layer")
    for column, depth in enumerate(depths, start=1):
        _draw_relief(figure.add_subplot(2, len(depths), column, projection="3d"), depth)
        _draw_map(figure.add_subplot(2, len(depths), len(depths) + column), depth)
    figure.axes[1].set_ylabel("scale of the last layer")
    entries = [
        Line2D([], [], color="black", marker="o", label="from zero along the escape line"),
        Line2D([], [], color="black", linewidth=0.7, label="same loss as at zero"),
        Line2D([], [], color="#67A9CF", linewidth=6, label="lower loss"),
        Line2D([], [], color="#EF8A62", linewidth=6, label="higher loss"),
    ]
    add_legend(figure, entries, "")
    return figure


def _draw_relief(axes: Any, depth: int) -> None:
    a, b = KNOBS
    height = np.minimum(_bowl(b * a**depth), CEILING)
    line = np.linspace(0, 1, 60)
    axes.plot_surface(a, b, height, **HEIGHTS, rcount=len(a), ccount=len(a), linewidth=0, antialiased=False)
    axes.plot(line, line, _bowl(line ** (depth + 1)) + 0.03, color="black", zorder=10)
    axes.plot([0], [0], [0.03], "o", color="black", markersize=5, zorder=11)
    axes.set(zlim=(-1, CEILING), title=_hidden(depth), xticks=[-1, 0, 1], yticks=[-1, 0, 1], zticks=[-1, 0, 1])
    axes.view_init(elev=36, azim=35)
    axes.tick_params(pad=-2, labelsize=7)


def _draw_map(axes: Axes, depth: int) -> None:
    a, b = KNOBS
    axes.contourf(a, b, np.minimum(_bowl(b * a**depth), CEILING), levels=np.linspace(-1, CEILING, 26), **HEIGHTS)
    axes.axhline(0, color="black", linewidth=0.7)
    axes.axvline(0, color="black", linewidth=0.7)
    axes.plot([0, 1], [0, 1], color="black")
    axes.plot([0], [0], "o", color="black")
    axes.set(xlabel="scale of every layer but the last", aspect="equal", xticks=[-1, 0, 1], yticks=[-1, 0, 1])
    axes.grid(False)


def hessian(setting: Setting) -> Figure:
    """Draw the eigenvalues of the Hessian at zero in rising order."""
    moments = setting.small
    figure = new_figure(1, 1, "The Hessian at zero: negative eigenvalues only for one hidden layer")
    axes = figure.subplots()
    width = min(3, setting.dense_width(moments))
    predicted = theory.hessian_spectrum(width, moments)
    place = np.linspace(0, 1, len(predicted))
    axes.step(place, predicted, where="mid", color="black", linewidth=0.7, label="predicted: each ±σᵢ, and 0")
    for depth, label in ((2, "two or more: zero throughout"), (1, "one hidden layer")):
        H = network.hessian(network.zeros(network.sizes(moments, depth, width)), moments)
        found = np.linalg.eigvalsh(H)
        look: dict[str, Any] = {"color": DEPTH_COLOURS[depth], "marker": DEPTH_MARKERS[depth], "linestyle": ""}
        axes.plot(np.linspace(0, 1, len(found)), found, **look, markersize=5 if depth == 2 else 2.5, label=label)
    axes.set(xlabel=f"eigenvalues in order, as a share of all (width {width})", ylabel="eigenvalue")
    axes.set_yscale("symlog", linthresh=moments.sigma[-1])
    ticks = [tick for tick in (0.1, 0.3, 1, 3) if moments.sigma[-1] < tick < 1.2 * moments.sigma[0]]
    ticks = [*(-tick for tick in reversed(ticks)), 0, *ticks]
    axes.set_yticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.legend(loc="upper left")
    return figure


def escape(setting: Setting) -> Figure:
    """Draw the time to leave zero against the scale of the initial weights, both axes logarithmic."""
    moments = setting.small
    figure = _one_wide("Deeper networks stay near zero for longer")
    axes = figure.subplots()
    for depth in setting.config.depths:
        look: dict[str, Any] = {"color": DEPTH_COLOURS[depth], "marker": DEPTH_MARKERS[depth]}
        scales, last = setting.scales(moments, depth), end(moments, depth)
        fine = np.geomspace(min(setting.config.escape.scales), 0.95 * last, 100)
        closed = [theory.escape_time(a, last, depth, moments.sigma[0], moments.kappa) for a in fine]
        axes.plot(fine, closed, color=look["color"], linewidth=1)
        axes.plot(scales, setting.aligned_times[depth], linestyle="", **look)
        axes.plot(scales, setting.random_times[depth], linestyle=":", markerfacecolor="white", linewidth=1, **look)
    axes.set(xscale="log", yscale="log", xlabel=INITIAL_SCALE, ylabel="time of the gradient flow")
    entries = [
        *(_sample(depth, _hidden(depth)) for depth in setting.config.depths),
        Line2D([], [], color="black", linewidth=1, label="closed form"),
        Line2D([], [], color="black", marker="o", linestyle="", label="escape direction"),
        Line2D([], [], color="black", marker="o", markerfacecolor="white", linestyle=":", label="random direction"),
    ]
    figure.legend(handles=entries, loc="outside right center")
    return figure


def staircase(setting: Setting) -> Figure:
    """Draw loss and gradient of gradient descent from small random weights, with the predicted levels."""
    path, levels = setting.staircase, theory.levels(setting.stairs)
    loss = setting.stairs.loss_at_zero + path.excess
    figure = Figure(figsize=(6.5, 4.6), layout="constrained")
    figure.suptitle("From saddle to saddle: two hidden layers, gradient descent from near zero")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    reached = [level for level in levels if level > loss.min() - 0.005]
    for r, level in enumerate(reached):
        above.axhline(level, color="#BBBBBB", linewidth=0.8, linestyle="--", zorder=1)
        above.annotate(f"rank {r}", (1.005, level), xycoords=above.get_yaxis_transform(), va="center", fontsize=8)
    above.plot(path.time, loss, color=DOWN, zorder=2)
    above.set_ylabel("loss")
    above.grid(False)
    below.plot(path.time, path.slope, color=UP, linewidth=1)
    below.set(yscale="log", xlabel="time: steps · learning rate", ylabel="‖gradient‖")
    entries = [
        Line2D([], [], color=DOWN, label="loss"),
        Line2D([], [], color="#BBBBBB", linestyle="--", label="predicted: loss(0) − ½(λ₁ + … + λᵣ)"),
        Line2D([], [], color=UP, label="‖gradient‖"),
    ]
    add_legend(figure, entries, "")
    return figure


def relu(setting: Setting) -> Figure:
    """Draw escape times of bias-free ReLU networks, and a line with the predicted slope through the last point."""
    figure = _one_wide(f"Bias-free ReLU networks follow the same law ({setting.sample.m} images)")
    axes = figure.subplots()
    smallest, largest = RELU_SCALES[-1], RELU_SCALES[0]
    fine = np.geomspace(smallest / 1.5, largest * 1.5, 50)
    for depth in setting.config.depths:
        times, colour = setting.relu_times[depth], DEPTH_COLOURS[depth]
        if depth == 1:
            law = times[-1] + np.log(smallest / fine) / setting.sample.moments.sigma[0]
        else:
            law = times[-1] * (smallest / fine) ** (depth - 1)
        axes.plot(fine, law, color=colour, linewidth=1)
        axes.plot(RELU_SCALES, times, DEPTH_MARKERS[depth], color=colour)
    axes.set(xscale="log", yscale="log", xlabel=INITIAL_SCALE, ylabel="time of the gradient flow")
    entries = [_sample(depth, f"{_hidden(depth)}: {_law(depth)}") for depth in setting.config.depths]
    entries.append(Line2D([], [], color="black", linewidth=1, label="predicted slope,\nthrough the last point"))
    figure.legend(handles=entries, loc="outside right center")
    return figure


FIGURES: dict[str, tuple[str, Callable[[Setting], Figure]]] = {  # by name: family of predictions, function
    "slopes": ("lines", slopes),
    "surface": ("lines", surface),
    "hessian": ("hessian", hessian),
    "escape": ("escape", escape),
    "staircase": ("staircase", staircase),
    "relu": ("relu", relu),
}


def _row(setting: Setting, title: str) -> tuple[Figure, Sequence[Axes]]:
    count = len(setting.config.depths)
    figure = new_figure(1, count, title)
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def _one_wide(title: str) -> Figure:
    """Return a figure with space for one panel and a legend beside it."""
    figure = Figure(figsize=(6.2, 3.6), layout="constrained")
    figure.suptitle(title)
    return figure


def _sample(depth: int, label: str) -> Line2D:
    return Line2D([], [], linestyle="", color=DEPTH_COLOURS[depth], marker=DEPTH_MARKERS[depth], label=label)


def _along(V: network.Weights, t: Array, setting: Setting) -> Array:
    return np.array([network.excess(network.scaled(V, step), setting.moments) for step in t])


def _bowl(z: Array) -> Array:
    return z**2 - 2 * z


def _hidden(depth: int) -> str:
    return f"{depth} hidden layer" + "s" * (depth > 1)


def _law(depth: int) -> str:
    return "ln(1/ε)/σ₁" if depth == 1 else f"∝ 1/ε{ORDERS[depth - 1]}"
