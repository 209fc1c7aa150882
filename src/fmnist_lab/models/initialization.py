"""Initial weights, drawn in float64 from the same generator for both models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from fmnist_lab.models.interface import Array, Weights

# Arguments: generator, shape, fan-in, fan-out, standard deviation of `normal`.
Draw = Callable[[np.random.Generator, tuple[int, ...], int, int, float], Array]


def _uniform(rng: np.random.Generator, bound: float, shape: tuple[int, ...]) -> Array:
    return rng.uniform(-bound, bound, shape)


INITIALIZATIONS: dict[str, Draw] = {
    # Glorot and Bengio (2010), eq. 16: variance 2 / (fan_in + fan_out).
    "glorot_uniform": lambda rng, shape, i, o, std: _uniform(rng, np.sqrt(6 / (i + o)), shape),
    # He et al. (2015), eq. 10: variance 2 / fan_in.
    "he_normal": lambda rng, shape, i, o, std: rng.normal(0, np.sqrt(2 / i), shape),
    # torch.nn.Linear.reset_parameters: kaiming_uniform_(a=sqrt(5)), that is variance 1 / (3 fan_in).
    "torch_linear": lambda rng, shape, i, o, std: _uniform(rng, 1 / np.sqrt(i), shape),
    # The first two variances with the other distribution (a uniform one is bounded by sqrt(3) standard deviations).
    "glorot_normal": lambda rng, shape, i, o, std: rng.normal(0, np.sqrt(2 / (i + o)), shape),
    "he_uniform": lambda rng, shape, i, o, std: _uniform(rng, np.sqrt(6 / i), shape),
    # LeCun et al. (1998), Efficient BackProp, eq. 16: variance 1 / fan_in.
    "lecun_normal": lambda rng, shape, i, o, std: rng.normal(0, np.sqrt(1 / i), shape),
    "normal": lambda rng, shape, i, o, std: rng.normal(0, std, shape),
    "zeros": lambda rng, shape, i, o, std: np.zeros(shape),
}


def initial_weights(
    sizes: Sequence[int], init: str, *, bias: str, std: float, rng: np.random.Generator, dtype: str
) -> Weights:
    """Draw the weights of a network whose layers have `sizes` units, inputs first.

    `bias` is `zeros`, or `same`: drawn like the layer's weights, as in `torch.nn.Linear`. `std` is the standard
    deviation of `normal`. Numbers are drawn in float64 and rounded to `dtype`, so that both precisions get the same
    weights up to rounding.
    """
    draw = INITIALIZATIONS[init]
    weights = []
    for fan_in, fan_out in pairwise(sizes):
        weight = draw(rng, (fan_out, fan_in), fan_in, fan_out, std)
        offset = draw(rng, (fan_out,), fan_in, fan_out, std) if bias == "same" else np.zeros(fan_out)
        weights.append((weight.astype(dtype), offset.astype(dtype)))
    return weights
