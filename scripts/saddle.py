"""Checks the saddle at zero from an empty clone: sets the project up and runs `python -m fmnist_lab saddle`.

`python scripts/saddle.py`, or `make saddle`. Settings after it go to the command, as in
`python scripts/saddle.py depths=[2]`. The exit status is that of the checks.
"""

from __future__ import annotations

from bootstrap import set_up_and_run

if __name__ == "__main__":
    set_up_and_run("saddle", "saddle")
