"""Losses that need the images and not only their moments: bias-free ReLU, cross-entropy, PyTorch's autograd."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fmnist_lab.saddle import network
from fmnist_lab.saddle.moments import Array, Moments
from fmnist_lab.saddle.network import Weights


@dataclass(frozen=True, eq=False)
class Sample:
    """Images X (d, m), scaled to [0, 1], one-hot labels Y (k, m), and the moments of both."""

    X: Array
    Y: Array
    moments: Moments

    @property
    def m(self) -> int:
        return int(self.X.shape[1])


def relu_excess(weights: Weights, sample: Sample) -> float:
    """Return loss(W) − loss(0) of the bias-free ReLU network under the mean squared loss: ⟨½ f − Y, f⟩/m."""
    f = relu_outputs(weights, sample.X)[-1]
    return float(np.vdot(f / 2 - sample.Y, f)) / sample.m


def relu_gradient(weights: Weights, sample: Sample) -> Weights:
    """Return the gradient of that loss by back-propagation; the derivative of ReLU at 0 is taken as 0."""
    *activations, f = relu_outputs(weights, sample.X)
    d = (f - sample.Y) / sample.m
    slopes: Weights = []
    for W, a in zip(reversed(weights), reversed(activations), strict=True):
        slopes.append(d @ a.T)
        if a is not sample.X:
            d = (W.T @ d) * (a > 0)
    return slopes[::-1]


def relu_outputs(weights: Weights, X: Array) -> list[Array]:
    """Return X, the activations of each hidden layer, and the outputs."""
    outputs = [X]
    for W in weights[:-1]:
        outputs.append(np.maximum(W @ outputs[-1], 0))
    return [*outputs, weights[-1] @ outputs[-1]]


def cross_entropy(scores: Array, Y: Array) -> float:
    """Return the mean softmax cross-entropy of scores (k, m) with one-hot labels Y (k, m)."""
    from scipy.special import logsumexp

    return float(np.mean(logsumexp(scores, axis=0) - np.sum(Y * scores, axis=0)))


def cross_entropy_slope(sample: Sample) -> Array:
    """Return −∂(cross-entropy)/∂A at A = 0 for scores A X: (Y − 1/k) Xᵀ/m, shape (k, d)."""
    return np.asarray((sample.Y - 1 / len(sample.Y)) @ sample.X.T / sample.m)


def autograd_hessian(at: Weights, X: Array, Y: Array) -> Array:
    """Return the second derivatives of ½‖Y − W_L ... W_0 X‖²/m by PyTorch, in the order of `flatten`."""
    import torch

    x, y = torch.tensor(X), torch.tensor(Y)

    def loss(theta: torch.Tensor) -> torch.Tensor:
        pieces = torch.split(theta, [W.size for W in at])
        f = x
        for piece, W in zip(pieces, at, strict=True):
            f = piece.view(W.shape) @ f
        return ((y - f) ** 2).sum() / (2 * x.shape[1])

    hessian = torch.autograd.functional.hessian(loss, torch.tensor(network.flatten(at)))  # type: ignore[no-untyped-call]
    return np.asarray(hessian.numpy())


def torch_walk(optimizer: str, at: Weights, X: Array, Y: Array, steps: int = 20) -> float:
    """Return the largest absolute weight after `steps` steps of a `torch.optim` optimiser from `at`."""
    import torch

    x, y = torch.tensor(X), torch.tensor(Y)
    parameters = [torch.tensor(W, requires_grad=True) for W in at]
    choices = {"SGD": {"momentum": 0.9}, "Adam": {}, "AdamW": {"weight_decay": 0.01}}[optimizer]
    updater = getattr(torch.optim, optimizer)(parameters, lr=0.1, **choices)
    for _ in range(steps):
        updater.zero_grad()
        f = x
        for W in parameters:
            f = W @ f
        loss = ((y - f) ** 2).sum() / (2 * x.shape[1])
        loss.backward()  # type: ignore[no-untyped-call]
        updater.step()
    return max(float(W.detach().abs().max()) for W in parameters)
