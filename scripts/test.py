"""Test the project from an empty clone: set it up, then run the linters, the type checker and the tests.

`python scripts/test.py`, or `make test`: every test except the slow proofs. `--all`, or `make test-all`: these too.
`--rest`: the slow proofs alone, without linters. Every step runs even if an earlier one fails; the exit status is that
of the first failure. Arguments after `--` go to pytest: `python scripts/test.py -- -k custom`. One test process a
core.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bootstrap import PYTHON, Steps, set_up, timed_steps

LINTERS = {
    "ruff check": [PYTHON, "-m", "ruff", "check"],
    "ruff format": [PYTHON, "-m", "ruff", "format", "--check"],
    "mypy": [PYTHON, "-m", "mypy"],
    "lint-imports": [PYTHON.with_name("lint-imports" + PYTHON.suffix)],
}
PROMISES, REST, ALL = "not slow and not launchers", "slow and not launchers", "not launchers"


def pytest_command(marks: str, arguments: list[str]) -> list[str | Path]:
    """Return the command that runs the tests with these marks; a file stays on one process, which shares its runs."""
    return [PYTHON, "-m", "pytest", "-m", marks, "-n", "auto", "--dist", "loadfile", *arguments]


def lint_and_test(steps: Steps, marks: str, arguments: list[str]) -> int:
    """Run the linters, except before REST, and the tests; return the first status that is not 0, else 0."""
    linters = {} if marks == REST else LINTERS
    statuses = {name: steps.run(name, *command) for name, command in linters.items()}
    tests = steps.finish("pytest", *pytest_command(marks, arguments))
    failed = [name for name, status in statuses.items() if status]
    if failed:
        print(f"failed before the tests: {', '.join(failed)}", file=sys.stderr)
    return next(filter(None, [*statuses.values(), tests]), 0)


def main() -> int:
    parser = argparse.ArgumentParser(description="Set the project up and test it.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_const", dest="marks", const=ALL, help="the slow proofs too")
    which.add_argument("--rest", action="store_const", dest="marks", const=REST, help="the slow proofs alone")
    parser.add_argument("pytest", nargs="*", help="arguments for pytest, after --")
    parser.set_defaults(marks=PROMISES)
    arguments = parser.parse_args()
    with timed_steps() as steps:
        set_up(steps, dev=True)
        return lint_and_test(steps, arguments.marks, arguments.pytest)


if __name__ == "__main__":
    sys.exit(main())
