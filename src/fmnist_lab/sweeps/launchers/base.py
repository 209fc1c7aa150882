"""Where the runs of a sweep are trained: processes of this machine, jobs of a SLURM cluster, tasks of a Ray cluster.

A launcher starts every run and returns when all have ended, whether finished or failed. It returns no result: the
outcome of a run is in its record, on a disk that all share. So the promises of the project hold for every launcher,
and a launcher only adds the reason to the record of a run that ended without one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import traceback
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from fmnist_lab.config.constraints import Constraint
from fmnist_lab.config.schema import Config
from fmnist_lab.errors import InputError
from fmnist_lab.runs.provenance import cores
from fmnist_lab.runs.record import Record
from fmnist_lab.runs.run import locate, train
from fmnist_lab.sweeps.job import epoch_cost

COUNT = Constraint(
    "a whole number above 0, or -1 for as many as the cores hold", lambda value: value == -1 or value > 0
)


class Launcher(ABC):
    """A way to train runs. Its fields are the options of `conf/hydra/launcher/<name>.yaml`."""

    package: ClassVar[str]  # that must be installed
    extra: ClassVar[str]  # of this project, that installs the package
    program: ClassVar[str | None] = None  # that must be on the path

    @abstractmethod
    def train(self, configs: Sequence[Config]) -> None:
        """Train configurations that are bound to a machine; return when each run has an outcome or a failure note.

        When interrupted, end everything that was started. Raises InputError if the launcher refuses the runs.
        """


def train_run(config: Config, at_once: int) -> None:
    """Train one run that is bound to a machine; if it crashes, write the reason into its record and raise nothing."""
    try:
        train(dataclasses.replace(config, force=False), workers=at_once)  # `execute.train` has discarded the records
    except InputError as error:  # for example, this machine has too few cores
        write_reason(locate(config), str(error))
    except Exception as error:
        write_reason(locate(config), "".join(traceback.format_exception(error)))


def train_run_in(folder: Path, config: Config, at_once: int) -> None:
    """Call `train_run` in `folder`, the command's: a worker used again, or started by a node, is in another one."""
    with contextlib.chdir(folder):
        train_run(config, at_once)


def write_reason(record: Record, reason: str) -> None:
    """Write a failure note into the record of a run that ended without an outcome, unless the disk is full."""
    if not record.has_outcome():
        with contextlib.suppress(OSError):
            record.write_error(reason)


def costly_first(configs: Sequence[Config]) -> list[Config]:
    """Return `configs` with the most costly first, so that workers that take run after run end nearly together."""
    return sorted(configs, key=lambda config: -epoch_cost(config) * config.epochs)


def threads_per_run(configs: Sequence[Config]) -> int:
    """Return how many cores a run takes: the most threads of any."""
    return max(config.threads for config in configs)


def runs_at_once(configs: Sequence[Config], limit: int = -1) -> int:
    """Return how many of the runs to train at once on this machine: at most `limit`, unless that is -1."""
    most = capacity(configs)
    return min(limit if limit > 0 else most, most, len(configs))


def capacity(configs: Sequence[Config]) -> int:
    """Return how many such runs the cores of this machine hold, with a core for each thread."""
    return max(1, cores() // threads_per_run(configs))
