"""How long it takes to leave zero, and where the way leads: Section 5 of docs/saddle.md."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fmnist_lab.saddle import flow, network, sample, theory
from fmnist_lab.saddle.moments import Array, Moments
from fmnist_lab.saddle.network import Weights
from fmnist_lab.saddle.prediction import LIMIT, OBSERVED, Check, at_least, at_most, each_equal, equal
from fmnist_lab.saddle.setting import Setting, drop, end

DESCENT_LR = 0.02
DESCENT_SCALES = {1: 0.01, 2: 0.03}  # a start from which descent takes some thousand steps
FAR_FROM_ZERO = 0.005  # starts beyond it do not show the leading order to a hundredth
AHEAD = 0.05  # of the first mode, the second at most
MODES_SCALE = 0.05
STAIRS = 5  # levels the descent reaches in its time
STALLED = 0.25  # ‖gradient‖ at a level over that half-way to the next: chosen after looking, no theorem
AT_A_LEVEL = 1e-3


def escape(setting: Setting) -> Iterator[Check]:
    """Time to leave zero: exact where inputs are white, to leading order for any, never below the bound."""
    for depth in setting.config.depths:
        yield from _exact(setting, depth)
        yield from _general(setting, depth)


def _exact(setting: Setting, depth: int) -> Iterator[Check]:
    white = setting.white
    scales = setting.scales(white, depth)
    if scales:
        predicted = [theory.escape_time(a, end(white, depth), depth, white.sigma[0], white.kappa) for a in scales]
        what = f"L={depth}, white inputs: escape time from {scales[0]:g} to {scales[-1]:g}"
        yield each_equal(what, predicted, setting.white_times[depth], 1e-9)
    start = DESCENT_SCALES.get(depth, 0.1)
    if start < end(white, depth):
        weights = network.starting(network.escape(setting.units(white, depth), white), start)
        steps = flow.steps_to_drop(weights, white, DESCENT_LR, drop(white))
        time = theory.escape_time(start, end(white, depth), depth, white.sigma[0], white.kappa)
        what = f"L={depth}, white inputs: gradient descent, steps · lr against the flow"
        yield equal(what, time, steps * DESCENT_LR, 0.01, basis=LIMIT)


def _general(setting: Setting, depth: int) -> Iterator[Check]:
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
            continue  # a law of small starts
        if name == "escape direction" or depth > 1 or _leads(moments, scales[-1]):
            yield law(f"L={depth}, {name}", depth, scales, times, sigma)
    if scales[-1] <= FAR_FROM_ZERO:
        closed = theory.escape_time(scales[-1], end(moments, depth), depth, sigma, moments.kappa)
        what = f"L={depth}, escape direction: time from {scales[-1]:g} as if v₁ were an eigenvector of C"
        yield equal(what, closed, aligned[-1], 0.01, basis=LIMIT)


def _leads(moments: Moments, scale: float) -> bool:
    """Whether, for one hidden layer, the top mode has left the second behind when the escape ends."""
    second = moments.sigma[1] if moments.rank > 1 else 0.0
    return bool(scale ** (1 - second / moments.sigma[0]) < AHEAD)


def law(what: str, depth: int, scales: list[float], times: list[float], sigma: float) -> Check:
    """How the escape time grows as the start shrinks, between the two smallest scales: ln(1/ε)/σ₁, or ε^-(L-1)."""
    decades = np.log(scales[-2] / scales[-1])
    if depth == 1:
        rate = (times[-1] - times[-2]) / decades * sigma
        return equal(f"{what}: σ₁ times growth of the escape time with ln(1/ε)", 1, rate, 0.01, basis=LIMIT)
    exponent = np.log(times[-1] / times[-2]) / decades
    return equal(f"{what}: exponent of the escape time in 1/ε", depth - 1, exponent, 0.01, basis=LIMIT)


def standstill(setting: Setting) -> Iterator[Check]:
    """Started at exactly zero, nothing moves."""
    moments, images = setting.small, setting.sample
    for depth in setting.config.depths:
        path = flow.descend(network.zeros(setting.units(moments, depth)), moments, lr=0.1, steps=100)
        yield equal(f"L={depth}: change of the loss in 100 steps of gradient descent", 0, np.abs(path.excess).max(), 0)
        start = network.zeros(setting.units(images.moments, depth))
        for optimizer in ("SGD", "Adam", "AdamW"):
            moved = sample.torch_walk(optimizer, start, images.X, images.Y)
            yield equal(f"L={depth}: largest weight after 20 steps of torch.optim.{optimizer}", 0, moved, 0)


def staircase(setting: Setting) -> Iterator[Check]:
    """From saddle to saddle: mode by mode in closed form; from a random start, as observed."""
    for depth in setting.config.depths:
        yield from _modes(depth, setting.white, setting.config.width)
    yield from _stalls(setting)


def _modes(depth: int, white: Moments, width: int) -> Iterator[Check]:
    """White inputs, all modes started alike: each grows on its own."""
    U, sigma, Vt = (array.copy() for array in white.svd)
    kept = min(int(np.sum(sigma > 4 * MODES_SCALE ** (depth + 1))), width)
    U, sigma, Vt = U[:, :kept], sigma[:kept], Vt[:kept]
    start = network.chain(network.sizes(white, depth, width), U, Vt, np.full(kept, MODES_SCALE))

    def strengths(weights: Weights) -> Array:
        return np.asarray(np.einsum("ki,kd,id->i", U, network.product(weights), Vt))

    halves = [lambda W, i=i: float(sigma[i] / 2 - strengths(W)[i]) for i in range(kept)]
    times, at = flow.times_of(halves, start, lambda weights: network.gradient(weights, white))
    ends = [(s / 2) ** (1 / (depth + 1)) for s in sigma]
    predicted = [theory.escape_time(MODES_SCALE, a, depth, s, 1.0) for a, s in zip(ends, sigma, strict=True)]
    yield each_equal(f"L={depth}, white inputs: half-way times of {kept} modes", predicted, times, 1e-9)
    apart = np.sum((sigma - strengths(at)) ** 2 - sigma**2) / 2
    what = f"L={depth}, white inputs: loss − loss(0) as a sum over modes"
    yield equal(what, apart, network.excess(at, white), 1e-12)


def _stalls(setting: Setting) -> Iterator[Check]:
    levels = theory.levels(setting.stairs)
    loss = setting.stairs.loss_at_zero + setting.staircase.excess
    slope = setting.staircase.slope

    def least_slope(level: float) -> float:
        near = np.abs(loss - level) < AT_A_LEVEL
        return float(slope[near].min()) if near.any() else np.nan  # never reached: no check holds

    stairs = range(1, min(STAIRS + 1, setting.config.width, len(levels) - 1))
    if not stairs:
        return
    ratios = [least_slope(levels[r]) / least_slope((levels[r] + levels[r + 1]) / 2) for r in stairs]
    what = f"L=2, random start: ‖gradient‖ at levels 1 to {stairs[-1]}, over that half-way to the next"
    yield at_most(what, STALLED, ratios, basis=OBSERVED)
