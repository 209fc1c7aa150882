"""Write the files of the benchmark: measurements as CSV, and from them figures and two pages of Markdown."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_info

from benchmark.figures import figures
from benchmark.tables import SECTIONS, markdown
from benchmark.targets import Measurements, targets
from fmnist_lab.runs import provenance
from fmnist_lab.runs.files import write_bytes, write_text

PACKAGES = ("fmnist-lab", "numpy", "torch", "torchvision", "scikit-learn", "jax", "jaxlib")
BLAS = ("internal_api", "version", "architecture")


def conditions(rounds: int, quick: bool, options: str) -> dict[str, Any]:
    """Return the conditions under which a part is measured."""
    return {
        "started_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "quick": quick,
        "rounds": rounds,
        "options": options,
        "cpu": provenance.cpu(),
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {name: version_of(name) for name in PACKAGES},
        "blas": [{key: pool.get(key) for key in BLAS} for pool in threadpool_info()],
        "git_commit": provenance.git_commit(),
    }


def version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def save(folder: Path, part: str, frame: pd.DataFrame, conditions: dict[str, Any]) -> None:
    """Write the measurements and conditions of a part, in place of older ones."""
    everything = conditions_in(folder) | {part: conditions}
    write_bytes(folder / f"{part}.csv", frame.to_csv(index=False, lineterminator="\n").encode())
    write_text(folder / "provenance.json", json.dumps(everything, indent=2) + "\n")


def measurements_in(folder: Path) -> Measurements:
    """Return the measurements of every part in the folder."""
    files = {part: folder / f"{part}.csv" for part in SECTIONS}
    return {part: pd.read_csv(file, dtype={"hidden": str}) for part, file in files.items() if file.exists()}


def conditions_in(folder: Path) -> dict[str, dict[str, Any]]:
    file = folder / "provenance.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else {}


def write(folder: Path) -> pd.DataFrame:
    """Write tables, figures and targets of all that was measured; return the targets."""
    measured, parts = measurements_in(folder), conditions_in(folder)
    remark = " (QUICK: too few rounds to quote)" if any(part["quick"] for part in parts.values()) else ""
    table = targets(measured)
    for name, content in figures(measured, remark).items():
        write_bytes(folder / name, content)
    write_bytes(folder / "targets.csv", table.to_csv(index=False, lineterminator="\n").encode())
    write_text(folder / "targets.md", f"# Targets{remark}\n\n{machine(parts)}\n\n{markdown(table, digits=4)}\n")
    write_text(folder / "benchmark.md", "\n\n".join(page(measured, parts, remark)) + "\n")
    return table


def page(measured: Measurements, parts: dict[str, dict[str, Any]], remark: str) -> Iterable[str]:
    yield f"# Benchmark{remark}"
    yield machine(parts)
    yield "Each value: median [least–largest] over the rounds, every measurement from a fresh process."
    for part, frame in measured.items():
        title, tables = SECTIONS[part]
        yield f"## {title}"
        about = parts[part]
        commit = f"commit {str(about['git_commit'])[:7]}, {kernels(about)}"
        yield f"{about['rounds']} rounds; load of the machine before: {about['load_before']}; {about['cpu']}; {commit}."
        yield from tables(frame)
        yield from (f"Not measured: {name}: {why}" for name, why in about["not_measured"].items())


def kernels(part: dict[str, Any]) -> str:
    """Return name, version and kernels of the BLAS library that NumPy uses."""
    return ", ".join(
        " ".join(str(pool[key]) for key in BLAS) for pool in part["blas"] if pool["internal_api"] == "openblas"
    )


def machine(parts: dict[str, dict[str, Any]]) -> str:
    """Return a line for each distinct machine, set of versions and commit."""
    lines = {
        f"{part['cpu']}, {part['cores']} cores, {part['system']}, Python {part['python']}; "
        + ", ".join(f"{name} {number}" for name, number in part["versions"].items() if number)
        + f"; {kernels(part)}; commit {part['git_commit']}"
        for part in parts.values()
    }
    return "\n\n".join(sorted(lines))
