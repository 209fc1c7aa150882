"""Tests every launcher against the real thing: a SLURM of one node on this machine, and a local Ray.

`python scripts/engines.py`, or `make test-engines`. Sets the project up with all launchers, installs SLURM where root
and apt-get are at hand, starts it with its files in a temporary folder, runs the tests of tests/engines
with every launcher, and takes it down. Where SLURM cannot be had, its part is skipped and says so. Writes the table of
docs/cluster.md. Words after it go to pytest, and then no table is written: `python scripts/engines.py -k ray`.
"""

from __future__ import annotations

import sys

from bootstrap import PYTHON, installer, set_up, timed_steps


def main() -> None:
    with timed_steps() as steps:
        set_up(steps, dev=True)
        steps.require("install launchers", *installer(), "--quiet", "--editable", ".[slurm,ray]")
        steps.require("contract", PYTHON, "scripts/engines/contract.py", *sys.argv[1:])


if __name__ == "__main__":
    main()
