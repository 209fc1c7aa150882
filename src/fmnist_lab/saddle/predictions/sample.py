"""Predictions beyond deep linear networks, on images themselves: bias-free ReLU, cross-entropy, PyTorch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fmnist_lab.saddle import network, sample, theory
from fmnist_lab.saddle.prediction import LIMIT, Prediction, each_equal, equal
from fmnist_lab.saddle.predictions.dynamics import law
from fmnist_lab.saddle.setting import RELU_SCALES, Setting

SLIGHT = 1e-5  # scale t^N of the map at which the odd part of the cross-entropy is computed


def relu(setting: Setting) -> Iterator[Prediction]:
    """Predict the loss of bias-free ReLU networks along the escape and ascent lines, and their escape times.

    Pixels are not negative, so the top singular vectors of S are not either, and ReLU is the identity along both lines.
    """
    images = setting.sample
    sigma, kappa = images.moments.sigma[0], images.moments.kappa
    for depth in setting.config.depths:
        upward = [np.abs(V) for V in network.escape(setting.units(images.moments, depth), images.moments)]
        t = theory.resting_scale(depth, sigma, kappa) * np.geomspace(0.01, 1, 9)
        for name, sign in (("escape", 1), ("ascent", -1)):
            V = [*upward[:-1], sign * upward[-1]]
            found = [sample.relu_excess(network.scaled(V, step), images) for step in t]
            predicted = theory.line(t, depth, sign * sigma, kappa)
            yield each_equal(f"L={depth}, ReLU, {name} line: loss at {len(t)} points", predicted, found, 1e-12)
        yield law(f"L={depth}, ReLU, random direction", depth, list(RELU_SCALES), setting.relu_times[depth], sigma)


def cross_entropy(setting: Setting) -> Iterator[Prediction]:
    """Predict the odd part of the cross-entropy along the escape line from its gradient at the zero map.

    The statement holds for any differentiable loss.
    """
    images = setting.sample
    u, sigma, v = np.linalg.svd(sample.cross_entropy_slope(images), full_matrices=False)
    yield equal("cross-entropy: rank of its gradient at the zero map", setting.classes - 1, np.sum(sigma > 1e-12), 0)
    for depth in setting.config.depths:
        V = network.chain(setting.units(images.moments, depth), u[:, :1], v[:1])
        scores = network.product(network.scaled(V, SLIGHT ** (1 / (depth + 1)))) @ images.X
        odd = (sample.cross_entropy(scores, images.Y) - sample.cross_entropy(-scores, images.Y)) / 2
        what = f"L={depth}, cross-entropy: odd part over t^{depth + 1}"
        yield equal(what, -sigma[0], odd / SLIGHT, 1e-8, basis=LIMIT)


def autograd(setting: Setting) -> Iterator[Prediction]:
    """Predict the Hessian that PyTorch computes from the images themselves, without moments."""
    images = setting.sample
    units = network.sizes(images.moments, 1, 1)
    at_zero = sample.autograd_hessian(network.zeros(units), images.X, images.Y)
    predicted = theory.hessian_spectrum(1, images.moments)
    what = f"L=1, autograd on {images.m} images: the {len(predicted)} eigenvalues at zero, of σ₁"
    yield equal(what, predicted, np.linalg.eigvalsh(at_zero), 1e-13)
    weights = network.starting(network.random(units, setting.generator("autograd")), 1)
    by_torch = sample.autograd_hessian(weights, images.X, images.Y)
    by_hand = network.hessian(weights, images.moments)
    yield equal("L=1, autograd: Hessian at random weights, every entry", by_torch, by_hand, 1e-12)
