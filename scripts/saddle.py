"""Checks the saddle at zero from an empty clone: sets the project up and opens the saddle's door.

`python scripts/saddle.py`, or `make saddle`. Words after it go to the door: `python scripts/saddle.py depths=[2]`. The
exit status is that of the checks.
"""

from __future__ import annotations

import sys

from bootstrap import PYTHON, set_up, timed_steps


def main() -> None:
    with timed_steps() as steps:
        set_up(steps)
        steps.require("saddle", PYTHON, "-m", "fmnist_lab.saddle", *sys.argv[1:])


if __name__ == "__main__":
    main()
