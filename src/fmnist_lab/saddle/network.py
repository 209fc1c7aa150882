"""The deep linear network W_L ... W_0 under the mean squared loss, in terms of the moments of the data.

Weights are a list [W_0, ..., W_L]: N = L + 1 matrices, L hidden layers. With P = W_L ... W_0 the loss is
½‖Y‖²/m − ⟨S, P⟩ + ½⟨P C, P⟩ (identity (1) of docs/saddle.md). Weights may be complex: all functions here are
polynomials in the weights, and transposes do not conjugate, so a complex step gives exact derivatives.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_lab.saddle.moments import Array, Moments

Weights = list[NDArray[Any]]  # float64, or complex128 under a complex step

STEP = 1e-30  # complex step: its square is below every rounding error, and no difference loses digits


def product(weights: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return P = W_L ... W_0."""
    return reduce(lambda below, W: W @ below, weights)


def excess(weights: Sequence[NDArray[Any]], moments: Moments) -> Any:
    """Return loss(W) − loss(0) = ⟨½ P C − S, P⟩, computed without subtracting two nearly equal losses."""
    P = product(weights)
    return np.sum((_times(P, moments.C) / 2 - moments.S) * P)


def gradient(weights: Weights, moments: Moments) -> Weights:
    """Return ∂loss/∂W_l = (W_L ... W_{l+1})ᵀ (P C − S) (W_{l−1} ... W_0)ᵀ for every l."""
    below: Weights = [np.eye(weights[0].shape[1])]
    for W in weights:
        below.append(W @ below[-1])
    G = _times(below[-1], moments.C) - moments.S
    slopes: Weights = []
    for W, under in zip(reversed(weights), reversed(below[:-1]), strict=True):
        slopes.append(G @ under.T)
        G = W.T @ G
    return slopes[::-1]


def hessian(at: Weights, moments: Moments) -> Array:
    """Return the matrix of second derivatives in the order of `flatten`: each column by one complex step."""
    theta = flatten(at).astype(complex)
    columns = []
    for n in range(len(theta)):
        theta[n] += 1j * STEP
        columns.append(flatten(gradient(unflatten(theta, at), moments)).imag / STEP)
        theta[n] -= 1j * STEP
    return np.array(columns)


def coefficients(polynomial: Callable[[complex], complex], degree: int, radius: float) -> Array:
    """Return c_n radiusⁿ for n = 0 ... degree, where polynomial(z) = Σ c_n zⁿ.

    By Cauchy's integral over a circle, which the trapezoidal rule gives exactly with more than `degree` points.
    """
    points = 2 * (degree + 1)
    circle = radius * np.exp(2j * np.pi * np.arange(points) / points)
    return np.array((np.fft.fft([polynomial(z) for z in circle]) / points).real[: degree + 1])


def sizes(moments: Moments, depth: int, width: int) -> list[int]:
    """Return the number of units of each layer, inputs first."""
    classes, inputs = moments.S.shape
    return [inputs, *[width] * depth, classes]


def zeros(units: Sequence[int]) -> Weights:
    return [np.zeros((fan_out, fan_in)) for fan_in, fan_out in pairwise(units)]


def random(units: Sequence[int], rng: np.random.Generator) -> Weights:
    return [rng.standard_normal((fan_out, fan_in)) for fan_in, fan_out in pairwise(units)]


def escape(units: Sequence[int], moments: Moments) -> Weights:
    """Return the direction of steepest descent from zero: unit factors V_l = e_{l+1} e_lᵀ with product u₁ v₁ᵀ."""
    U, _, Vt = moments.svd
    return chain(units, U[:, :1], Vt[:1])


def ascent(units: Sequence[int], moments: Moments) -> Weights:
    """Return the escape direction with the sign of its last factor flipped: its product is −u₁ v₁ᵀ."""
    *rest, last = escape(units, moments)
    return [*rest, -last]


def chain(units: Sequence[int], top: Array, bottom: Array, factor: Array | None = None) -> Weights:
    """Return weights that use one unit in each layer for each of r modes.

    Args:
        top: (k, r), of the last layer.
        bottom: (r, d), of the first layer.
        factor: (r,), scales each mode in every layer; ones if not given.
    """
    scale = np.ones(top.shape[1]) if factor is None else factor
    weights = zeros(units)
    r = len(scale)
    for W in weights[1:-1]:
        W[:r, :r] = np.diag(scale)
    weights[0][:r] = scale[:, None] * bottom
    weights[-1][:, :r] = top * scale
    return weights


def balanced(units: Sequence[int], r: int, moments: Moments) -> Weights:
    """Return the balanced critical point of rank r: its product is U_r U_rᵀ S C⁺, the best map of that rank."""
    U = moments.fitted[0][:, :r]
    top, values, bottom = np.linalg.svd(U @ (U.T @ moments.regression), full_matrices=False)
    return chain(units, top[:, :r], bottom[:r], values[:r] ** (1 / (len(units) - 1)))


def steepest(units: Sequence[int], moments: Moments, rng: np.random.Generator, sweeps: int = 2000) -> Weights:
    """Return unit factors that maximise ⟨S, P⟩, found by changing one factor at a time from random weights."""
    linear = dataclasses.replace(moments, C=np.zeros_like(moments.C))
    weights = random(units, rng)
    for _ in range(sweeps):
        for n in range(len(weights)):
            slope = gradient(weights, linear)[n]
            weights[n] = -slope / np.linalg.norm(slope)
    return weights


def starting(weights: Weights, scale: float) -> Weights:
    """Return `weights` rescaled to ‖W‖ = √N scale, the norm of N factors with norm `scale` each."""
    return scaled(weights, scale * np.sqrt(len(weights)) / norm(weights))


def scaled(weights: Weights, factor: complex) -> Weights:
    return [factor * W for W in weights]


def norm(weights: Weights) -> float:
    """Return ‖W‖ over all layers."""
    return float(np.linalg.norm(flatten(weights)))


def flatten(weights: Weights) -> NDArray[Any]:
    return np.concatenate([W.ravel() for W in weights])


def unflatten(theta: NDArray[Any], like: Weights) -> Weights:
    """Split a vector into matrices with the shapes of `like`."""
    pieces = np.split(theta, np.cumsum([W.size for W in like])[:-1])
    return [piece.reshape(W.shape) for piece, W in zip(pieces, like, strict=True)]


def _times(P: NDArray[Any], C: Array) -> NDArray[Any]:
    """Return P C without converting a large real C to complex numbers."""
    if not np.iscomplexobj(P):
        return np.asarray(P @ C)
    return np.ascontiguousarray(P.real) @ C + 1j * (np.ascontiguousarray(P.imag) @ C)
