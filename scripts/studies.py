"""Run the experiments beside the report (precision, epochs, batch_size, zero_initialization) and build the page.

`python scripts/studies.py`, or `make studies`; with the options of scripts/paper.py.
"""

from __future__ import annotations

from bootstrap import set_up_and_run

if __name__ == "__main__":
    set_up_and_run("studies", "reproduce", "studies")
