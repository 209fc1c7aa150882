"""The table of data sets and the IDX format."""

import hashlib
import struct

import numpy as np
import pytest

from fmnist_lab.data.source import decode, idx_header, is_genuine, owner_of, shipped
from support.tiny_source import FASHION_MNIST

SHAPE = (2, 2, 2)
IMAGES = np.arange(8, dtype=np.uint8).reshape(2, 4)
SHA256 = hashlib.sha256(idx_header(SHAPE) + IMAGES.tobytes()).hexdigest()


def test_fashion_mnist_has_70000_images_of_28_by_28_in_10_classes() -> None:
    assert FASHION_MNIST.file_shapes == ((60000, 28, 28), (60000,), (10000, 28, 28), (10000,))
    assert FASHION_MNIST.pixels == 784
    assert len(set(FASHION_MNIST.classes)) == 10
    assert FASHION_MNIST.classes[9] == "Ankle boot"


def test_checksum_of_a_source_is_that_of_its_files_checksums() -> None:
    joined = "".join(file.checksum for file in FASHION_MNIST.files)
    assert FASHION_MNIST.checksum == hashlib.sha256(joined.encode()).hexdigest()


def test_only_files_served_under_other_names_have_an_owner() -> None:
    assert [owner_of(file.checksum) for file in shipped("mnist").files] == ["MNIST"] * 4
    assert [owner_of(file.checksum) for file in FASHION_MNIST.files] == [None] * 4


def test_idx_header_is_the_magic_number_and_big_endian_sizes() -> None:
    assert idx_header((60000, 28, 28)) == bytes([0, 0, 8, 3]) + struct.pack(">III", 60000, 28, 28)
    assert idx_header((300,)) == bytes([0, 0, 8, 1, 0, 0, 1, 44])


def test_images_are_decoded_flat_and_labels_as_int64() -> None:
    images = decode(idx_header(SHAPE) + IMAGES.tobytes(), SHAPE)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, [[0, 1, 2, 3], [4, 5, 6, 7]])
    labels = decode(idx_header((3,)) + bytes([9, 0, 1]), (3,))
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, [9, 0, 1])


@pytest.mark.parametrize(
    ("array", "genuine"),
    [
        (IMAGES, True),
        (np.asfortranarray(IMAGES), True),
        (IMAGES + np.uint8(1), False),
        (IMAGES.astype(np.int64), False),
        (IMAGES.reshape(4, 2), False),
        (IMAGES[:1], False),
    ],
)
def test_only_the_decoded_images_are_genuine(array: np.ndarray, genuine: bool) -> None:
    assert is_genuine(array, SHAPE, SHA256) is genuine


def test_damage_above_the_lowest_byte_of_a_label_is_seen() -> None:
    labels = np.array([9, 0, 1])
    sha256 = hashlib.sha256(idx_header((3,)) + bytes([9, 0, 1])).hexdigest()
    assert is_genuine(labels, (3,), sha256)
    assert not is_genuine(labels + np.array([0, 256, 0]), (3,), sha256)
