"""A data set of a few random images in its own files, for tests of files that need no real images."""

import dataclasses
import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fmnist_lab.data import IdxFile, Source, shipped
from fmnist_lab.data.source import idx_header

FASHION_MNIST = shipped("fashion_mnist")


@dataclass(frozen=True)
class Tiny:
    source: Source
    contents: tuple[bytes, ...]

    def write(self, folder: Path, suffix: str = ".gz") -> Path:
        return write_files(folder, self.source, self.contents, suffix)


def make_tiny(package_folder: Path) -> Tiny:
    shape = (2, 3)
    blank = dataclasses.replace(
        FASHION_MNIST,
        name="tiny",
        title="Tiny",
        shape=shape,
        train_size=12,
        test_size=5,
        torchvision="Tiny",
        urls=("http://127.0.0.1:9/",),
        package="dataset-tiny",
        package_folder=str(package_folder),
    )
    rng = np.random.default_rng(7)
    contents = tuple(
        idx_header(shape) + rng.integers(0, 256 if len(shape) > 1 else 10, shape, np.uint8).tobytes()
        for shape in blank.file_shapes
    )
    files = tuple(
        IdxFile(file.name, hashlib.sha256(content).hexdigest())
        for file, content in zip(blank.files, contents, strict=True)
    )
    return Tiny(dataclasses.replace(blank, files=files), contents)


def write_files(folder: Path, source: Source, contents: tuple[bytes, ...], suffix: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in zip(source.files, contents, strict=True):
        data = gzip.compress(content, 1) if suffix == ".gz" else content
        (folder / f"{file.name}{suffix}").write_bytes(data)
    return folder
