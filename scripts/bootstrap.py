"""Set the project up from an empty clone: the environment .venv, the locked packages in it, the data.

`python scripts/bootstrap.py` with any Python from 3.11 on, or `make setup`. The first call takes a few minutes and
some gigabytes (PyTorch); later calls find the stamp of the first in .venv and take a second. With `--dev`, or `make
setup-dev`, the tools that the tests need are installed too. The other scripts begin with the same set-up. Only the
standard library is imported, because nothing else is installed yet.
"""

from __future__ import annotations  # so that a Python too old for the project can still read this, and say so

import argparse
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
DATA_NOTE = VENV / "data.txt"
"""Where `fetch_data.py` notes the folder of the data."""

LOCK, DEV_LOCK = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
"""The packages that run the project, and these with the tools of its tests: each with its version and hashes."""

OLDEST = (3, 11)
ALTERNATIVES = ("python3.13", "python3.12", "python3.11")
BAD_INPUT, INTERRUPTED, TERMINATED = 2, 130, 143


class Step(NamedTuple):
    """A command that ran: its seconds, its exit status, and the size of the folder that it filled."""

    name: str
    seconds: float
    status: int
    size: int | None = None  # bytes


class Steps:
    """Runs commands one after another in the project's folder, and keeps the seconds of each."""

    def __init__(self) -> None:
        self.taken: list[Step] = []

    def run(self, name: str, *command: str | Path) -> int:
        """Run one command and return its exit status as a shell has it. Exits after Ctrl-C or SIGTERM."""
        print(f"\n== {name}", flush=True)
        start = time.perf_counter()
        status = wait([str(word) for word in command])
        self.taken.append(Step(name, time.perf_counter() - start, status))
        if status in (INTERRUPTED, TERMINATED):
            sys.exit(status)
        return status

    def require(self, name: str, *command: str | Path) -> None:
        """Run one command. Exits with its status if it fails."""
        status = self.run(name, *command)
        if status:
            sys.exit(status)

    def measure(self, folder: Path) -> None:
        """Note the size of the folder that the last step filled."""
        self.taken[-1] = self.taken[-1]._replace(size=size(folder))

    def finish(self, name: str, *command: str | Path) -> int:
        """Print the table, then run the last command, so that its output comes last; return its exit status."""
        if self.taken:
            self.print_table()
        status = self.run(name, *command)
        self.taken.clear()
        return status

    def print_table(self) -> None:
        """Print the seconds of each step, and the megabytes (10^6 bytes) of the folder that it filled."""
        width = max(len(step.name) for step in self.taken)
        print(f"\n{'step':<{width}}  seconds  MB on disk")
        for step in self.taken:
            megabytes = "" if step.size is None else f"{step.size / 1e6:.1f}"
            remark = f"  status {step.status}" if step.status else ""
            print(f"{step.name:<{width}} {step.seconds:8.1f} {megabytes:>11}{remark}".rstrip())
        print(f"{'total':<{width}} {sum(step.seconds for step in self.taken):8.1f}", flush=True)


def size(folder: Path) -> int:
    """Return the bytes of all files below `folder`, without the targets of links."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_symlink() or path.is_file())


def wait(command: list[str]) -> int:
    """Run the command to its end and return its exit status: 128 + the signal if one killed it, 130 after Ctrl-C.

    The command gets Ctrl-C from the terminal and SIGTERM from here, and has time to close its files.
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
    """Yield steps whose table is printed at the end, also after an error."""
    steps = Steps()
    try:
        yield steps
    finally:
        if steps.taken:
            steps.print_table()


def set_up(steps: Steps, dev: bool = False) -> None:
    """Make the environment, with the tools of the tests if `dev`, and fetch the data. Exits with a failure's status."""
    refuse_unsuitable_python()
    install(steps, dev)
    steps.require("fetch data", PYTHON, "scripts/fetch_data.py", "--note", DATA_NOTE)
    steps.measure(Path(DATA_NOTE.read_text(encoding="utf-8")))


def set_up_and_run(name: str, *words: str) -> None:
    """Set the project up, then run the lab with `words` and those of the command line; exit with its failure status."""
    with timed_steps() as steps:
        set_up(steps)
        steps.require(name, PYTHON, "-m", "fmnist_lab", *words, *sys.argv[1:])


def refuse_unsuitable_python() -> None:
    """Exit with status 2 and one line when the project cannot run on this Python."""
    if sys.version_info[:2] < OLDEST:
        print(f"fmnist_lab needs Python 3.11 or newer, not {platform.python_version()}: {advice()}", file=sys.stderr)
        sys.exit(BAD_INPUT)


def advice() -> str:
    """Return what to do instead, with the name of a suitable Python of this machine if there is one."""
    found = next((python for python in ALTERNATIVES if starts(python, "-c", "")), None)
    if found is None:
        return "install Python 3.13 and run this with it"
    return f'run this with {found} (with make: "make PYTHON={found}")'


def starts(program: str, *words: str) -> bool:
    """Return whether `program` is installed and runs; a version manager leaves placeholders that do not."""
    path = shutil.which(program)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return path is not None and subprocess.run([path, *words], **quiet).returncode == 0


def install(steps: Steps, dev: bool = False) -> None:
    """Bring .venv up to date with the lock and pyproject.toml; make it new for another Python or folder.

    An environment made with `dev` is enough without it too. The stamp is removed first and written last, so that an
    interrupted installation starts from the beginning.
    """
    wanted = [f"{platform.python_version()} in {ROOT}", sha256(ROOT / "pyproject.toml"), sha256(LOCK)]
    if dev:
        wanted.append(sha256(DEV_LOCK))
    found = STAMP.read_text(encoding="utf-8").splitlines() if STAMP.exists() else []
    if found[: len(wanted)] == wanted:
        return
    if found[:1] != wanted[:1]:
        steps.require("create .venv", sys.executable, "-m", "venv", "--clear", VENV)
    else:
        STAMP.unlink()
    name, lock = ("install packages and tools", DEV_LOCK) if dev else ("install packages", LOCK)
    steps.require(name, *installer(), "--require-hashes", "--requirement", lock)
    steps.require("install project", *installer(), "--no-deps", "--editable", ROOT)
    steps.measure(VENV)
    STAMP.write_text("\n".join(wanted), encoding="utf-8")


def installer() -> list[str | Path]:
    """Return the first words of a command that installs into .venv: of uv if it is on the path, else of pip."""
    if starts("uv", "--version"):
        return ["uv", "pip", "install", "--python", PYTHON]
    return [PYTHON, "-m", "pip", "--disable-pip-version-check", "install"]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description="Set the project up.")
    parser.add_argument("--dev", action="store_true", help="with the tools that the tests need")
    arguments = parser.parse_args()
    with timed_steps() as steps:
        set_up(steps, arguments.dev)


if __name__ == "__main__":
    main()
