"""Rerun every figure and table of the report from an empty clone, and the initialisation experiment; build the page.

`python scripts/paper.py`, or `make paper`. It sets the project up, prints how long it will take, and trains seed by
seed, as many runs at once as there are cores. After the first seed the whole page exists; each further seed narrows
its intervals. `--seeds 10` (`make paper SEEDS=10`) takes ten seeds in place of five; settings such as
outputs=my_folder go to every run. Interrupted, it continues when called again: no finished run is trained twice.
"""

from __future__ import annotations

from bootstrap import set_up_and_run

if __name__ == "__main__":
    set_up_and_run("paper", "reproduce")
