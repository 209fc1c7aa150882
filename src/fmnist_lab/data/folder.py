"""Find a source's IDX files in a folder, gzipped or not, and verify them."""

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from fmnist_lab.data.source import IdxFile, Source, file_size, is_shaped, owner_of

Candidate = tuple[Path, IdxFile, tuple[int, ...]]  # a path, the file it should be, and the shape of its array


class Unusable(Exception):
    """A place does not have the data; the message gives the reason, without naming the place."""


def read(source: Source, folder: Path) -> list[bytes]:
    """Return the verified, decompressed content of the source's files, in the order of `source.files`.

    Raises `Unusable` when the folder or a file is missing, unreadable, damaged or not the expected one.
    """
    with _os_errors_as_unusable():
        return [_read(*candidate) for candidate in _locate(source, folder)]


def verify(source: Source, folder: Path) -> None:
    """Raise `Unusable` where `read` would; a file is read once per process, and again after a change."""
    with _os_errors_as_unusable():
        for path, file, shape in _locate(source, folder):
            _verify(path, file, shape, signature(path))


def signature(path: Path) -> tuple[int, int, int]:
    """Return numbers that change when the file does."""
    stat = path.stat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


@contextmanager
def _os_errors_as_unusable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = f"{Path(error.filename).name} " if error.filename else ""
        raise Unusable(f"{where}cannot be read ({error.strerror or error})") from error


def _locate(source: Source, folder: Path) -> list[Candidate]:
    if not folder.exists():
        raise Unusable("no such folder")
    if not folder.is_dir():
        raise Unusable("not a folder")
    paths = [_find(file, source, folder) for file in source.files]
    missing = [_published_name(file) for file, path in zip(source.files, paths, strict=True) if path is None]
    if missing:
        either = "gzipped or not, " if any(file.kind == "sha256" for file in source.files) else ""
        others = " or ".join(layout.as_posix() for layout in _layouts(source)[1:])
        raise Unusable(f"lacks {', '.join(missing)} ({either}here or in {others})")
    found = zip(paths, source.files, source.file_shapes, strict=True)
    return [(path, file, shape) for path, file, shape in found if path]


def _layouts(source: Source) -> list[Path]:
    torchvision = [Path(source.torchvision, "raw")] if source.torchvision else []
    return [Path(), *torchvision, Path("raw")]


def _find(file: IdxFile, source: Source, folder: Path) -> Path | None:
    candidates = (folder / layout / f"{file.name}{end}" for layout in _layouts(source) for end in _endings(file))
    return next((path for path in candidates if path.exists()), None)


def _endings(file: IdxFile) -> tuple[str, ...]:
    """Return the possible endings of the name; a checksum of the gzipped file verifies only that."""
    return ("", ".gz") if file.kind == "sha256" else (".gz",)


def _published_name(file: IdxFile) -> str:
    return file.name if file.kind == "sha256" else f"{file.name}.gz"


def _read(path: Path, file: IdxFile, shape: tuple[int, ...]) -> bytes:
    raw = path.read_bytes()
    if file.kind != "sha256":
        _compare(path, file, raw)
    content = _decompress(path, raw, file_size(shape)) if path.suffix == ".gz" else raw
    if file.kind == "sha256":
        _compare(path, file, content)
    if not is_shaped(content, shape):
        raise Unusable(f"{path.name} is not an IDX file of unsigned bytes of shape {' x '.join(map(str, shape))}")
    return content


def _compare(path: Path, file: IdxFile, content: bytes) -> None:
    algorithm = file.kind.removesuffix("_gz")
    found = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
    if found != file.checksum:
        owner = owner_of(found)
        known = f"; it is {owner}'s, served under this name" if owner else ""
        name = {"sha256": "SHA-256", "md5": "MD5"}[algorithm]
        raise Unusable(f"{path.name}: content has {name} {found[:12]}, expected {file.checksum[:12]}{known}")


def _decompress(path: Path, compressed: bytes, size: int) -> bytes:
    """Return the content; unpacking stops at the first byte that is too many. Raises `Unusable`."""
    try:
        with gzip.open(io.BytesIO(compressed)) as file:
            content = file.read(size + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Unusable(f"{path.name} is a truncated or corrupt gzip file") from error
    if len(content) > size:
        raise Unusable(f"{path.name} unpacks to more than the {size} bytes that it should hold")
    return content


@lru_cache
def _verify(path: Path, file: IdxFile, shape: tuple[int, ...], _signature: tuple[int, int, int]) -> None:
    _read(path, file, shape)
