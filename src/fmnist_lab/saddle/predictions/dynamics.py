"""Predictions for the time to leave zero and for the path from there: Section 5 of docs/saddle.md."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fmnist_lab.saddle import flow, network, sample, theory
from fmnist_lab.saddle.moments import Array, Moments
from fmnist_lab.saddle.network import Weights
from fmnist_lab.saddle.prediction import LIMIT, OBSERVED, Prediction, at_least, at_most, each_equal, equal
from fmnist_lab.saddle.setting import Setting, drop, end

DESCENT_LR = 0.02
DESCENT_SCALES = {1: 0.01, 2: 0.03}  # initial scales from which descent takes a few thousand steps
FAR_FROM_ZERO = 0.005  # at larger initial scales the leading order is off by more than a hundredth
AHEAD = 0.05  # largest second mode, as a fraction of the first, for which one mode alone explains the escape
MODES_SCALE = 0.05
STAIRS = 5  # number of levels that the descent reaches in its time
STALLED = 0.25  # ‖gradient‖ at a level over that half-way to the next: chosen after looking, no theorem
AT_A_LEVEL = 1e-3  # largest distance of the loss from a level


def escape(setting: Setting) -> Iterator[Prediction]:
    """Predict the time to leave zero: exactly for white inputs, to leading order and from below for any inputs."""
    for depth in setting.config.depths:
        yield from _exact(setting, depth)
        yield from _general(setting, depth)


def _exact(setting: Setting, depth: int) -> Iterator[Prediction]:
    white = setting.white
    scales = setting.scales(white, depth)
    if scales:
        predicted = [theory.escape_time(a, end(white, depth), depth, white.sigma[0], white.kappa) for a in scales]
        what = f"L={depth}, white inputs: escape time from {scales[0]:g} to {scales[-1]:g}"
        yield each_equal(what, predicted, setting.white_times[depth], 1e-9)
    scale = DESCENT_SCALES.get(depth, 0.1)
    if scale < end(white, depth):
        weights = network.starting(network.escape(setting.units(white, depth), white), scale)
        steps = flow.steps_to_drop(weights, white, DESCENT_LR, drop(white))
        time = theory.escape_time(scale, end(white, depth), depth, white.sigma[0], white.kappa)
        what = f"L={depth}, white inputs: gradient descent, steps · lr against the flow"
        yield equal(what, time, steps * DESCENT_LR, 0.01, basis=LIMIT)


def _general(setting: Setting, depth: int) -> Iterator[Prediction]:
    moments = setting.small
    scales, sigma = setting.scales(moments, depth), moments.sigma[0]
    aligned, random = setting.aligned_times[depth], setting.random_times[depth]
    if len(scales) < 2:
        return
    for name, times in (("escape direction", aligned), ("random direction", random)):
        bounds = [theory.least_time(np.sqrt(depth + 1) * a, drop(moments), depth, moments) for a in scales]
        ratios = np.array(times) / bounds
        yield at_least(f"L={depth}, {name}: escape time over its lower bound", 1, ratios, 1e-9)
        if scales[-2] > FAR_FROM_ZERO:
            continue  # the law holds for small initial weights
        if name == "escape direction" or depth > 1 or _leads(moments, scales[-1]):
            yield law(f"L={depth}, {name}", depth, scales, times, sigma)
    if scales[-1] <= FAR_FROM_ZERO:
        closed = theory.escape_time(scales[-1], end(moments, depth), depth, sigma, moments.kappa)
        what = f"L={depth}, escape direction: time from {scales[-1]:g} as if v₁ were an eigenvector of C"
        yield equal(what, closed, aligned[-1], 0.01, basis=LIMIT)


def _leads(moments: Moments, scale: float) -> bool:
    """Return whether the second mode is still small when the escape ends (one hidden layer)."""
    second = moments.sigma[1] if moments.rank > 1 else 0.0
    return bool(scale ** (1 - second / moments.sigma[0]) < AHEAD)


def law(what: str, depth: int, scales: list[float], times: list[float], sigma: float) -> Prediction:
    """Predict how the escape time grows between the two smallest scales ε: as ln(1/ε)/σ₁ or as ε^-(L-1)."""
    decades = np.log(scales[-2] / scales[-1])
    if depth == 1:
        rate = (times[-1] - times[-2]) / decades * sigma
        return equal(f"{what}: σ₁ times growth of the escape time with ln(1/ε)", 1, rate, 0.01, basis=LIMIT)
    exponent = np.log(times[-1] / times[-2]) / decades
    return equal(f"{what}: exponent of the escape time in 1/ε", depth - 1, exponent, 0.01, basis=LIMIT)


def standstill(setting: Setting) -> Iterator[Prediction]:
    """Predict that weights that are exactly zero stay zero under every optimiser."""
    moments, images = setting.small, setting.sample
    for depth in setting.config.depths:
        path = flow.descend(network.zeros(setting.units(moments, depth)), moments, lr=0.1, steps=100)
        yield equal(f"L={depth}: change of the loss in 100 steps of gradient descent", 0, np.abs(path.excess).max(), 0)
        at_zero = network.zeros(setting.units(images.moments, depth))
        for optimizer in ("SGD", "Adam", "AdamW"):
            moved = sample.torch_walk(optimizer, at_zero, images.X, images.Y)
            yield equal(f"L={depth}: largest weight after 20 steps of torch.optim.{optimizer}", 0, moved, 0)


def staircase(setting: Setting) -> Iterator[Prediction]:
    """Predict the path from saddle to saddle: each mode in closed form, and stalls from random weights as observed."""
    for depth in setting.config.depths:
        yield from _modes(depth, setting.white, setting.config.width)
    yield from _stalls(setting)


def _modes(depth: int, white: Moments, width: int) -> Iterator[Prediction]:
    """Predict the growth of each mode for white inputs and equal initial scales: modes do not interact."""
    U, sigma, Vt = (array.copy() for array in white.svd)
    kept = min(int(np.sum(sigma > 4 * MODES_SCALE ** (depth + 1))), width)
    U, sigma, Vt = U[:, :kept], sigma[:kept], Vt[:kept]
    initial = network.chain(network.sizes(white, depth, width), U, Vt, np.full(kept, MODES_SCALE))

    def strengths(weights: Weights) -> Array:
        return np.asarray(np.einsum("ki,kd,id->i", U, network.product(weights), Vt))

    halves = [lambda W, i=i: float(sigma[i] / 2 - strengths(W)[i]) for i in range(kept)]
    times, at = flow.times_of(halves, initial, lambda weights: network.gradient(weights, white))
    ends = [(s / 2) ** (1 / (depth + 1)) for s in sigma]
    predicted = [theory.escape_time(MODES_SCALE, a, depth, s, 1.0) for a, s in zip(ends, sigma, strict=True)]
    yield each_equal(f"L={depth}, white inputs: half-way times of {kept} modes", predicted, times, 1e-9)
    summed = np.sum((sigma - strengths(at)) ** 2 - sigma**2) / 2
    what = f"L={depth}, white inputs: loss − loss(0) as a sum over modes"
    yield equal(what, summed, network.excess(at, white), 1e-12)


def _stalls(setting: Setting) -> Iterator[Prediction]:
    levels = theory.levels(setting.stairs)
    loss = setting.stairs.loss_at_zero + setting.staircase.excess
    slope = setting.staircase.slope

    def least_slope(level: float) -> float:
        near = np.abs(loss - level) < AT_A_LEVEL
        return float(slope[near].min()) if near.any() else np.nan  # never reached: the prediction fails

    stairs = range(1, min(STAIRS + 1, setting.config.width, len(levels) - 1))
    if not stairs:
        return
    ratios = [least_slope(levels[r]) / least_slope((levels[r] + levels[r + 1]) / 2) for r in stairs]
    what = f"L=2, random initial weights: ‖gradient‖ at levels 1 to {stairs[-1]}, over that half-way to the next"
    yield at_most(what, STALLED, ratios, basis=OBSERVED)
