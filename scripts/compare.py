"""Compare numbers that others published (PyTorch's Quickstart, the Fashion-MNIST paper) with runs, and build the page.

`python scripts/compare.py`, or `make compare`; with the options of scripts/paper.py.
"""

from __future__ import annotations

from bootstrap import set_up_and_run

if __name__ == "__main__":
    set_up_and_run("compare", "compare")
