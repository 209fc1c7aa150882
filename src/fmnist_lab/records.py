"""One run on disk: identity, writing, reading.

A run's folder is named by its fingerprint. `summary.json` is written last and marks the run as complete; every file
appears under its name whole or not at all.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT = 1  # of the record; a record of another format is not read

Arrays = dict[str, NDArray[Any]]


def fingerprint(identity: Mapping[str, Any]) -> str:
    """Twelve hex digits that name a run by all that determines its result."""
    canonical = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Record:
    """A run's folder."""

    folder: Path

    @property
    def run(self) -> str:
        return self.folder.name

    def summary(self) -> dict[str, Any] | None:
        """What the run came to, or None while it is not complete."""
        try:
            summary = json.loads((self.folder / "summary.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return summary if isinstance(summary, dict) and summary.get("format") == FORMAT else None

    def history(self) -> list[dict[str, float]]:
        """A row an epoch, as far as the run has come."""
        try:
            text = (self.folder / "history.csv").read_text("utf-8")
        except OSError:
            return []
        return [{key: float(value or "nan") for key, value in row.items()} for row in csv.DictReader(text.splitlines())]

    def weights(self) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        """The trained weights, a (weight, bias) pair a layer, as either model takes them."""
        from safetensors.numpy import load_file

        arrays = load_file(self.folder / "weights.safetensors")
        return [(arrays[f"{n}.weight"], arrays[f"{n}.bias"]) for n in range(len(arrays) // 2)]

    def test_predictions(self) -> NDArray[np.uint8] | None:
        """The predicted class of every test image, shape (n_test,); None for a run that diverged."""
        from safetensors.numpy import load_file

        path = self.folder / "predictions.safetensors"
        predicted: NDArray[np.uint8] | None = load_file(path).get("test") if path.exists() else None
        return predicted

    def error(self) -> str | None:
        """The traceback of a run that crashed."""
        try:
            return (self.folder / "error.txt").read_text("utf-8")
        except OSError:
            return None

    def reason(self) -> str:
        """Why a run has no summary, in one line."""
        lines = (self.error() or "").strip().splitlines()
        return lines[-1] if lines else "it ended without a word (killed?)"

    def begin(self, config: str) -> None:
        """Open the record anew: what an earlier attempt left is no longer valid."""
        for name in ("summary.json", "error.txt", "history.csv", "test_history.csv", "weights.safetensors"):
            (self.folder / name).unlink(missing_ok=True)
        write_text(self.folder / "config.yaml", config)

    def write_history(self, rows: Sequence[Mapping[str, float]], name: str = "history.csv") -> None:
        write_csv(self.folder / name, list(rows[0]), [row.values() for row in rows])

    def write_weights(self, weights: Iterable[tuple[NDArray[Any], NDArray[Any]]]) -> None:
        from safetensors.numpy import save

        arrays: Arrays = {}
        for n, (weight, bias) in enumerate(weights):
            arrays |= {f"{n}.weight": np.ascontiguousarray(weight), f"{n}.bias": bias}
        write_bytes(self.folder / "weights.safetensors", save(arrays))

    def write_error(self, traceback: str) -> None:
        write_text(self.folder / "error.txt", traceback)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Complete the record. Nothing is written after this."""
        text = json.dumps({"format": FORMAT, **summary}, indent=2, default=_plain, allow_nan=False)
        write_text(self.folder / "summary.json", text + "\n")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Numbers in the shortest form that reads back exactly; what is not a number as an empty cell."""
    lines = [",".join(header), *(",".join(map(_cell, row)) for row in rows)]
    write_text(path, "\n".join(lines) + "\n")


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write `path` so that it is seen whole or not at all, even if the machine stops midway."""
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def finite(value: float) -> float | None:
    """`value` for JSON, which knows no nan."""
    return value if math.isfinite(value) else None


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return repr(float(value)) if not math.isnan(value) else ""
    return str(value)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)
