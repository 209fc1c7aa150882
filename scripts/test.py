"""Tests the project from an empty clone: sets it up, then runs the linters, the type checker and the tests.

`python scripts/test.py`, or `make test`. Every check runs even if an earlier one fails; the exit status is
that of the first failure. Words after `--` go to pytest: `python scripts/test.py -- -k custom`. One test
process a core.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bootstrap import PYTHON, Steps, set_up, timed_steps

LINT_IMPORTS = PYTHON.with_name("lint-imports" + PYTHON.suffix)


def commands(pytest_arguments: list[str]) -> dict[str, list[str | Path]]:
    """The checks by name, the tests last so that their closing line is the last one printed."""
    return {
        "ruff check": [PYTHON, "-m", "ruff", "check"],
        "ruff format": [PYTHON, "-m", "ruff", "format", "--check"],
        "mypy": [PYTHON, "-m", "mypy"],
        "lint-imports": [LINT_IMPORTS],
        # A file stays on one process: its tests share what they trained.
        "pytest": [PYTHON, "-m", "pytest", "-n", "auto", "--dist", "loadfile", *pytest_arguments],
    }


def check(steps: Steps, pytest_arguments: list[str]) -> int:
    """Run every check; the first status that is not zero, else zero."""
    statuses = [steps.run(name, *command) for name, command in commands(pytest_arguments).items()]
    return next(filter(None, statuses), 0)


def main() -> int:
    parser = argparse.ArgumentParser(description="Set the project up and test it.")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    arguments = parser.parse_args()
    with timed_steps() as steps:
        set_up(steps)
        return check(steps, arguments.pytest)


if __name__ == "__main__":
    sys.exit(main())
