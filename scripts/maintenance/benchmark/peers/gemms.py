"""The matrix products of a training step alone, in the shapes and layouts of the hand-written model."""

import time

import numpy as np
from common import options, problem, show

Product = tuple[np.ndarray, np.ndarray, np.ndarray]

told = options()
rng = np.random.default_rng(told.seed)


def products(fan_in: int, fan_out: int, rows: int, first: bool) -> list[Product]:
    """(left, right, out) of a layer's products: W x, dz xᵀ and, but for the first layer, Wᵀ dz.

    The first layer's x is the transpose of a batch with a row an image.
    """
    shapes = [(rows, fan_in) if first else (fan_in, rows), (fan_out, fan_in), (fan_out, rows)]
    x, weight, dz = (rng.random(shape, told.dtype) for shape in shapes)
    x = x.T if first else x
    z, gradient, dx = np.empty_like(dz), np.empty_like(weight), np.empty((fan_in, rows), told.dtype)
    return [(weight, x, z), (dz, x.T, gradient)] + [(weight.T, dz, dx)] * (not first)


def step(rows: int) -> list[Product]:
    shapes = enumerate(weight.shape[::-1] for weight, _ in given.weights)
    return [product for place, shape in shapes for product in products(*shape, rows, first=place == 0)]


def epoch() -> float:
    """Its seconds."""
    start = time.perf_counter()
    for products_of_step in steps:
        for left, right, out in products_of_step:
            np.matmul(left, right, out=out)
    return time.perf_counter() - start


given = problem(told)
whole, rest = divmod(len(given.rows), told.batch)
steps = [step(told.batch)] * whole + ([step(rest)] if rest else [])
epoch()  # warms up
show(seconds=[epoch() for _ in range(told.epochs)])
