"""Test every launcher on the real thing: a SLURM of one node on this machine, and a local Ray.

`python scripts/maintenance/launchers/run.py`, or `make test-launchers`. Sets the project up with all launchers,
installs SLURM where that is possible (root and apt-get), starts it with its files in a temporary folder, runs the
tests of tests/sweeps/launchers with every launcher, and stops it. Without SLURM its tests are skipped, with a message.
Writes the tables of docs/cluster.md. Arguments go to pytest, and then no table is written: add `-k ray`, for example.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # where bootstrap.py lies

from bootstrap import PYTHON, installer, set_up, timed_steps


def main() -> None:
    with timed_steps() as steps:
        set_up(steps, dev=True)
        steps.require("install launchers", *installer(), "--quiet", "--editable", ".[slurm,ray]")
        steps.require("contract", PYTHON, Path(__file__).with_name("contract.py"), *sys.argv[1:])


if __name__ == "__main__":
    main()
