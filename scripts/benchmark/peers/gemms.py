"""The matrix products of a training step alone, in the shapes and layouts of the hand-written model."""

import time

import numpy as np
from common import layers, options, problem, show

Product = tuple[np.ndarray, np.ndarray, np.ndarray]

told = options()
rng = np.random.default_rng(told.seed)


def products(fan_in: int, fan_out: int, rows: int, first: bool) -> list[Product]:
    """(left, right, out) of a layer's products: x Wᵀ, dzᵀ x and, but for the first layer, dz W."""
    x, weight, dz = (rng.random(shape, told.dtype) for shape in [(rows, fan_in), (fan_out, fan_in), (rows, fan_out)])
    z, gradient, dx = np.empty_like(dz), np.empty_like(weight), np.empty_like(x)
    return [(x, weight.T, z), (dz.T, x, gradient)] + [(dz, weight, dx)] * (not first)


def step(rows: int) -> list[Product]:
    shapes = enumerate(layers(told.hidden))
    return [product for place, shape in shapes for product in products(*shape, rows, first=place == 0)]


def epoch() -> float:
    """Its seconds."""
    start = time.perf_counter()
    for products_of_step in steps:
        for left, right, out in products_of_step:
            np.matmul(left, right, out=out)
    return time.perf_counter() - start


whole, rest = divmod(len(problem(told).rows), told.batch)
steps = [step(told.batch)] * whole + ([step(rest)] if rest else [])
epoch()  # warms up
show(seconds=[epoch() for _ in range(told.epochs)])
