"""Memory of the hand-written model: its parameters as one vector, and the buffers of its batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fmnist_lab.models.interface import Array, Feed, Weights

CACHE_LINE = 64  # bytes


def flatten(weights: Weights) -> Array:
    """Return all weights and biases in one aligned vector (n,), layer by layer, each weight before its bias."""
    arrays = [array.ravel() for pair in weights for array in pair]
    vector = aligned_zeros((sum(array.size for array in arrays),), arrays[0].dtype)
    return np.concatenate(arrays, out=vector)


def views(vector: Array, like: Weights) -> Weights:
    """Return views into `vector` (n,) with the shapes of `like`, in the order of `flatten`."""
    sizes = [array.size for pair in like for array in pair]
    pieces = iter(np.split(vector, np.cumsum(sizes)[:-1]))
    return [(next(pieces).reshape(weight.shape), next(pieces)) for weight, _ in like]


def feed_from(images: Array, labels: Array, factor: Array, offset: Array, *, batch_rows: int, dtype: DTypeLike) -> Feed:
    """Return a feed as `Model.feed` describes it, for batches of at most `batch_rows` rows, in buffers of its own."""
    factor, offset = factor.astype(dtype), offset.astype(dtype)
    shape = (batch_rows, images.shape[1])
    pixels, inputs = aligned_zeros(shape, images.dtype), aligned_zeros(shape, dtype)

    def batch(rows: NDArray[np.int64]) -> tuple[Array, Array]:
        # Bytes are gathered first and converted next: a quarter of the memory traffic of gathering floats.
        # mode="clip" lets NumPy write straight into the buffer.
        gathered = np.take(images, rows, axis=0, out=pixels[: len(rows)], mode="clip")
        x = inputs[: len(rows)]
        np.copyto(x, gathered)
        x *= factor
        x += offset
        return x, labels[rows]

    return batch


def aligned_zeros(shape: Sequence[int], dtype: DTypeLike) -> Array:
    """Return zeros that begin at a cache line; otherwise each of the widest stores of BLAS would touch two lines."""
    size = int(np.prod(shape))
    memory = np.zeros(size + CACHE_LINE, dtype)
    first = -memory.ctypes.data % CACHE_LINE // memory.itemsize
    return memory[first : first + size].reshape(shape)
