"""The list of the files that were written into a folder of results, so that a later call can remove outdated ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from fmnist_lab.runs.files import remove_partial, sha256, write_bytes, write_text

MANIFEST = "SHA256SUMS"  # in the format of `sha256sum`

Entry = tuple[str, str]  # the SHA-256 of a file, and its path relative to the folder


def replace_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files` (contents by path) into `folder`, and remove the files of an earlier call that are not among them.

    Files that no call wrote, or that were changed since, are kept. If a call is interrupted, the manifest lists the
    files of both calls, and the next call removes the outdated ones. Raises OSError if a file cannot be written.
    """
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    with writing(folder):
        remove_partial(folder)
        remove_partial(folder / "figures")
        before = read_manifest(folder)
        now = {(sha256(content), name) for name, content in files.items()}
        _write_manifest(folder, before | now)
        for name, content in files.items():
            write_bytes(folder / name, content)
        for digest, name in before:
            path = folder / name
            if name not in files and path.is_file() and sha256(path.read_bytes()) == digest:
                path.unlink()
        _write_manifest(folder, now)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Lock `folder`, so that no other command writes into it or removes its partly written files meanwhile."""
    from filelock import FileLock

    with FileLock(folder / ".lock"):
        yield


def read_manifest(folder: Path) -> set[Entry]:
    """Return the files that earlier calls wrote; ignore lines that do not name a file inside the folder."""
    try:
        lines = (folder / MANIFEST).read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    entries = (re.fullmatch(r"([0-9a-f]{64})  ([^\\:\0]+)", line) for line in lines)
    return {(entry[1], entry[2]) for entry in entries if entry and _inside(entry[2])}


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _write_manifest(folder: Path, entries: Iterable[Entry]) -> None:
    lines = (f"{digest}  {name}\n" for digest, name in sorted(entries, key=lambda entry: entry[::-1]))
    write_text(folder / MANIFEST, "".join(lines))
