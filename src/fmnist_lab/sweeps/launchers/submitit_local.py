"""Jobs of submitit on this machine: a process a run, with a time limit."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fmnist_lab.config.constraints import whole
from fmnist_lab.config.schema import Config, key
from fmnist_lab.runs.run import locate
from fmnist_lab.sweeps.launchers.base import COUNT, Launcher, costly_first, runs_at_once, write_reason
from fmnist_lab.sweeps.launchers.submitit_jobs import SubmittedRun, job_folder

if TYPE_CHECKING:
    import submitit


@dataclass
class SubmititLocal(Launcher):
    """The jobs of `Slurm` on this machine: a process for each run, with a time limit."""

    package, extra = "submitit", "slurm"

    n_jobs: int = key(COUNT)
    timeout_min: int = key(whole(1))

    def train(self, configs: Sequence[Config]) -> None:
        from submitit import LocalExecutor

        at_once = runs_at_once(configs, self.n_jobs)
        with job_folder(configs) as folder:
            executor = LocalExecutor(folder, max_num_timeout=0)
            # submitit hides every GPU that is not requested, and gives all runs the same one, the first.
            gpus = int(any(config.device == "cuda" for config in configs))
            executor.update_parameters(timeout_min=self.timeout_min, gpus_per_node=gpus)
            running: dict[submitit.Job[None], Config] = {}
            try:
                for config in costly_first(configs):
                    self._wait(running, at_once - 1)
                    with _child_errors_to(folder / "controllers.txt"):
                        job = executor.submit(SubmittedRun(), config, at_once)
                    running[job] = config
                self._wait(running, 0)
            finally:
                for job in running:
                    job.cancel()
                for job in running:
                    job.wait()

    def _wait(self, running: dict[submitit.Job[None], Config], most: int) -> None:
        """Wait until at most `most` jobs are running; remove from `running` those that have ended."""
        while len(running) > most:
            for job in [job for job in running if job.done()]:
                write_reason(
                    locate(running.pop(job)), f"job {job.job_id} ended without a reason; its log: {job.paths.stderr}"
                )
            time.sleep(0.05)


@contextlib.contextmanager
def _child_errors_to(log: Path) -> Iterator[None]:
    """Send to `log` the standard error of processes started by the body.

    The controller of a submitit job shares ours, and prints a traceback there when it is ended.
    """
    ours = os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(ours, 2)
        os.close(ours)
