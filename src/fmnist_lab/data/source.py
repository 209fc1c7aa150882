"""The data sets there are, what proves their files genuine, and the IDX format the files are in."""

import hashlib
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class IdxFile:
    """A file's name and the SHA-256 (hex) of its decompressed content."""

    name: str
    sha256: str


@dataclass(frozen=True)
class Source:
    """A data set of labelled images.

    `files` holds the training images, training labels, test images and test labels, in this order.
    `torchvision` is the name of torchvision's class, which is also that of the folder it makes;
    `package` is Debian's package, which puts the files into `package_folder`.
    """

    name: str
    title: str
    files: tuple[IdxFile, IdxFile, IdxFile, IdxFile]
    shape: tuple[int, int]
    classes: tuple[str, ...]
    train_size: int
    test_size: int
    torchvision: str
    package: str
    package_folder: str

    @property
    def checksum(self) -> str:
        """One SHA-256 (hex) for the whole data set: that of the four files' checksums."""
        return hashlib.sha256("".join(file.sha256 for file in self.files).encode()).hexdigest()

    @property
    def pixels(self) -> int:
        """Pixels of one image."""
        return math.prod(self.shape)

    def layer_sizes(self, hidden: Sequence[int]) -> list[int]:
        """Units of each layer of a perceptron for this data, from the pixels to the classes."""
        return [self.pixels, *hidden, len(self.classes)]

    @property
    def file_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of each file's array, in the order of `files`."""
        train, test = self.train_size, self.test_size
        return (train, *self.shape), (train,), (test, *self.shape), (test,)


FASHION_MNIST = Source(
    name="fashion_mnist",
    title="Fashion-MNIST",
    files=(
        IdxFile("train-images-idx3-ubyte", "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
        IdxFile("train-labels-idx1-ubyte", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
        IdxFile("t10k-images-idx3-ubyte", "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
        IdxFile("t10k-labels-idx1-ubyte", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
    ),
    shape=(28, 28),
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    train_size=60_000,
    test_size=10_000,
    torchvision="FashionMNIST",
    package="dataset-fashion-mnist",
    package_folder="/usr/share/datasets/fashion-mnist",
)

SOURCES: dict[str, Source] = {FASHION_MNIST.name: FASHION_MNIST}

LOOKALIKES: dict[str, str] = {
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db": "MNIST",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5": "MNIST",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7": "MNIST",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2": "MNIST",
}
"""Checksums of files that mirrors have served under these sources' names, and whose they are."""

UNSIGNED_BYTES = 0x08 << 8
"""The IDX magic number is this plus the number of dimensions."""


def idx_header(shape: tuple[int, ...]) -> bytes:
    """What an IDX file of unsigned bytes begins with."""
    return struct.pack(f">{1 + len(shape)}I", UNSIGNED_BYTES + len(shape), *shape)


def decode(content: bytes, shape: tuple[int, ...]) -> NDArray[Any]:
    """The array of an IDX file whose checksum has vouched for its shape.

    Returns images as uint8 (n, pixels), labels as int64 (n,).
    """
    values = np.frombuffer(content, np.uint8, offset=len(idx_header(shape))).reshape(_flat(shape))
    return values.astype(np.int64) if len(shape) == 1 else values


def is_genuine(array: NDArray[Any], shape: tuple[int, ...], sha256: str) -> bool:
    """Whether `array` is what `decode` makes of the file with this shape and checksum."""
    labels = len(shape) == 1
    if array.dtype != (np.int64 if labels else np.uint8) or array.shape != _flat(shape):
        return False
    values = np.ascontiguousarray(array, np.uint8)
    # What the conversion cuts off labels, the checksum does not see.
    if labels and not np.array_equal(values, array):
        return False
    digest = hashlib.sha256(idx_header(shape))
    digest.update(values.data)
    return digest.hexdigest() == sha256


def _flat(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (shape[0], math.prod(shape[1:])) if len(shape) > 1 else shape
