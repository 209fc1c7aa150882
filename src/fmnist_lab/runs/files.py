"""Files that are seen whole or not at all, and the forms that numbers take in them."""

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
# Windows lets no file be replaced or removed while somebody reads it, as whoever follows a run does for a moment.
PAUSES = (0.01, 0.03, 0.1, 0.3, 1.0) if os.name == "nt" else ()  # seconds


def sha256(content: bytes) -> str:
    """The SHA-256 of `content`, in hex digits."""
    return hashlib.sha256(content).hexdigest()


def make_folder(folder: Path, outputs: str) -> None:
    """Make a folder below `outputs` (the key's value); InputError when it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()  # of no name, or one of its own: others try the same folder
    except OSError as error:
        raise InputError(f"outputs={outputs}: must be a folder that can be written ({error.strerror})") from None


def remove_partial(folder: Path) -> None:
    """Remove what writers that were killed left in `folder`. Call it where nobody else is writing there."""
    for path in folder.glob(f".*{PARTIAL}"):
        remove(path)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Numbers in the shortest form that reads back exactly, NaN as an empty cell; words in quotes where need be."""
    lines = [",".join(header), *(",".join(map(_cell, row)) for row in rows)]
    write_text(path, "\n".join(lines) + "\n")


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write `path` so that it is seen whole or not at all, even if the machine stops midway."""
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
    """`value` for JSON, which knows no nan."""
    return value if math.isfinite(value) else None


def remove(path: Path) -> None:
    retry(lambda: path.unlink(missing_ok=True))


def retry(act: Callable[[], object]) -> None:
    """Do what a reader may hinder: after each of the pauses once more, and then for good or ill."""
    for pause in PAUSES:
        try:
            act()
        except PermissionError:
            time.sleep(pause)
        else:
            return
    act()


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return repr(float(value)) if not math.isnan(value) else ""
    text = str(value)
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text
