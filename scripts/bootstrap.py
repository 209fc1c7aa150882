"""Sets the project up from an empty clone: the environment .venv, the packages in it, the data.

`python scripts/bootstrap.py` with any Python from 3.11 to 3.13, or `make setup`. Once it takes a few minutes
and some gigabytes (PyTorch); later calls find the stamp of the first in .venv and take a second. The other
scripts begin with the same set-up. Only the standard library is imported, as nothing else is there yet.
"""

from __future__ import annotations  # so that a Python too old for the project can still read this, and say so

import hashlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, NamedTuple  # noqa: UP035

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "installed.txt"

OLDEST, TOO_NEW = (3, 11), (3, 14)
ALTERNATIVES = ("python3.13", "python3.12", "python3.11")
BAD_INPUT, INTERRUPTED, TERMINATED = 2, 130, 143


class Step(NamedTuple):
    """One command that ran: its name, how long it took in seconds, and its exit status."""

    name: str
    seconds: float
    status: int


class Steps:
    """Runs commands one after another in the project's folder, and keeps what each took."""

    def __init__(self) -> None:
        self.taken: list[Step] = []

    def run(self, name: str, *command: str | Path) -> int:
        """Run one command and return its exit status, as a shell would; Ctrl-C and SIGTERM end everything."""
        print(f"\n== {name}", flush=True)
        start = time.perf_counter()
        status = wait([str(word) for word in command])
        self.taken.append(Step(name, time.perf_counter() - start, status))
        if status in (INTERRUPTED, TERMINATED):
            sys.exit(status)
        return status

    def require(self, name: str, *command: str | Path) -> None:
        """Run one command; leave with its status if it fails."""
        status = self.run(name, *command)
        if status:
            sys.exit(status)

    def print_table(self) -> None:
        """Print the seconds that each step took."""
        width = max(len(step.name) for step in self.taken)
        print(f"\n{'step':<{width}}  seconds")
        for step in self.taken:
            remark = f"  status {step.status}" if step.status else ""
            print(f"{step.name:<{width}} {step.seconds:8.1f}{remark}")
        print(f"{'total':<{width}} {sum(step.seconds for step in self.taken):8.1f}", flush=True)


def wait(command: list[str]) -> int:
    """Run the command to its end and return its status, 128 + the signal if one killed it.

    Ctrl-C reaches the command too, SIGTERM is passed on to it; it is given the time to close its files.
    """
    process = subprocess.Popen(command, cwd=str(ROOT))
    before = signal.signal(signal.SIGTERM, lambda number, frame: process.terminate())
    try:
        status = process.wait()
    except KeyboardInterrupt:
        process.wait()
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)
    return status if status >= 0 else 128 - status


@contextmanager
def timed_steps() -> Iterator[Steps]:
    """Steps whose table is printed at the end, however it comes."""
    steps = Steps()
    try:
        yield steps
    finally:
        if steps.taken:
            steps.print_table()


def set_up(steps: Steps) -> None:
    """Make the environment and the data ready; leave with the status of the part that fails."""
    refuse_unsuitable_python()
    install(steps)
    steps.require("fetch data", PYTHON, "scripts/fetch_data.py")


def conduct_study(study: str) -> None:
    """Set the project up and conduct a study with the words of the command line; leave with its status if it fails."""
    conduct(study, "fmnist_lab.study", study)


def conduct(name: str, module: str, *words: str) -> None:
    """Set the project up and run a module with `words` and those of the command line; leave as `conduct_study` does."""
    with timed_steps() as steps:
        set_up(steps)
        steps.require(name, PYTHON, "-m", module, *words, *sys.argv[1:])


def refuse_unsuitable_python() -> None:
    """Leave with status 2 and one line when the project cannot run on this Python."""
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        reason = "the code needs 3.11, and Hydra 1.3 cannot start on 3.14"
        line = f"fmnist_lab runs on Python 3.11 to 3.13 ({reason}), not on {platform.python_version()}"
        print(f"{line}: {advice()}", file=sys.stderr)
        sys.exit(BAD_INPUT)


def advice() -> str:
    """What to do instead: name a suitable Python of this machine if there is one."""
    found = next(filter(starts, ALTERNATIVES), None)
    if found is None:
        return "install Python 3.13 and run this with it"
    return f'run this with {found} (with make: "make PYTHON={found}")'


def starts(python: str) -> bool:
    """Whether such a Python is here and runs: a version manager leaves placeholders that do not."""
    path = shutil.which(python)
    return path is not None and subprocess.run([path, "-c", ""], stderr=subprocess.DEVNULL).returncode == 0


def install(steps: Steps) -> None:
    """Bring .venv up to date with pyproject.toml, from nothing when it is of another Python or folder.

    The stamp is taken away first and written last, so that an interrupted installation is begun anew.
    """
    wanted = [f"{platform.python_version()} in {ROOT}", sha256(ROOT / "pyproject.toml")]
    found = STAMP.read_text(encoding="utf-8").splitlines() if STAMP.exists() else []
    if found == wanted:
        return
    if found[:1] != wanted[:1]:
        steps.require("create .venv", sys.executable, "-m", "venv", "--clear", VENV)
    else:
        STAMP.unlink()
    pip = (PYTHON, "-m", "pip", "--disable-pip-version-check")
    steps.require("install packages", *pip, "install", "--editable", ".[dev]")
    STAMP.write_text("\n".join(wanted), encoding="utf-8")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    with timed_steps() as steps:
        set_up(steps)


if __name__ == "__main__":
    main()
