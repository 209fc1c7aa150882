"""Files written atomically: a reader sees the whole file or none. Checksums, folders and CSV."""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from fmnist_lab.errors import InputError

PARTIAL = ".partial"  # ends the name of a file that is being written
# Windows does not replace or remove a file while another program reads it, so we try again after these pauses.
PAUSES = (0.01, 0.03, 0.1, 0.3, 1.0) if os.name == "nt" else ()  # seconds


def sha256(content: bytes) -> str:
    """Return the SHA-256 of `content` in hex digits."""
    return hashlib.sha256(content).hexdigest()


def make_folder(folder: Path, outputs: str) -> None:
    """Make a folder below `outputs` (the key's value). Raises InputError when it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()  # has a name of its own: several commands may try the same folder
    except OSError as error:
        raise InputError(f"outputs={outputs}: must be a folder that can be written ({error.strerror})") from None


def remove_partial(folder: Path) -> None:
    """Remove the partial files of killed writers from `folder`. Call it only while no other process writes there."""
    for path in folder.glob(f".*{PARTIAL}"):
        remove(path)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write rows as CSV: floats in the shortest form that reads back exactly, NaN as nothing, quotes where needed."""
    lines = [",".join(header), *(",".join(map(_entry, row)) for row in rows)]
    write_text(path, "\n".join(lines) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write `text` in UTF-8 as `write_bytes` does."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write `path` atomically: it has its old or its new content, even if the machine stops midway."""
    temporary = path.with_name(f".{path.name[:80]}-{uuid.uuid4().hex[:8]}{PARTIAL}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        retry(lambda: temporary.replace(path))
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def finite(value: float) -> float | None:
    """Return `value`, or None for nan and infinity, which JSON does not have."""
    return value if math.isfinite(value) else None


def remove(path: Path) -> None:
    """Remove a file if it exists, also while a reader on Windows holds it for a moment."""
    retry(lambda: path.unlink(missing_ok=True))


def retry(act: Callable[[], object]) -> None:
    """Call `act`; while it raises PermissionError, call it again after each of `PAUSES`; raise the last one."""
    for pause in PAUSES:
        try:
            act()
        except PermissionError:
            time.sleep(pause)
        else:
            return
    act()


def _entry(value: Any) -> str:
    if isinstance(value, float):
        return repr(float(value)) if not math.isnan(value) else ""
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text
