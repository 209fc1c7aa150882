"""The cache of decoded data: written once per machine, verified once per process, memory-mapped by every run."""

import hashlib
import json
import logging
import os
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from platformdirs import user_cache_path

from fmnist_lab.data.download import download
from fmnist_lab.data.folder import Unusable, read, signature, verify
from fmnist_lab.data.source import ARRAYS, Source, decode, is_genuine
from fmnist_lab.errors import InputError

log = logging.getLogger("fmnist_lab.data")

PACKED = Path(__file__).parent / "packed"
"""Data sets inside the package, each in its folder."""

CONTENTS = "contents.json"
"""File in a cache folder with the SHA-256 of each IDX file, for data whose own checksums are of gzipped files."""


class NotAtHand(InputError):
    """The data set is in none of the places and cannot be downloaded."""


def prepare(source: Source, root: str | None) -> Path:
    """Return the cache folder with the decoded arrays of `source`, and fill it first if necessary.

    The files are taken from `root` only, when it is given and not empty; else from the cache, the lab's own package,
    Debian's package or a download. Several processes may call this at once.
    Raises `InputError` for a bad `root`, a cache that cannot be written, labels without a class, or (`NotAtHand`) no
    data.
    """
    given = Path(os.path.expanduser(root)) if root else None  # noqa: PTH111 - Path.expanduser can raise
    folder = _cache() / f"{source.name}-{source.checksum[:12]}"
    try:
        if given:
            verify(source, given)  # also when the cache is full: a bad root must not go unnoticed
        if not _is_whole(source, folder):
            _fill(source, given, folder)
    except Unusable as reason:
        raise InputError(f"data.root={root}: {reason}") from reason
    _verify_labels(source, folder)
    return folder


def map_arrays(folder: Path) -> list[NDArray[Any]]:
    """Return the arrays of a prepared folder in the order of `ARRAYS`, read-only and shared between processes."""
    return [_map(folder / f"{name}.npy") for name in ARRAYS]


def _map(path: Path) -> NDArray[Any]:
    # open_memmap reads neither pickle nor zip files; slicing a plain view is faster than slicing np.memmap.
    return np.asarray(np.lib.format.open_memmap(path, mode="r"))


def _cache() -> Path:
    chosen = os.environ.get("FMNIST_LAB_CACHE")
    return Path(chosen).absolute() if chosen else user_cache_path("fmnist_lab")


def _is_whole(source: Source, folder: Path) -> bool:
    pinned = _contents(folder)
    known = [file.checksum if file.kind == "sha256" else pinned.get(file.name, "") for file in source.files]
    arrays = zip(ARRAYS, source.file_shapes, known, strict=True)
    return all(_is_intact(folder / f"{name}.npy", shape, sha256) for name, shape, sha256 in arrays)


def _contents(folder: Path) -> dict[str, str]:
    try:
        pinned = json.loads((folder / CONTENTS).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return pinned if isinstance(pinned, dict) else {}


def _verify_labels(source: Source, folder: Path) -> None:
    """Raise InputError for a label without a class, which would otherwise be noticed only when a model fails."""
    _, train, _, test = map_arrays(folder)
    least, most = min(train.min(), test.min()), max(train.max(), test.max())
    last = source.first_label + len(source.classes) - 1
    if least < source.first_label or most > last:
        raise InputError(
            f"data.source.classes: must name the class of every label: the files have labels from {least} to {most}, "
            f"and {len(source.classes)} classes from data.source.first_label={source.first_label} on are named"
        )


def _is_intact(path: Path, shape: tuple[int, ...], sha256: str) -> bool:
    try:
        return _verify(path, shape, sha256, signature(path))
    except OSError:
        return False


@lru_cache
def _verify(path: Path, shape: tuple[int, ...], sha256: str, _signature: tuple[int, int, int]) -> bool:
    try:
        array = _map(path)
    except Exception:  # NumPy raises many kinds of exceptions for a damaged file
        return False
    return is_genuine(array, shape, sha256)


def _fill(source: Source, given: Path | None, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            if not _is_whole(source, folder):  # unless another process was faster
                contents = read(source, given) if given else _search(source, folder)
                _write(source, folder, contents)
    except OSError as error:
        raise InputError(
            f"the data cache {_cache()} cannot be written ({error.strerror or error}): "
            "set FMNIST_LAB_CACHE to a folder that can"
        ) from error


def _search(source: Source, folder: Path) -> list[bytes]:
    places = [PACKED / source.name] + ([Path(source.package_folder)] if source.package_folder else [])
    tried = [f"not in the cache {folder}"]
    for place in places:
        try:
            return read(source, place)
        except Unusable as reason:
            if place.parent != PACKED:
                tried.append(f"not in {place} ({reason})")
    try:
        return _download(source, folder / "download")
    except Unusable as reason:
        remedies = ["give data.root=FOLDER with its four IDX files", *_remedies(source)]
        raise NotAtHand(
            f"{source.title} is {', '.join(tried)}, and its download failed ({reason}): "
            + (", or ".join([", ".join(remedies[:-1]), remedies[-1]]) if len(remedies) > 1 else remedies[0])
        ) from reason


def _remedies(source: Source) -> list[str]:
    if not source.package:
        return []
    return ['run "python scripts/fetch_data.py"', f"install the system package {source.package}"]


def _download(source: Source, folder: Path) -> list[bytes]:
    shutil.rmtree(folder, ignore_errors=True)  # left by an interrupted download; the lock keeps others out
    try:
        download(source, folder)
        return read(source, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(source: Source, folder: Path, contents: list[bytes]) -> None:
    log.info("decoding %s into %s", source.title, folder)
    for name, shape, content in zip(ARRAYS, source.file_shapes, contents, strict=True):
        temporary = folder / f"{name}.tmp"
        with temporary.open("wb") as file:
            np.save(file, decode(content, shape), allow_pickle=False)
        temporary.replace(folder / f"{name}.npy")
    pinned = {
        file.name: hashlib.sha256(content).hexdigest() for file, content in zip(source.files, contents, strict=True)
    }
    temporary = folder / f"{CONTENTS}.tmp"
    temporary.write_text(json.dumps(pinned, indent=2) + "\n", "utf-8")
    temporary.replace(folder / CONTENTS)
