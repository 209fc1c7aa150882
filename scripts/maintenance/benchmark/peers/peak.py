"""The machine's peak rate of matrix products, floating-point operations a second: the best of several sizes."""

import time

import numpy as np
from common import parse_arguments, show

SIZES = (256, 384, 512, 768, 1024)
REPEATS = 12

arguments = parse_arguments()


def rate(size: int) -> float:
    """Return the best rate of some repeats, after a warm-up."""
    a, b = (np.random.default_rng(arguments.seed).random((size, size), arguments.dtype) for _ in range(2))
    out = np.empty_like(a)
    calls = (max(SIZES) // size) ** 3  # about as long for every size
    seconds = []
    for _ in range(2 + REPEATS):
        start = time.perf_counter()
        for _ in range(calls):
            np.matmul(a, b, out=out)
        seconds.append((time.perf_counter() - start) / calls)
    return 2 * size**3 / min(seconds[2:])


rates = {size: rate(size) for size in SIZES}
show(flops_per_second=max(rates.values()), size=max(rates, key=lambda size: rates[size]))
