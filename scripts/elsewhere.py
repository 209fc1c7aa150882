"""Checks the numbers that others printed elsewhere (PyTorch's Quickstart, the Fashion-MNIST paper); builds the page.

`python scripts/elsewhere.py`, or `make elsewhere`; as scripts/paper.py otherwise.
"""

from __future__ import annotations

from bootstrap import set_up_and_run

if __name__ == "__main__":
    set_up_and_run("elsewhere", "compare")
