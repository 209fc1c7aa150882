"""A job array on a SLURM cluster, through submitit."""

from __future__ import annotations

import contextlib
import getpass
import io
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist_lab.config.constraints import TEXT, Constraint, whole
from fmnist_lab.config.schema import Config, key
from fmnist_lab.errors import InputError
from fmnist_lab.runs.record import Record
from fmnist_lab.runs.run import locate
from fmnist_lab.sweeps.launchers.base import Launcher, threads_per_run, write_reason
from fmnist_lab.sweeps.launchers.submitit_jobs import SubmittedRun, job_folder

if TYPE_CHECKING:
    import submitit

LARGEST_ARRAY = 1000  # jobs; SLURM's own default limit is MaxArraySize=1001
PATIENCE = 60  # seconds in which a record that another machine wrote must appear here


@dataclass
class Slurm(Launcher):
    """A job array on a SLURM cluster: a job for each run, on as many cores as the run has threads.

    The state of the jobs is asked of squeue, which works with and without accounting.
    """

    package, extra, program = "submitit", "slurm", "sbatch"

    timeout_min: int = key(whole(1))
    mem_gb: float = key(Constraint("a number above 0", lambda value: value > 0))
    partition: str | None = key(TEXT)
    account: str | None = key(TEXT)
    qos: str | None = key(TEXT)
    array_parallelism: int = key(whole(1))
    signal_delay_s: int = key(whole(1))
    max_num_timeout: int = key(whole(0))
    setup: list[str] = key(Constraint("a list of shell commands", lambda value: True))
    additional_parameters: dict[str, Any] = key(Constraint("options of sbatch, as {name: value}", lambda value: True))

    def train(self, configs: Sequence[Config]) -> None:
        at_once = min(self.array_parallelism, len(configs))
        with job_folder(configs) as folder:
            executor = self._executor(folder, threads_per_run(configs))
            jobs: dict[str, submitit.Job[None]] = {}
            try:
                for first in range(0, len(configs), LARGEST_ARRAY):
                    array = configs[first : first + LARGEST_ARRAY]
                    jobs |= {job.job_id: job for job in _submit(executor, array, at_once)}
                _wait({number.split("_")[0] for number in jobs})
            except BaseException:
                _cancel(_name(folder))
                raise
            states, deadline = _states(), time.monotonic() + PATIENCE
            for (number, job), config in zip(jobs.items(), configs, strict=True):
                state = states.get(number, "ended")
                _write_reason(locate(config), f"SLURM's job {number}", state, job.paths.stderr, deadline)

    def _executor(self, folder: Path, cpus: int) -> submitit.SlurmExecutor:
        from submitit import SlurmExecutor

        executor = SlurmExecutor(folder, max_num_timeout=self.max_num_timeout)
        given = {"partition": self.partition, "account": self.account, "qos": self.qos}
        executor.update_parameters(
            job_name=_name(folder),
            time=self.timeout_min,
            mem=f"{round(self.mem_gb * 1024)}MB",
            cpus_per_task=cpus,
            srun_args=[f"--cpus-per-task={cpus}"],  # since SLURM 22.05 a step does not inherit it from its job
            array_parallelism=self.array_parallelism,
            signal_delay_s=self.signal_delay_s,
            setup=list(self.setup),
            additional_parameters=dict(self.additional_parameters),
            **{name: value for name, value in given.items() if value is not None},
        )
        return executor


def _submit(executor: submitit.SlurmExecutor, configs: Sequence[Config], at_once: int) -> Sequence[submitit.Job[None]]:
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        with contextlib.redirect_stderr(io.StringIO()):  # where submitit repeats the messages of sbatch
            return executor.map_array(SubmittedRun(), configs, [at_once] * len(configs))
    except (FailedJobError, FailedSubmissionError) as error:
        lines = [line for line in str(error).splitlines() if line.startswith("sbatch:")] or str(error).splitlines()
        raise InputError(f"hydra/launcher=slurm: {lines[0]}") from None


def _name(folder: Path) -> str:
    """Return the name of the jobs of one command, which no other job has."""
    return f"fmnist-lab-{folder.name}"


def _cancel(name: str) -> None:
    """Remove the jobs of this name from the queue. By name, as a job that is being submitted has no known number."""
    subprocess.run(["scancel", "--quiet", f"--user={getpass.getuser()}", f"--name={name}"], check=False)


def _squeue(*arguments: str) -> list[list[str]] | None:
    """Return the words of each line of squeue about this user's jobs; None while SLURM does not reply."""
    command = ["squeue", "--me", "--noheader", *arguments]
    completed = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if completed.returncode else [line.split() for line in completed.stdout.splitlines()]


def _wait(arrays: Collection[str]) -> None:
    """Wait until SLURM lists no job of these arrays as queued or running."""
    start = time.monotonic()
    while (listed := _squeue("--format=%F")) is None or any(words[0] in arrays for words in listed):
        # The controller serves all users of the cluster: the longer the sweep, the longer the pauses.
        time.sleep(min(30, max(1, (time.monotonic() - start) / 10)))


def _states() -> Mapping[str, str]:
    """Return the states of jobs that ended lately, such as TIMEOUT, by their numbers."""
    return {words[0]: words[1] for words in _squeue("--array", "--states=all", "--format=%i %T") or []}


def _write_reason(record: Record, job: str, state: str, log: Path, deadline: float) -> None:
    """Write how a job ended into a record without an outcome; if it ended well, wait until `deadline` for one."""
    if state == "COMPLETED":
        while not record.has_outcome() and time.monotonic() < deadline:
            time.sleep(1)
    write_reason(record, f"{job}: {state}; its log: {log}")
