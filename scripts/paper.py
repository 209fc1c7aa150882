"""Reruns every figure and table of the report from an empty clone, and the initialisation study; builds the page.

`python scripts/paper.py`, or `make paper`. It sets the project up, says how long it will take, and trains seed by
seed, as many runs at once as there are cores: after the first seed the whole page stands, each further one narrows
it. `--seeds 10` (`make paper SEEDS=10`) takes ten in place of five; overrides such as outputs=elsewhere go to every
run. Interrupted, it continues when called again: no finished run is trained twice.
"""

from __future__ import annotations

from bootstrap import set_up_and_run

if __name__ == "__main__":
    set_up_and_run("paper", "reproduce")
