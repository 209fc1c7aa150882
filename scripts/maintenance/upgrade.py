"""Renew the lock with the newest releases that pyproject.toml allows, install them and run every test.

`python scripts/maintenance/upgrade.py`, or `make upgrade`. Arguments hold packages at a version in this call:
`torch==2.14.1 torchvision==0.29.1`, or `make HOLD="torch==2.14.1 torchvision==0.29.1" upgrade`. Writes
requirements.lock, which `make paper` installs, and requirements-dev.lock, which adds the tools that `make test` needs:
one version of each package for all systems and Pythons, with the hashes of all its files. `git checkout
requirements.lock requirements-dev.lock` takes the change back.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where bootstrap.py lies

from bootstrap import DEV_LOCK, LOCK, OLDEST, PYTHON, set_up, timed_steps

TOOLS = ("dev", "benchmark")  # extras: JAX and scikit-learn are what some tests compare with


def compile_command(lock: Path, *words: str) -> list[str | Path]:
    """Return the command that writes `lock`, in which no address of an index stands."""
    options = ["--universal", "--generate-hashes", "--upgrade", "--fork-strategy", "fewest", "--quiet"]
    header = ["--annotation-style", "line", "--custom-compile-command", "make upgrade"]
    oldest = ["--python-version", ".".join(map(str, OLDEST))]
    uv = [PYTHON, "-m", "uv", "pip", "compile", "pyproject.toml"]
    return [*uv, *options, *oldest, *header, *words, "--output-file", lock.name]


def commands(held: list[str]) -> dict[str, list[str | Path]]:
    """Return by name the commands that write the locks; the tools have to suit the packages, never the reverse.

    Args:
        held: requirements such as `torch==2.14.1`.
    """
    holds = [word for requirement in held for word in ("--upgrade-package", requirement)]
    tools = [word for extra in TOOLS for word in ("--extra", extra)]
    return {
        "lock packages": compile_command(LOCK, *holds),
        "lock tools": compile_command(DEV_LOCK, *tools, "--constraint", LOCK.name),
    }


def main() -> int:
    with timed_steps() as steps:
        set_up(steps, dev=True)
        for name, command in commands(sys.argv[1:]).items():
            steps.require(name, *command)
        return steps.finish("test", sys.executable, "scripts/test.py", "--all")  # installs the new lock first


if __name__ == "__main__":
    sys.exit(main())
