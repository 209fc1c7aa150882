"""Data sets: where the files come from, their verification, cache, splits and scaling."""

from fmnist_lab.data.cache import NotAtHand, map_arrays, prepare
from fmnist_lab.data.dataset import Dataset, Examples, Scaling, load, split_rows, training_images, validation_size
from fmnist_lab.data.source import IdxFile, Source, shipped, source_of

__all__ = [
    "Dataset",
    "Examples",
    "IdxFile",
    "NotAtHand",
    "Scaling",
    "Source",
    "load",
    "map_arrays",
    "prepare",
    "shipped",
    "source_of",
    "split_rows",
    "training_images",
    "validation_size",
]
