"""The code that both launchers of submitit share: a run as a job, and the folder of its logs."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fmnist_lab.config.schema import Config
from fmnist_lab.runs.run import locate
from fmnist_lab.sweeps.launchers.base import train_run

if TYPE_CHECKING:
    import submitit


class SubmittedRun:
    """`train_run` as submitit calls it. A run that is preempted is queued again, and begins from its first epoch."""

    def __call__(self, config: Config, at_once: int) -> None:
        train_run(config, at_once)

    def checkpoint(self, config: Config, at_once: int) -> submitit.helpers.DelayedSubmission:
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, config, at_once)


@contextlib.contextmanager
def job_folder(configs: Sequence[Config]) -> Iterator[Path]:
    """Give a folder for the scripts, pickles and logs of submitit; remove it if every run has finished.

    Only this user can read and write it, as jobs unpickle files from there.
    """
    parent = Path(configs[0].outputs).absolute() / "submitit"
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=time.strftime("%Y-%m-%d-"), dir=parent))
    try:
        yield folder
    finally:
        if all(locate(config).summary() for config in configs) or not any(folder.iterdir()):
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):
                parent.rmdir()  # when it is empty
