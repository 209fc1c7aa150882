"""Reruns every figure and table of the report from an empty clone.

`python scripts/paper.py`, or `make paper`. It sets the project up and runs the sweeps one after another, as
many runs at once as there are cores. Interrupted, it continues when called again: no finished run is trained
twice.
"""

from __future__ import annotations

from bootstrap import PYTHON, Steps, set_up, timed_steps

EXPERIMENTS = ("figures", "table1", "table2", "table3")


def rerun(steps: Steps, experiment: str) -> None:
    """Run one preset as a sweep; leave with its status if it fails."""
    preset = f"experiment={experiment}"
    steps.require(experiment, PYTHON, "-m", "fmnist_lab", "-m", preset, "hydra/launcher=joblib")


def main() -> None:
    with timed_steps() as steps:
        set_up(steps)
        for experiment in EXPERIMENTS:
            rerun(steps, experiment)
    print("\nThe outcomes lie in:")
    for experiment in EXPERIMENTS:
        print(f"  outputs/sweeps/{experiment}")


if __name__ == "__main__":
    main()
