"""Runs the studies beside the report: precision, epochs, batch_size, zero_initialization; builds the page.

`python scripts/studies.py`, or `make studies`; as scripts/paper.py otherwise.
"""

from __future__ import annotations

from bootstrap import conduct_study

if __name__ == "__main__":
    conduct_study("studies")
