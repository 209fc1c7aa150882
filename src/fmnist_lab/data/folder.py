"""Finding a source's IDX files in a folder, gzipped or not, and proving them genuine."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from fmnist_lab.data.source import LOOKALIKES, IdxFile, Source


class Unusable(Exception):
    """A place does not yield the data; the message says why, without naming the place."""


def read(source: Source, folder: Path) -> list[bytes]:
    """The verified, decompressed content of the source's files, in the order of `source.files`.

    Raises `Unusable` when the folder or a file is missing, unreadable, broken or not the right one.
    """
    with _os_errors_as_unusable():
        return [_read(path, file) for path, file in _locate(source, folder)]


def verify(source: Source, folder: Path) -> None:
    """Raise `Unusable` where `read` would; a file is read once a process, and again after a change."""
    with _os_errors_as_unusable():
        for path, file in _locate(source, folder):
            _verify(path, file, signature(path))


def signature(path: Path) -> tuple[int, int, int]:
    """What changes when the file does."""
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


@contextmanager
def _os_errors_as_unusable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = f"{Path(error.filename).name} " if error.filename else ""
        raise Unusable(f"{where}cannot be read ({error.strerror or error})") from error


def _locate(source: Source, folder: Path) -> list[tuple[Path, IdxFile]]:
    if not folder.exists():
        raise Unusable("no such folder")
    if not folder.is_dir():
        raise Unusable("not a folder")
    paths = [_find(file.name, source, folder) for file in source.files]
    missing = [file.name for file, path in zip(source.files, paths, strict=True) if path is None]
    if missing:
        raise Unusable(f"lacks {', '.join(missing)} (gzipped or not, here or in {source.torchvision}/raw or raw)")
    return [(path, file) for file, path in zip(source.files, paths, strict=True) if path]


def _find(name: str, source: Source, folder: Path) -> Path | None:
    layouts = (folder, folder / source.torchvision / "raw", folder / "raw")
    candidates = (layout / f"{name}{suffix}" for layout in layouts for suffix in ("", ".gz"))
    return next((path for path in candidates if path.exists()), None)


def _read(path: Path, file: IdxFile) -> bytes:
    content = _decompress(path) if path.suffix == ".gz" else path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        known = f"; it is {LOOKALIKES[found]}'s, served under this name" if found in LOOKALIKES else ""
        raise Unusable(f"{path.name}: content has SHA-256 {found[:12]}, expected {file.sha256[:12]}{known}")
    return content


def _decompress(path: Path) -> bytes:
    compressed = path.read_bytes()
    try:
        return gzip.decompress(compressed)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Unusable(f"{path.name} is a truncated or corrupt gzip file") from error


@lru_cache
def _verify(path: Path, file: IdxFile, _signature: tuple[int, int, int]) -> None:
    _read(path, file)
