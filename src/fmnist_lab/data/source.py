"""The description of a data set, the checksums of its files, and the IDX format of the files."""

import hashlib
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_lab.config.paths import shipped_data

# The names of the arrays of a data set, everywhere in this order.
ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")

# Kinds of checksums: the first of the decompressed content, the others of the gzipped file as published.
CHECKSUMS = ("sha256", "sha256_gz", "md5_gz")


@dataclass(frozen=True)
class IdxFile:
    """A file's name without .gz, and one checksum (hex): of `kind`, one of `CHECKSUMS`."""

    name: str
    checksum: str
    kind: str = "sha256"


@dataclass(frozen=True)
class Source:
    """A data set of labelled images.

    `files` are in the order of `ARRAYS`. `shape` is (height, width), or (height, width, channels). The labels in the
    files count from `first_label`; `brightest` is the pixel value that `unit` scaling maps to 1; `transposed` is true
    for images stored column by column, which matters only for pictures of them. `urls` are folders or zip archives
    that hold the gzipped files; `torchvision` is the folder that torchvision's download makes; `package` is Debian's
    package, which puts the files into `package_folder`.
    """

    name: str
    title: str
    files: tuple[IdxFile, ...]
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    train_size: int
    test_size: int
    first_label: int = 0
    brightest: int = 255
    transposed: bool = False
    urls: tuple[str, ...] = ()
    torchvision: str | None = None
    package: str | None = None
    package_folder: str | None = None

    @property
    def checksum(self) -> str:
        """Return one SHA-256 (hex) for the whole data set: that of the four files' checksums."""
        return hashlib.sha256("".join(file.checksum for file in self.files).encode()).hexdigest()

    @property
    def pixels(self) -> int:
        """Return how many numbers make up one image."""
        return math.prod(self.shape)

    def layer_sizes(self, hidden: Sequence[int]) -> list[int]:
        """Return the number of units of each layer of a perceptron for this data, from the pixels to the classes."""
        return [self.pixels, *hidden, len(self.classes)]

    @property
    def file_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Return the shape of each file's array, in the order of `files`."""
        train, test = self.train_size, self.test_size
        return (train, *self.shape), (train,), (test, *self.shape), (test,)

    def pictures(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return images (n, pixels) as pictures, (n, height, width) or (n, height, width, channels), turned upright."""
        pictures = images.reshape(-1, *self.shape)
        return pictures.swapaxes(1, 2) if self.transposed else pictures


def source_of(section: Mapping[str, Any]) -> Source:
    """Return the data set that the data section of a configuration describes; `docs/data.md` explains its keys.

    A record older than these descriptions has none; its data set is one that comes with the lab.
    """
    facts = section.get("source") or shipped_data(section["name"])["source"]
    files = tuple(_idx_file(facts["files"][array]) for array in ARRAYS)
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()}
    return Source(**(values | {"name": section["name"], "files": files}))


def shipped(name: str) -> Source:
    """Return a data set that comes with the lab."""
    return source_of(shipped_data(name))


def owner_of(checksum: str) -> str | None:
    """Return the title of the data set that has this file, if it is the one often served under others' names."""
    lookalike = shipped(LOOKALIKE)
    return lookalike.title if checksum in {file.checksum for file in lookalike.files} else None


def _idx_file(facts: Mapping[str, Any]) -> IdxFile:
    (kind,) = (kind for kind in CHECKSUMS if facts.get(kind))
    return IdxFile(facts["name"], facts[kind], kind)


# Mirrors have served this data set's files for those of others, whose files have the same names.
LOOKALIKE = "mnist"

UNSIGNED_BYTES = 0x08 << 8
"""The IDX magic number is this plus the number of dimensions."""


def idx_header(shape: tuple[int, ...]) -> bytes:
    """Return the header of an IDX file of unsigned bytes."""
    return struct.pack(f">{1 + len(shape)}I", UNSIGNED_BYTES + len(shape), *shape)


def is_shaped(content: bytes, shape: tuple[int, ...]) -> bool:
    """Return whether an IDX file holds an array of unsigned bytes of this shape, complete and nothing else."""
    return content.startswith(idx_header(shape)) and len(content) == file_size(shape)


def file_size(shape: tuple[int, ...]) -> int:
    """Return the bytes of an IDX file that holds an array of this shape."""
    return len(idx_header(shape)) + math.prod(shape)


def decode(content: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the array of an IDX file of this shape (see `is_shaped`): images uint8 (n, pixels), labels int64 (n,)."""
    values = np.frombuffer(content, np.uint8, offset=len(idx_header(shape))).reshape(_flat(shape))
    return values.astype(np.int64) if len(shape) == 1 else values


def is_genuine(array: NDArray[Any], shape: tuple[int, ...], sha256: str) -> bool:
    """Return whether `array` is what `decode` returns for the file with this shape and checksum."""
    labels = len(shape) == 1
    if array.dtype != (np.int64 if labels else np.uint8) or array.shape != _flat(shape):
        return False
    values = np.ascontiguousarray(array, np.uint8)
    # The checksum covers only the lowest byte of each label, so the others are compared here.
    if labels and not np.array_equal(values, array):
        return False
    digest = hashlib.sha256(idx_header(shape))
    digest.update(values.data)
    return digest.hexdigest() == sha256


def _flat(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], math.prod(shape[1:])) if len(shape) > 1 else shape
