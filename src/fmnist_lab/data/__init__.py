"""Fashion-MNIST: where its files come from, proof that they are the right ones, splits and scaling."""

from fmnist_lab.data.cache import NotAtHand, map_arrays, prepare
from fmnist_lab.data.dataset import Dataset, Examples, Scaling, load, split_rows, training_images, validation_size
from fmnist_lab.data.source import FASHION_MNIST, SOURCES, IdxFile, Source

__all__ = [
    "FASHION_MNIST",
    "SOURCES",
    "Dataset",
    "Examples",
    "IdxFile",
    "NotAtHand",
    "Scaling",
    "Source",
    "load",
    "map_arrays",
    "prepare",
    "split_rows",
    "training_images",
    "validation_size",
]
