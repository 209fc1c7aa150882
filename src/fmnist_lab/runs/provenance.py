"""The conditions under which a run was made: versions, machine, threads, commit."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fmnist_lab.config.paths import conf_folder

PACKAGES = ("fmnist-lab", "numpy", "hydra-core", "omegaconf", "torch")
"""The packages whose versions may change a result; torch only that of its own model."""

LOCK = Path(conf_folder()).parent / "requirements.lock"
"""The versions that the project's environment is installed with: beside `conf/` in a checkout, absent in a wheel."""

CPUINFO = Path("/proc/cpuinfo")
QUOTA = Path("/sys/fs/cgroup/cpu.max")  # "quota period": processor time allowed in each period


def collect(threads: int, workers: int, data_checksum: str, model: str) -> dict[str, Any]:
    """Return versions, machine and conditions of a run. `workers` is the number of runs in progress at once."""
    versions = {name: _version(name) for name in PACKAGES if name != "torch" or model == "torch"}
    return {
        "finished_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cpu": cpu(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
        "locked": locked(versions),
        "blas": blas(),
        "threads": threads,
        "workers": workers,
        "data_checksum": data_checksum,
        "git_commit": git_commit(),
    }


def locked(versions: Mapping[str, str | None]) -> bool | None:
    """Return whether these are the versions of the lock, except the lab's own; None where there is no lock."""
    lock = _lock(LOCK)
    if not lock:
        return None
    return all(lock.get(name) == found for name, found in versions.items() if name != "fmnist-lab")


@cache
def _lock(path: Path) -> dict[str, str]:
    """Return the version of each package in the lock; an empty dictionary if it cannot be read."""
    try:
        return dict(re.findall(r"^([\w.-]+)==(\S+)", path.read_text("utf-8"), re.MULTILINE))
    except OSError:
        return {}


def cores() -> int:
    """Return the number of processor cores this process may use, rounded down in a container with a quota."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = map(int, QUOTA.read_text("ascii").split())
    except (OSError, ValueError):  # no container, or its quota is "max"
        return count
    return max(1, min(count, quota // period))


@cache
def blas() -> str | None:
    """Return name, version and kernels of the BLAS that NumPy has loaded; None if it is unknown."""
    import numpy as np  # noqa: F401  (loads its BLAS)
    from threadpoolctl import threadpool_info

    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas" and "numpy" in pool["filepath"]]
    return " ".join(str(found[0].get(key)) for key in ("internal_api", "version", "architecture")) if found else None


@cache
def cpu() -> str:
    """Return the processor's name, with family and model, as several generations share a name."""
    try:
        first = CPUINFO.read_text("utf-8").partition("\n\n")[0]
        facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.splitlines())}
        return "{model name} (family {cpu family}, model {model})".format_map(facts)
    except (OSError, KeyError):
        return platform.processor() or platform.machine()


@cache
def git_commit() -> str | None:
    """Return the commit of the checkout that this code runs from, with "+" if files changed; None outside one."""
    package = Path(__file__).resolve().parents[1]
    if not (package.parents[1] / ".git").exists():
        return None
    try:
        commit = _git(package, "rev-parse", "HEAD").strip()
        changed = _git(package, "status", "--porcelain", "--untracked-files=no").strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + "+" if changed else commit


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]  # only reads
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=10).stdout


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
