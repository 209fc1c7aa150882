"""Test the theory of the saddle point at zero from an empty clone: set the project up and run `saddle`.

`python scripts/saddle.py`, or `make saddle`. Settings go to the command: `python scripts/saddle.py depths=[2]`. The
exit status is that of the command.
"""

from __future__ import annotations

from bootstrap import set_up_and_run

if __name__ == "__main__":
    set_up_and_run("saddle", "saddle")
