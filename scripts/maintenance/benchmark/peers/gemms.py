"""The matrix products of a training step alone, in the shapes and layouts of the hand-written model."""

import time

import numpy as np
from common import parse_arguments, problem, show

Product = tuple[np.ndarray, np.ndarray, np.ndarray]

arguments = parse_arguments()
rng = np.random.default_rng(arguments.seed)


def products(fan_in: int, fan_out: int, rows: int, first: bool) -> list[Product]:
    """Return (left, right, out) of a layer's products: W x, dz xᵀ and, except in the first layer, Wᵀ dz.

    The first layer's x is the transpose of a batch with a row an image.
    """
    shapes = [(rows, fan_in) if first else (fan_in, rows), (fan_out, fan_in), (fan_out, rows)]
    x, weight, dz = (rng.random(shape, arguments.dtype) for shape in shapes)
    x = x.T if first else x
    z, gradient, dx = np.empty_like(dz), np.empty_like(weight), np.empty((fan_in, rows), arguments.dtype)
    return [(weight, x, z), (dz, x.T, gradient)] + [(weight.T, dz, dx)] * (not first)


def step(rows: int) -> list[Product]:
    shapes = enumerate(weight.shape[::-1] for weight, _ in given.weights)
    return [product for place, shape in shapes for product in products(*shape, rows, first=place == 0)]


def epoch() -> float:
    """Return the seconds of an epoch."""
    start = time.perf_counter()
    for products_of_step in steps:
        for left, right, out in products_of_step:
            np.matmul(left, right, out=out)
    return time.perf_counter() - start


given = problem(arguments)
whole, rest = divmod(len(given.rows), arguments.batch)
steps = [step(arguments.batch)] * whole + ([step(rest)] if rest else [])
epoch()  # warms up
show(seconds=[epoch() for _ in range(arguments.epochs)])
