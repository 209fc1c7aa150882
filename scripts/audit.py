"""Search for the settings that would explain the report's tables, and test the search on tables made from our own runs.

`python scripts/audit.py`, or `make audit`; with the options of scripts/paper.py. It trains one seed of a grid of
settings, then all seeds of the few that fit best.
"""

from __future__ import annotations

from bootstrap import set_up_and_run

if __name__ == "__main__":
    set_up_and_run("audit", "audit")
