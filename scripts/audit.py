"""Searches for the settings that would explain the report's tables, and proves the search on planted tables.

`python scripts/audit.py`, or `make audit`; as scripts/paper.py otherwise. First one seed of a grid of settings, then
all seeds of the few that fit best.
"""

from __future__ import annotations

from bootstrap import set_up_and_run

if __name__ == "__main__":
    set_up_and_run("audit", "audit")
