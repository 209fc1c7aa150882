"""Predictions for critical points other than zero: Propositions 3 and 4."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fmnist_lab.saddle import network, theory
from fmnist_lab.saddle.config import DATA
from fmnist_lab.saddle.moments import BLOCK, Array, Moments, one_hot
from fmnist_lab.saddle.prediction import Prediction, at_least, equal
from fmnist_lab.saddle.setting import SMALL, Setting

BOTTLENECKS = (1, 2, 3, 5, 10)
SOLVED = 10_000  # images of the least-squares problem if it has more than SMALL unknowns for each class


def saddles(setting: Setting) -> Iterator[Prediction]:
    """Predict a critical point of every rank, its loss, and the negative eigenvalues there."""
    moments, small = setting.moments, setting.small
    width = setting.dense_width(small)
    for depth in setting.config.depths:
        units = setting.units(moments, depth)
        ranks = range(min(moments.rank, setting.config.width) + 1)
        points = [network.balanced(units, r, moments) for r in ranks]
        slopes = [network.norm(network.gradient(W, moments)) for W in points]
        what = f"L={depth}, balanced points of rank 0 to {ranks[-1]}"
        yield equal(f"{what}: norm of the gradient, of σ₁", 0, slopes, 1e-11, scale=moments.sigma[0])
        losses = [moments.loss_at_zero + network.excess(W, moments) for W in points]
        yield equal(f"{what}: loss", theory.levels(moments)[: len(points)], losses, 1e-11)
        yield from _curvature(depth, width, small)


def _curvature(depth: int, width: int, moments: Moments) -> Iterator[Prediction]:
    ranks = range(min(moments.rank, width) + 1)
    units = network.sizes(moments, depth, width)
    spectra = [np.linalg.eigvalsh(network.hessian(network.balanced(units, r, moments), moments)) for r in ranks]
    lowest = np.array([spectrum[0] for spectrum in spectra])
    sigma, what = moments.sigma[0], f"L={depth}, width {width}, rank 0 to {ranks[-1]}"
    if depth > 1:
        yield at_least(f"{what}: least eigenvalue, of σ₁", 0, lowest, 1e-12, scale=sigma)
        return
    # The loss falls along a unit that carries no mode; at full rank there is no such unit.
    falls = [-theory.residual_sigma(r, moments) if r < width else 0.0 for r in ranks]
    yield equal(f"{what}: least eigenvalue, of σ₁", falls, lowest, 1e-12)
    index = [theory.saddle_index(r, width, moments) for r in ranks]
    negative = [int(np.sum(spectrum < -1e-10 * sigma)) for spectrum in spectra]
    yield equal(f"{what}: negative eigenvalues", index, negative, 0)


def minimum(setting: Setting) -> Iterator[Prediction]:
    """Predict the least loss with a bottleneck of k units (found by alternating regressions) and without one."""
    small, rng = setting.small, setting.generator("minimum")
    levels = theory.levels(small)
    for k in BOTTLENECKS:
        if k <= small.rank:
            found = small.loss_at_zero + alternate(k, small, rng)
            yield equal(f"bottleneck of {k}: least loss, by alternating regressions", levels[k], found, 1e-12)
    X, Y = _inputs(setting)
    coefficients = np.linalg.lstsq(X, Y, rcond=None)[0]
    found = np.mean(np.sum((Y - X @ coefficients) ** 2, axis=1)) / 2
    seen = Moments(Y.T @ X / len(X), X.T @ X / len(X), X.mean(axis=0), Y.mean(axis=0), np.empty(0), np.empty(0))
    what = f"no bottleneck: loss of least squares on {len(X)} images"
    yield equal(what, theory.levels(seen)[-1], found, 1e-10)


def alternate(k: int, moments: Moments, rng: np.random.Generator, rounds: int = 3000) -> float:
    """Return loss − loss(0) of two layers with k units between them, solving for one layer at a time."""
    W_0 = rng.standard_normal((k, moments.S.shape[1]))
    for _ in range(rounds):
        W_1 = np.linalg.solve(W_0 @ moments.C @ W_0.T, W_0 @ moments.S.T).T
        W_0 = np.linalg.lstsq(W_1, moments.regression, rcond=None)[0]
    return float(network.excess([W_0, W_1], moments))


def _inputs(setting: Setting) -> tuple[Array, Array]:
    """Return inputs (m, d) and one-hot labels (m, k) that have the moments of the setting."""
    moments = setting.moments
    m = len(setting.images) if len(moments.C) <= SMALL else min(SOLVED, len(setting.images))
    blocks = (setting.images[start : min(start + BLOCK, m)] / DATA.brightest for start in range(0, m, BLOCK))
    X = np.concatenate([(block - moments.offset) @ moments.basis.T for block in blocks])
    return X, one_hot(setting.labels[:m], setting.classes).T
