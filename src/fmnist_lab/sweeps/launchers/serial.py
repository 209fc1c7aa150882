"""One run after another in this process."""

from __future__ import annotations

from collections.abc import Sequence

from fmnist_lab.config.schema import Config
from fmnist_lab.sweeps.launchers.base import train_run


def in_turn(configs: Sequence[Config]) -> None:
    """Train configurations that are bound to this machine in this process, one after another."""
    for config in configs:
        train_run(config, 1)
