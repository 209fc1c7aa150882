"""Predictions for the loss near zero: Theorem 1 and Proposition 2."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from math import factorial

import numpy as np

from fmnist_lab.saddle import network, theory
from fmnist_lab.saddle.moments import Array, Moments
from fmnist_lab.saddle.network import STEP, Weights
from fmnist_lab.saddle.prediction import LIMIT, Prediction, at_least, at_most, each_equal, equal
from fmnist_lab.saddle.setting import Setting

DRAWS = 2000  # number of random directions
MIDDLE = 0.7  # the factor c of the weights (0, c·1, 0)


def gradient(setting: Setting) -> Iterator[Prediction]:
    """Predict that the gradient is zero at zero, and that it is the derivative of the loss at random weights."""
    moments, rng = setting.moments, setting.generator("gradient")
    for depth in setting.config.depths:
        for width in sorted({1, setting.config.width}):
            slopes = network.gradient(network.zeros(network.sizes(moments, depth, width)), moments)
            largest = np.abs(network.flatten(slopes)).max()
            yield equal(f"L={depth}, width {width}: largest entry of the gradient at zero", 0, largest, 0)
        weights, V = (network.random(setting.units(moments, depth), rng) for _ in range(2))
        slope = network.flatten(network.gradient(weights, moments)) @ network.flatten(V)
        stepped = [W + 1j * STEP * direction for W, direction in zip(weights, V, strict=True)]
        derivative = network.excess(stepped, moments).imag / STEP
        yield equal(f"L={depth}: derivative along a random direction, at random weights", derivative, slope, 1e-12)


def hessian(setting: Setting) -> Iterator[Prediction]:
    """Predict the Hessian at zero: eigenvalues from the singular values of S for one hidden layer, zero for more."""
    moments = setting.moments
    width, sigma = setting.dense_width(moments), moments.sigma[0]
    for depth in setting.config.depths:
        H = network.hessian(network.zeros(network.sizes(moments, depth, width)), moments)
        if depth > 1:
            yield equal(f"L={depth}, width {width}: largest entry of the Hessian at zero", 0, np.abs(H).max(), 0)
            continue
        found = np.linalg.eigvalsh(H)
        predicted = theory.hessian_spectrum(width, moments)
        yield equal(f"L=1, width {width}: the {len(found)} eigenvalues at zero, of σ₁", predicted, found, 1e-13)
        negative = np.sum(found < -1e-10 * sigma)
        index = theory.saddle_index(0, width, moments)
        yield equal(f"L=1, width {width}: negative eigenvalues at zero", index, negative, 0)


def taylor(setting: Setting) -> Iterator[Prediction]:
    """Predict that the loss along a line through zero has terms of order 0, N and 2N only."""
    moments, rng = setting.moments, setting.generator("taylor")
    for depth in setting.config.depths:
        order = depth + 1
        units = setting.units(moments, depth)
        for name, V in (("escape", network.escape(units, moments)), ("random", network.random(units, rng))):
            slope, square = _slope(V, moments), _square(V, moments)
            radius = (abs(slope) / square) ** (1 / order)  # both terms have a similar size
            found = _terms([0 * W for W in V], V, moments, radius)
            predicted = np.zeros(2 * order + 1)
            predicted[[order, 2 * order]] = -slope * radius**order, square / 2 * radius ** (2 * order)
            yield equal(f"L={depth}, {name} line: terms of order 0 to {2 * order}", predicted, found, 1e-13)
            if name == "escape":
                derivative = theory.derivative_at_zero(depth, moments.sigma[0])
                found_derivative = factorial(order) * found[order] / radius**order
                yield equal(f"L={depth}, escape line: derivative of order {order}", derivative, found_derivative, 1e-13)


def lines(setting: Setting) -> Iterator[Prediction]:
    """Predict the loss along the escape line, which descends, and along the ascent line."""
    moments = setting.moments
    sigma, kappa = moments.sigma[0], moments.kappa
    for depth in setting.config.depths:
        units, order = setting.units(moments, depth), depth + 1
        rest = theory.resting_scale(depth, sigma, kappa)
        t = rest * np.geomspace(1e-3, 1, 21)
        for name, V, slope in (
            ("escape", network.escape(units, moments), sigma),
            ("ascent", network.ascent(units, moments), -sigma),
        ):
            found = np.array([network.excess(network.scaled(V, step), moments) for step in t])
            predicted = theory.line(t, depth, slope, kappa)
            yield each_equal(f"L={depth}, {name} line: loss at {len(t)} points", predicted, found, 1e-13)
            near = t <= rest / 100
            rate = np.polyfit(np.log(t[near]), np.log(np.abs(found[near])), 1)[0]
            yield equal(f"L={depth}, {name} line: slope in log-log near zero", order, rate, 1e-4, basis=LIMIT)


def directions(setting: Setting) -> Iterator[Prediction]:
    """Predict that half of all directions descend, and none faster than the escape direction."""
    moments, rng = setting.small, setting.generator("directions")
    for depth in setting.config.depths:
        units = setting.units(moments, depth)
        near = theory.resting_scale(depth, moments.sigma[0], moments.kappa) / 1000
        drawn = [network.starting(network.random(units, rng), near) for _ in range(DRAWS)]
        drops = [-network.excess(W, moments) / _certificate(W, moments) for W in drawn]
        five_deviations = 5 * np.sqrt(0.25 / DRAWS)
        descending = np.mean(np.array(drops) > 0)
        yield equal(f"L={depth}: share of random directions that descend", 0.5, descending, five_deviations, scale=1.0)
        steps = np.geomspace(1, 1e4, DRAWS)
        far = [network.scaled(W, step) for W, step in zip(drawn, steps, strict=True)]
        drops += [-network.excess(W, moments) / _certificate(W, moments) for W in far]
        yield at_most(f"L={depth}: descent over its bound, random weights near and far", 1, drops, 1e-12)
        steepest = _slope(network.steepest(units, moments, rng), moments)
        yield equal(f"L={depth}: steepest product of unit factors, by search", moments.sigma[0], steepest, 1e-9)
        W = network.scaled(network.escape(units, moments), near)
        reached = -network.excess(W, moments) / _certificate(W, moments)
        yield equal(f"L={depth}: descent over its bound, escape line", 1, reached, 1e-6, basis=LIMIT)


def layers(setting: Setting) -> Iterator[Prediction]:
    """Predict the loss near weights with k layers zero: critical if k >= 2, and the lowest term is of order k."""
    moments, rng = setting.small, setting.generator("layers")
    depth = max(setting.config.depths)
    units, count = setting.units(moments, depth), depth + 1
    others, V = (network.starting(network.random(units, rng), 1) for _ in range(2))
    for k in range(1, count + 1):
        weights = [W if n < count - k else 0 * W for n, W in enumerate(others)]
        mixed = [*others[: count - k], *V[count - k :]]
        found = _terms(weights, V, moments, 1.0)
        predicted = np.zeros(k + 1)
        predicted[k] = -_slope(mixed, moments)
        what = f"L={depth}, last {k} of {count} layers zero: terms of order 0 to {k}"
        yield equal(what, predicted, found[: k + 1], 1e-13, scale=np.abs(found).max())
        slope = network.norm(network.gradient(weights, moments))
        what = f"L={depth}, last {k} of {count} layers zero: norm of the gradient"
        if k == 1:  # the only zero layer has the gradient of a linear map on the output of the layers below
            yield equal(what, np.linalg.norm(moments.S @ network.product(others[:-1]).T), slope, 1e-13)
        else:
            yield equal(what, 0, slope, 0)
    width = setting.dense_width(moments)
    outer = network.zeros(network.sizes(moments, 2, width))
    H = network.hessian([outer[0], MIDDLE * np.eye(width), outer[2]], moments)
    predicted = np.sort(np.concatenate([theory.hessian_spectrum(width, moments, MIDDLE), np.zeros(width**2)]))
    yield equal(f"L=2 at (0, {MIDDLE}·1, 0): eigenvalues of the Hessian", predicted, np.linalg.eigvalsh(H), 1e-13)


def converse(setting: Setting) -> Iterator[Prediction]:
    """Predict that zero is a global minimum if inputs and labels are uncorrelated (S = 0).

    S is zero if for each image its negative occurs with the same label.
    """
    uncorrelated = dataclasses.replace(setting.small, S=np.zeros_like(setting.small.S))
    rng = setting.generator("converse")
    for depth in setting.config.depths:
        units = setting.units(uncorrelated, depth)
        found = [network.excess(network.random(units, rng), uncorrelated) for _ in range(200)]
        yield at_least(f"L={depth}, S = 0: loss − loss(0) at 200 random weights", 0, found)


def _slope(V: Weights, moments: Moments) -> float:
    """Return ⟨S, P(V)⟩."""
    return float(np.sum(moments.S * network.product(V)))


def _square(V: Weights, moments: Moments) -> float:
    """Return ‖P(V) X‖²/m."""
    P = network.product(V)
    return float(np.sum((P @ moments.C) * P))


def _certificate(weights: Weights, moments: Moments) -> float:
    return theory.certificate(network.norm(weights), len(weights) - 1, moments)


def _terms(weights: Weights, V: Weights, moments: Moments, radius: float) -> Array:
    """Return the terms of order 0 to 2N in t of loss(W + tV) − loss(0), at t = radius."""

    def along(z: complex) -> complex:
        moved = [W + z * direction for W, direction in zip(weights, V, strict=True)]
        return complex(network.excess(moved, moments))

    return network.coefficients(along, 2 * len(V), radius)
