"""A data set as a run uses it: training, validation and test examples, and the scaling of their pixels."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fmnist_lab.data.cache import map_arrays, prepare
from fmnist_lab.data.source import Source
from fmnist_lab.errors import InputError

Choice = TypeVar("Choice")
Rows = NDArray[np.int64]

BLOCK = 4096
"""Number of images whose squared pixels are in memory at once."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Some rows of labelled images.

    images: uint8 (n, pixels) and labels: int64 (n,), both read-only; rows: int64 (k,), the rows of this subset.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    rows: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Scaling:
    """x = pixels · factor + offset; factor and offset are float64 of shape () or (pixels,)."""

    factor: NDArray[np.float64]
    offset: NDArray[np.float64]

    def apply(self, images: NDArray[np.uint8], dtype: DTypeLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return images (..., pixels) scaled in the arithmetic of `dtype`, in `out` when given."""
        scaled: NDArray[Any] = np.multiply(images, self.factor.astype(dtype), out=out, dtype=dtype)
        scaled += self.offset.astype(dtype)
        return scaled


@dataclass(frozen=True, eq=False)
class Dataset:
    """The three subsets of a data set and their common scaling."""

    train: Examples
    validation: Examples
    test: Examples
    scaling: Scaling
    source: Source
    validation_is_test: bool


def load(
    source: Source, root: str | None, *, scaling: str, validation: float, split: str, rng: np.random.Generator
) -> Dataset:
    """Load the data set, split and with its scaling; `rng` draws the validation images of a random split.

    scaling: `unit` ([0, 1]), `symmetric` ([-1, 1]), `standard` (each pixel with mean 0 and variance 1 over the
    training images), `standard_global` (likewise, with one mean and one variance for all pixels) or `raw` (as stored).
    Labels count from 0, also where they do not in the files. validation and split: see `split_rows`; without
    validation images the test images are used instead. Raises `InputError` for a value out of range and as `prepare`
    does.
    """
    scale = _choose("data.scaling", scaling, SCALINGS)
    train_rows, validation_rows = split_rows(source.train_size, validation, split, rng)
    train_images, train_labels, test_images, test_labels = map_arrays(prepare(source, root))
    train = Examples(train_images, _from_0(train_labels, source), train_rows)
    test = Examples(test_images, _from_0(test_labels, source), np.arange(source.test_size, dtype=np.int64))
    return Dataset(
        train=train,
        validation=Examples(train.images, train.labels, validation_rows) if len(validation_rows) else test,
        test=test,
        scaling=scale(train, source.brightest),
        source=source,
        validation_is_test=not len(validation_rows),
    )


def _from_0(labels: NDArray[np.int64], source: Source) -> NDArray[np.int64]:
    if not source.first_label:
        return labels
    shifted = labels - source.first_label
    shifted.setflags(write=False)
    return shifted


def split_rows(n: int, validation: float, split: str, rng: np.random.Generator) -> tuple[Rows, Rows]:
    """Return the training rows and the validation rows of n rows; `validation` as in `validation_size`.

    `random`: the validation rows are the beginning of a permutation, the training rows its rest, in its order;
    `first` and `last`: the validation rows are the first or the last ones.
    """
    divide = _choose("data.split", split, SPLITS)
    return divide(n, validation_size(n, validation), rng)


def validation_size(n: int, validation: float) -> int:
    """Return the number of validation images out of n; `validation` is a fraction below 1, a count, or 0 for none.

    Raises `InputError` for any other number, and when no image is left for validation or for training.
    """
    if validation == 0:
        return 0
    size = round(validation * n) if 0 < validation < 1 else validation
    if not (1 <= size < n and float(size).is_integer()):
        raise InputError(
            f"data.validation={validation}: must be 0, a count of images from 1 to {n - 1}, "
            f"or a fraction below 1 that leaves at least one of the {n} images for validation and one for training"
        )
    return int(size)


def training_images(source: Source, validation: float) -> int:
    """Return the number of training images of `source`; `validation` as in `validation_size`."""
    return source.train_size - validation_size(source.train_size, validation)


def _random(n: int, size: int, rng: np.random.Generator) -> tuple[Rows, Rows]:
    order = rng.permutation(np.arange(n, dtype=np.int64))
    return order[size:], order[:size]


def _first(n: int, size: int, _rng: np.random.Generator) -> tuple[Rows, Rows]:
    rows = np.arange(n, dtype=np.int64)
    return rows[size:], rows[:size]


def _last(n: int, size: int, _rng: np.random.Generator) -> tuple[Rows, Rows]:
    rows = np.arange(n, dtype=np.int64)
    return rows[: n - size], rows[n - size :]


def _raw(_train: Examples, _brightest: int) -> Scaling:
    return Scaling(np.array(1.0), np.array(0.0))


def _unit(_train: Examples, brightest: int) -> Scaling:
    return Scaling(np.array(1 / brightest), np.array(0.0))


def _symmetric(_train: Examples, brightest: int) -> Scaling:
    return Scaling(np.array(2 / brightest), np.array(-1.0))


def _standard(train: Examples, _brightest: int) -> Scaling:
    n, (total, squares) = len(train), _sums(train)
    return _standardized(total / n, np.sqrt(n * squares - total**2) / n)


def _standard_global(train: Examples, _brightest: int) -> Scaling:
    # Python's integers, as these exceed 64 bits.
    n, (total, squares) = train.images.shape[1] * len(train), (int(sums.sum()) for sums in _sums(train))
    return _standardized(np.array(total / n), np.array(math.sqrt(n * squares - total**2) / n))


def _sums(train: Examples) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the exact sums over the training images of each pixel and of its square, of shape (pixels,)."""
    total = np.zeros(train.images.shape[1], np.int64)
    squares = np.zeros_like(total)
    for start in range(0, len(train), BLOCK):
        block = train.images[train.rows[start : start + BLOCK]]
        total += block.sum(axis=0, dtype=np.int64)
        squares += np.square(block, dtype=np.uint16).sum(axis=0, dtype=np.int64)
    return total, squares


def _standardized(mean: NDArray[np.float64], deviation: NDArray[np.float64]) -> Scaling:
    """Return the scaling to mean 0 and variance 1; a constant pixel, whose deviation is exactly 0, is only shifted."""
    factor = np.asarray(1 / np.where(deviation == 0, 1.0, deviation))
    return Scaling(factor, -mean * factor)


SPLITS: dict[str, Callable[[int, int, np.random.Generator], tuple[Rows, Rows]]] = {
    "random": _random,
    "first": _first,
    "last": _last,
}
SCALINGS: dict[str, Callable[[Examples, int], Scaling]] = {
    "raw": _raw,
    "unit": _unit,
    "symmetric": _symmetric,
    "standard": _standard,
    "standard_global": _standard_global,
}


def _choose(key: str, name: str, table: dict[str, Choice]) -> Choice:
    if name not in table:
        raise InputError(f"{key}={name}: must be one of {', '.join(table)}")
    return table[name]
