"""A tiny data set, the real one, an empty cache, and a network that is away."""

from pathlib import Path

import pytest

from fmnist_lab.data import Source, cache, prepare
from fmnist_lab.data.folder import Unusable
from support.tiny_source import FASHION_MNIST, Tiny, make_tiny


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("FMNIST_LAB_CACHE", str(folder))
    return folder


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Source, folder: Path) -> None:
        raise Unusable("no network")

    monkeypatch.setattr(cache, "download", refuse)


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    return make_tiny(tmp_path / "package")


@pytest.fixture(scope="session")
def real_folder() -> Path:
    return prepare(FASHION_MNIST, None)
