"""A run of a sweep, and roughly how much work it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from fmnist_lab import data
from fmnist_lab.config.schema import Config
from fmnist_lab.runs.record import Record


@dataclass(frozen=True)
class Job:
    """A run of a sweep: `place` is where it stands there, `label` what tells it from the others."""

    place: int
    config: Config
    record: Record
    label: str
    command: str  # does this run alone

    @cached_property  # asked for at every look, beside the training
    def epoch_cost(self) -> float:
        return epoch_cost(self.config)

    @property
    def cost(self) -> float:
        return self.epoch_cost * self.config.epochs


def epoch_cost(config: Config) -> float:
    """Work of an epoch, roughly: multiplications, and what an image costs whatever the width."""
    source = data.source_of(config.data.section())
    images = data.training_images(source, config.data.validation)
    sizes = source.layer_sizes(config.architecture.hidden)
    return images * (sum(a * b for a, b in pairwise(sizes)) + 30_000)
