"""Optimisers of the hand-written model, with the definitions of `torch.optim`.

Each owns a flat vector of parameters and the vector of their gradients, both of shape (n,), and moves the parameters
in place; `decay` (n,) holds the weight decay of each where that of the rule is not for all. It goes through them in
blocks that fit the processor's cache, so that a rule of several passes reads main memory once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from fmnist_lab.models import Array, OptimizerSpec

BLOCK = 65536  # numbers; 256 KiB in float32


class Optimizer(Protocol):
    """Knows how to follow the gradients it was built with."""

    def step(self) -> None:
        """Move the parameters once."""


class SGD:
    """Stochastic gradient descent (`torch.optim.SGD`, no dampening).

    g ← g + λ p;  v ← μ v + g;  p ← p − η (g + μ v) in Nesterov's form, else p ← p − η v.
    """

    def __init__(self, rule: OptimizerSpec, parameters: Array, gradients: Array, decay: Array | None = None) -> None:
        self.rule = rule
        # Without momentum the velocity is never touched: let it share memory instead of costing some.
        velocity = np.zeros_like(parameters) if rule.momentum else gradients
        self.blocks = _blocks(parameters, gradients, velocity)
        self.decays = _decays(rule, self.blocks, decay)

    def step(self) -> None:
        rule = self.rule
        for (p, g, v), decay in zip(self.blocks, self.decays, strict=True):
            if rule.weight_decay:
                g += decay * p
            if rule.momentum:
                v *= rule.momentum
                v += g
                g[...] = g + rule.momentum * v if rule.nesterov else v
            g *= rule.lr  # in place, as the next backward overwrites it
            p -= g


class Adam:
    """Adam (Kingma and Ba, 2015, algorithm 1), bias corrections placed as in `torch.optim.Adam`.

    g ← g + λ p;  m ← β₁ m + (1 − β₁) g;  v ← β₂ v + (1 − β₂) g²;
    p ← p − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε).
    """

    def __init__(self, rule: OptimizerSpec, parameters: Array, gradients: Array, decay: Array | None = None) -> None:
        self.rule = rule
        self.t = 0
        self.blocks = _blocks(parameters, gradients, np.zeros_like(parameters), np.zeros_like(parameters))
        self.decays = _decays(rule, self.blocks, decay)

    def step(self) -> None:
        rule, (beta1, beta2) = self.rule, self.rule.betas
        self.t += 1
        rate = rule.lr / (1 - beta1**self.t)
        spread = math.sqrt(1 - beta2**self.t)
        for (p, g, m, v), decay in zip(self.blocks, self.decays, strict=True):
            if rule.weight_decay:
                g += decay * p
            m += (1 - beta1) * (g - m)
            v *= beta2
            v += (1 - beta2) * g * g
            p -= rate * m / (np.sqrt(v) / spread + rule.eps)


OPTIMIZERS: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam}


def _decays(rule: OptimizerSpec, blocks: Sequence[object], decay: Array | None) -> Sequence[float | Array]:
    """The weight decay λ of each block: one number, or one for each of its parameters when `decay` (n,) tells them."""
    return [rule.weight_decay] * len(blocks) if decay is None else [block for (block,) in _blocks(decay)]


def _blocks(*vectors: Array) -> list[tuple[Array, ...]]:
    starts = range(0, len(vectors[0]), BLOCK)
    return [tuple(vector[start : start + BLOCK] for vector in vectors) for start in starts]
