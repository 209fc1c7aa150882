"""One run on disk: identity, writing, reading, integrity.

A run's folder is named by its fingerprint. `summary.json` is written last and shows that the run is complete; it holds
the SHA-256 of every other file and of its own content. Every file is written atomically.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmnist_lab.errors import InputError
from fmnist_lab.runs.files import remove, remove_partial, retry, sha256, write_bytes, write_csv, write_text

FORMAT = 2  # of the record; a record of another format is not read

SUMMARY, ERROR, WEIGHTS, PREDICTIONS = "summary.json", "error.txt", "weights.safetensors", "predictions.safetensors"
FILES = ("config.yaml", "history.csv", "test_history.csv", WEIGHTS, PREDICTIONS)  # the summary has their checksums
DAMAGE = (OSError, ValueError)  # raised on reading a damaged record
Arrays = dict[str, NDArray[Any]]


def fingerprint(identity: Mapping[str, Any]) -> str:
    """Return the name of a run, computed from everything that determines its result: "r" and twelve hex digits.

    The letter keeps spreadsheets from reading a name such as 060227633193 or 12e456789012 as a number.
    """
    return "r" + sha256(_canonical(identity))[:12]


@dataclass(frozen=True)
class Record:
    """A run's folder."""

    folder: Path

    @property
    def run(self) -> str:
        return self.folder.name

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Wait for the lock of this record and hold it; the system releases the lock of a process that dies."""
        from filelock import FileLock

        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder.with_suffix(".lock")):
            yield

    def summary(self) -> dict[str, Any] | None:
        """Return the outcome of the run, or None while it is not complete or when it is damaged.

        Each call verifies the summary's own content and the other files; of the weights only the size, since hashing
        megabytes per run is slow: `damage` and `weights` hash them.
        """
        try:
            return self._verified(weights=False)
        except DAMAGE:
            return None

    def damage(self) -> str | None:
        """Return in a few words what is wrong with a complete record; None if nothing is or it is not complete.

        Hashes every file, the weights too: about a millisecond for a network of the report's size.
        """
        if self.folder.exists() and not self.folder.is_dir():
            return "it is not a folder"
        if not os.path.lexists(self.folder / SUMMARY):
            return None
        try:
            self._verified(weights=True)
        except FileNotFoundError as error:
            return f"{Path(error.filename).name} is missing"
        except DAMAGE as error:
            return str(error) or type(error).__name__
        return None

    def set_aside(self) -> tuple[Path, str] | None:
        """Rename a damaged record, so that the run can be repeated and nothing is lost. Call it under `lock`.

        Returns the new path and what is wrong with the record; None when it is not damaged.
        """
        reason = self.damage()
        if reason is None:
            return None
        number = 1
        while (aside := self.folder.with_name(f"{self.run}.damaged-{number}")).exists():
            number += 1
        retry(lambda: self.folder.rename(aside))
        return aside, reason

    def completed(self) -> int | None:
        """Return the time when the run was completed, in nanoseconds of the file system's clock; None if it is not."""
        try:
            return (self.folder / SUMMARY).stat().st_mtime_ns
        except OSError:
            return None

    def history(self, name: str = "history.csv") -> list[dict[str, float]]:
        """Return one row per epoch done so far; no rows when the file cannot be read."""
        try:
            text = (self.folder / name).read_text("utf-8")
            rows = csv.DictReader(text.splitlines())
            return [{key: float(value or "nan") for key, value in row.items()} for row in rows]
        except (OSError, ValueError, TypeError, csv.Error):
            return []

    def weights(self) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """Return the trained weights, one (weight, bias) pair per layer, as either model takes them.

        Raises InputError when the record is not complete or the file is damaged.
        """
        arrays = self._arrays(WEIGHTS)
        return [(arrays[f"{n}.weight"], arrays[f"{n}.bias"]) for n in range(len(arrays) // 2)]

    def test_predictions(self) -> NDArray[np.uint8] | None:
        """Return the predicted class of every test image, shape (n_test,); None for a run that diverged.

        Raises InputError as `weights` does.
        """
        predicted: NDArray[np.uint8] | None = self._arrays(PREDICTIONS).get("test")
        return predicted

    def error(self) -> str | None:
        """Return the traceback of a run that crashed; None if there is none."""
        try:
            return (self.folder / ERROR).read_text("utf-8", errors="replace")
        except OSError:
            return None

    def has_outcome(self) -> bool:
        """Return whether the run has finished, diverged or failed."""
        return self.summary() is not None or self.error() is not None

    def reason(self) -> str:
        """Return in one line why a run has no summary."""
        lines = (self.error() or "").strip().splitlines()
        if lines:
            return lines[-1]
        begun = (self.folder / "config.yaml").exists()
        return "it ended without an error message (killed?)" if begun else "it was not started"

    def discard(self) -> None:
        """Remove the files of an earlier attempt. Call it under `lock`.

        The summary goes first: stopped midway, this leaves a run that is not complete, never a wrong one.
        """
        for name in (SUMMARY, ERROR, *FILES):
            remove(self.folder / name)
        remove_partial(self.folder)

    def forget_error(self) -> None:
        """Remove the traceback of an earlier attempt."""
        remove(self.folder / ERROR)

    def begin(self, config: str) -> None:
        """Start the record with its configuration; earlier files are removed. Call it under `lock`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.discard()
        write_text(self.folder / "config.yaml", config)

    def config(self) -> dict[str, Any]:
        """Return the configuration of the run as plain data. Raises InputError when it cannot be read."""
        import yaml

        try:
            tree: dict[str, Any] = yaml.safe_load((self.folder / "config.yaml").read_text("utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise InputError(f"run {self.run}: its configuration cannot be read ({error})") from None
        return tree

    def write_history(self, rows: Sequence[Mapping[str, float]], name: str = "history.csv") -> None:
        write_csv(self.folder / name, list(rows[0]), [row.values() for row in rows])

    def write_weights(self, weights: Iterable[tuple[NDArray[Any], NDArray[Any]]]) -> None:
        arrays: Arrays = {}
        for n, (weight, bias) in enumerate(weights):
            arrays |= {f"{n}.weight": np.ascontiguousarray(weight), f"{n}.bias": bias}
        self._write_arrays(WEIGHTS, arrays)

    def write_test_predictions(self, predicted: NDArray[np.uint8]) -> None:
        """Write the predicted class of every test image, shape (n_test,)."""
        self._write_arrays(PREDICTIONS, {"test": predicted})

    def write_error(self, traceback: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self.folder / ERROR, traceback)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Complete the record with a summary that has the checksums of its files. Nothing is written after it."""
        files = {name: _size_and_checksum(self.folder / name) for name in FILES if (self.folder / name).exists()}
        values = {"format": FORMAT, "run": self.run, **summary, "files": files}
        content = json.loads(json.dumps(values, default=_plain, allow_nan=False))  # as it will be read
        content["checksum"] = sha256(_canonical(content))
        write_bytes(self.folder / SUMMARY, _pretty(content))

    def _verified(self, *, weights: bool) -> dict[str, Any]:
        """Return the summary after checking the files against it. Raises one of DAMAGE for the first that differs."""
        content = (self.folder / SUMMARY).read_bytes()
        try:
            summary = json.loads(content)
        except (ValueError, RecursionError):
            raise ValueError(f"{SUMMARY} cannot be read") from None
        if not isinstance(summary, dict):
            raise ValueError(f"{SUMMARY} cannot be read")
        if summary.get("format") != FORMAT:
            raise ValueError(f"it is of format {summary.get('format')!s:.20}, not {FORMAT}")
        whole = _pretty(summary) == content
        checksum = summary.pop("checksum", None)
        if not whole or checksum != sha256(_canonical(summary)):
            raise ValueError(f"{SUMMARY} is not as it was written")
        if summary["run"] != self.run:
            raise ValueError(f"it is the record of {summary['run']}")
        for name, (size, digest) in summary["files"].items():
            path = self.folder / name
            if path.stat().st_size != size or ((weights or name != WEIGHTS) and sha256(path.read_bytes()) != digest):
                raise ValueError(f"{name} is not as it was written")
        return summary

    def _arrays(self, name: str) -> Arrays:
        """Return the arrays of a file of a complete record; none when the record has no such file."""
        from safetensors.numpy import load

        summary = self.summary()
        if summary is None:
            raise InputError(f"{self.folder}: holds no complete record; repeat the command that trains the run")
        if name not in summary["files"]:
            return {}
        content = (self.folder / name).read_bytes()
        if sha256(content) != summary["files"][name][1]:
            raise InputError(f"{self.folder / name}: is damaged; repeat the command that trained the run")
        arrays: Arrays = load(content)
        return arrays

    def _write_arrays(self, name: str, arrays: Arrays) -> None:
        from safetensors.numpy import save

        write_bytes(self.folder / name, save(arrays))


def _size_and_checksum(path: Path) -> tuple[int, str]:
    """Return size in bytes and SHA-256 of a file."""
    content = path.read_bytes()
    return len(content), sha256(content)


def _canonical(tree: Mapping[str, Any]) -> bytes:
    return json.dumps(tree, sort_keys=True, separators=(",", ":")).encode()


def _pretty(tree: Mapping[str, Any]) -> bytes:
    return (json.dumps(tree, indent=2) + "\n").encode()


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)
