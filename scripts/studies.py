"""Runs the studies beside the report: precision, epochs, batch_size, zero_initialization; builds the page.

`python scripts/studies.py`, or `make studies`; as scripts/paper.py otherwise.
"""

from __future__ import annotations

from bootstrap import set_up_and_run

if __name__ == "__main__":
    set_up_and_run("studies", "reproduce", "studies")
