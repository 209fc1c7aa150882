"""Optimisers of the hand-written model, with the definitions of `torch.optim`.

Each is built with the vector of parameters and the vector of their gradients, both of shape (n,), and changes the
parameters in place. `decay` (n,) holds the weight decay of each parameter where it is not the same for all. An update
goes through the vectors in blocks that fit the processor's cache, so that several passes read main memory only once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from fmnist_lab.models.buffers import flatten
from fmnist_lab.models.interface import Array, OptimizerSpec, Weights

BLOCK = 65536  # numbers; 256 KiB in float32


class Optimizer(Protocol):
    """A method that changes parameters by their gradients."""

    def step(self) -> None:
        """Change the parameters once."""


class SGD:
    """Stochastic gradient descent (`torch.optim.SGD`, no dampening).

    g ← g + λ p;  v ← μ v + g;  p ← p − η (g + μ v) in Nesterov's form, else p ← p − η v.
    """

    def __init__(self, spec: OptimizerSpec, parameters: Array, gradients: Array, decay: Array | None = None) -> None:
        self.spec = spec
        # Without momentum the velocity is not used, so it shares the memory of the gradients.
        velocity = np.zeros_like(parameters) if spec.momentum else gradients
        self.blocks = _blocks(parameters, gradients, velocity)
        self.decays = _decays(spec, self.blocks, decay)

    def step(self) -> None:
        spec = self.spec
        for (p, g, v), decay in zip(self.blocks, self.decays, strict=True):
            if spec.weight_decay:
                g += decay * p
            if spec.momentum:
                v *= spec.momentum
                v += g
                g[...] = g + spec.momentum * v if spec.nesterov else v
            g *= spec.lr  # in place, as the next backward overwrites it
            p -= g


class Adam:
    """Adam (Kingma and Ba, 2015, algorithm 1), bias corrections placed as in `torch.optim.Adam`.

    g ← g + λ p;  m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;
    p ← p − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε).
    """

    def __init__(self, spec: OptimizerSpec, parameters: Array, gradients: Array, decay: Array | None = None) -> None:
        self.spec = spec
        self.t = 0
        self.blocks = _blocks(parameters, gradients, np.zeros_like(parameters), np.zeros_like(parameters))
        self.decays = _decays(spec, self.blocks, decay)

    def step(self) -> None:
        spec, (beta1, beta2) = self.spec, self.spec.betas
        self.t += 1
        rate = spec.lr / (1 - beta1**self.t)
        spread = math.sqrt(1 - beta2**self.t)
        for (p, g, m, v), decay in zip(self.blocks, self.decays, strict=True):
            if spec.weight_decay:
                g += decay * p
            m += (1 - beta1) * (g - m)
            v *= beta2
            v += (1 - beta2) * g * g
            p -= rate * m / (np.sqrt(v) / spread + spec.eps)


OPTIMIZERS: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam}


def decay_per_parameter(spec: OptimizerSpec, weights: Weights) -> Array | None:
    """Return the weight decay of each parameter (n,), or None when it is the same for all."""
    if spec.decay_biases or not spec.weight_decay:
        return None
    return flatten([(np.full_like(weight, spec.weight_decay), np.zeros_like(bias)) for weight, bias in weights])


def _decays(spec: OptimizerSpec, blocks: Sequence[object], decay: Array | None) -> Sequence[float | Array]:
    """Return the weight decay λ of each block: one number, or that of each parameter where `decay` (n,) is given."""
    return [spec.weight_decay] * len(blocks) if decay is None else [block for (block,) in _blocks(decay)]


def _blocks(*vectors: Array) -> list[tuple[Array, ...]]:
    """Cut vectors of one length into blocks; each block is a tuple with a view of every vector."""
    return [tuple(vector[at : at + BLOCK] for vector in vectors) for at in range(0, len(vectors[0]), BLOCK)]
