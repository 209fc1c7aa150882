"""Where the runs of a sweep are trained: processes of this machine, jobs of a SLURM cluster, tasks of a Ray cluster.

An engine starts every run and returns when all have ended, one way or another. It brings nothing back: what became of
a run is in its record, on a disk that all share. So all that the lab promises holds on every engine alike, and an
engine adds only a reason for a run that ended without leaving one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import traceback
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from fmnist_lab.config.constraints import Constraint
from fmnist_lab.config.schema import Config
from fmnist_lab.errors import InputError
from fmnist_lab.runs.provenance import cores
from fmnist_lab.runs.record import Record
from fmnist_lab.runs.run import locate, train
from fmnist_lab.sweeps.job import epoch_cost

if TYPE_CHECKING:
    pass

COUNT = Constraint(
    "a whole number above 0, or -1 for as many as the cores hold", lambda value: value == -1 or value > 0
)


class Launcher(ABC):
    """Fields of the engines are the options of `conf/hydra/launcher/<name>.yaml`."""

    package: ClassVar[str]  # what must be installed
    extra: ClassVar[str]  # of the project, that installs it
    program: ClassVar[str | None] = None  # what must be on the path

    @abstractmethod
    def train(self, configs: Sequence[Config]) -> None:
        """Train settled configurations. Returns when each run has an outcome, or a reason for having none.

        Interrupted, it ends what it started. Raises InputError when the engine refuses the runs.
        """


def train_run(config: Config, at_once: int) -> None:
    """Train one settled run; if it crashes, its record says why, and the others go on."""
    try:
        train(dataclasses.replace(config, force=False), workers=at_once)  # taken back once, by `sweeps.train`
    except InputError as error:  # of the machine it came to: too few cores, say
        write_reason(locate(config), str(error))
    except Exception as error:
        write_reason(locate(config), "".join(traceback.format_exception(error)))


def train_run_in(folder: Path, config: Config, at_once: int) -> None:
    """Call `train_run` in `folder`, the command's: a worker used again, or started by a node, is in another one."""
    with contextlib.chdir(folder):
        train_run(config, at_once)


def write_reason(record: Record, reason: str) -> None:
    """Leave a reason in the record of a run that ended without one, if the disk takes it."""
    if not record.has_outcome():
        with contextlib.suppress(OSError):
            record.write_error(reason)


def costly_first(configs: Sequence[Config]) -> list[Config]:
    """In an order in which workers that take run after run end nearly together: no long run is left to last."""
    return sorted(configs, key=lambda config: -epoch_cost(config) * config.epochs)


def threads_per_run(configs: Sequence[Config]) -> int:
    """How many cores the hungriest run takes."""
    return max(config.threads for config in configs)


def runs_at_once(configs: Sequence[Config], asked: int = -1) -> int:
    """How many runs may go on at once on this machine without their threads getting into each other's way."""
    most = capacity(configs)
    return min(asked if asked > 0 else most, most, len(configs))


def capacity(configs: Sequence[Config]) -> int:
    """How many such runs the cores of this machine hold."""
    return max(1, cores() // threads_per_run(configs))
