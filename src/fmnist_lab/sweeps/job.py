"""A run of a sweep, and an estimate of its work."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from fmnist_lab import data
from fmnist_lab.config.schema import Config
from fmnist_lab.runs.record import Record


@dataclass(frozen=True)
class Job:
    """A run of a sweep. `place` is its position there, `label` the settings that distinguish it from the other runs."""

    place: int
    config: Config
    record: Record
    label: str
    command: str  # that does this run alone

    @cached_property  # the progress display needs it several times a second
    def epoch_cost(self) -> float:
        return epoch_cost(self.config)

    @property
    def cost(self) -> float:
        return self.epoch_cost * self.config.epochs


def epoch_cost(config: Config) -> float:
    """Return an estimate of the work of an epoch: multiplications, and a constant for each image."""
    source = data.source_of(config.data.section())
    images = data.training_images(source, config.data.validation)
    sizes = source.layer_sizes(config.architecture.hidden)
    return images * (sum(a * b for a, b in pairwise(sizes)) + 30_000)
