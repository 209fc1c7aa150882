"""Closed forms in the singular values of S and the eigenvalues of S C⁺ Sᵀ. Proofs: docs/saddle.md."""

from __future__ import annotations

from math import factorial

import numpy as np

from fmnist_lab.saddle.moments import Array, Moments


def line(t: Array, depth: int, slope: float, square: float) -> Array:
    """Return loss(tV) − loss(0) = −slope t^N + ½ square t^2N (identity (2)).

    Here slope = ⟨S, P(V)⟩ and square = ‖P(V) X‖²/m.
    """
    order = depth + 1
    return -slope * t**order + square / 2 * t ** (2 * order)


def certificate(norm: float, depth: int, moments: Moments) -> float:
    """Return a bound on loss(0) − loss(W) for weights of this norm: σ₁ (‖W‖/√N)^N (Proposition 2)."""
    order = depth + 1
    return float(moments.sigma[0] * (norm / np.sqrt(order)) ** order)


def hessian_spectrum(width: int, moments: Moments, middle: float = 1.0) -> Array:
    """Return the eigenvalues at zero for one hidden layer in rising order (Proposition 2).

    They are ±σ_i, each `width` times, and 0. With `middle` = c, they are those of the three matrices (0, c·1, 0) with
    respect to the outer two, the middle one held fixed.
    """
    classes, inputs = moments.S.shape
    pairs = np.repeat(middle * moments.sigma, width)
    rest = np.zeros(width * (inputs + classes) - 2 * len(pairs))
    return np.sort(np.concatenate([-pairs, rest, pairs]))


def derivative_at_zero(depth: int, slope: float) -> float:
    """Return the first derivative along V that is not zero: −N! ⟨S, P(V)⟩, of order N = L + 1."""
    return -factorial(depth + 1) * slope


def levels(moments: Moments) -> Array:
    """Return the losses of the critical points of rank 0, 1, ..., ρ: ½‖Y‖²/m − ½ Σ_{i≤r} λ_i (Proposition 3)."""
    return moments.loss_at_zero - np.concatenate([[0.0], np.cumsum(moments.fitted[1])]) / 2


def residual_sigma(r: int, moments: Moments) -> float:
    """Return σ₁ of (1 − U_r U_rᵀ) S, the rate at which a new unit leaves the saddle of rank r (Proposition 4)."""
    U = moments.fitted[0][:, :r]
    return float(np.linalg.norm(moments.S - U @ (U.T @ moments.S), 2))


def saddle_index(r: int, width: int, moments: Moments) -> int:
    """Return the number of negative eigenvalues at the saddle of rank r, one hidden layer: (n₁ − r)(ρ − r)."""
    return (width - r) * (moments.rank - r)


def resting_scale(depth: int, sigma: float, kappa: float) -> float:
    """Return a_∞ = (σ/κ)^(1/N), the limit of the growth a' = a^L (σ − κ a^N)."""
    return float((sigma / kappa) ** (1 / (depth + 1)))


def escape_time(start: float, end: float, depth: int, sigma: float, kappa: float) -> float:
    """Return the time in which a' = a^L (σ − κ a^N) leads from a = `start` to a = `end` (Section 5).

    With x = a/a_∞, T = a_∞^(1−L)/σ ∫ dx / (x^L (1 − x^N)). Expanding 1/(1 − x^N) gives the growth for κ = 0 and a
    further term that matters only near a_∞.
    """
    rest = resting_scale(depth, sigma, kappa)
    x, y = start / rest, end / rest
    return rest ** (1 - depth) / sigma * (growth(x, y, depth) + _saturation(y, depth) - _saturation(x, depth))


def growth(x: float, y: float, depth: int) -> float:
    """Return ∫ dx / x^L from x to y: a logarithm for one hidden layer, a power of x for more."""
    if depth == 1:
        return float(np.log(y / x))
    return (x ** (1 - depth) - y ** (1 - depth)) / (depth - 1)


def _saturation(x: float, depth: int) -> float:
    """Return Σ_{k≥1} x^(kN−L+1) / (kN − L + 1) = (x²/2) ₂F₁(1, 2/N; 1 + 2/N; x^N)."""
    from scipy.special import hyp2f1

    order = depth + 1
    return float(x**2 / 2 * hyp2f1(1, 2 / order, 1 + 2 / order, x**order))


def least_time(norm: float, drop: float, depth: int, moments: Moments) -> float:
    """Return a lower bound on the time in which gradient flow lowers the loss to loss(0) − drop (Proposition 5).

    `norm` is the norm of the initial weights.
    """
    sigma, order = float(moments.sigma[0]), depth + 1
    end = (drop / sigma) ** (1 / order)
    return growth(norm / np.sqrt(order), end, depth) / sigma
