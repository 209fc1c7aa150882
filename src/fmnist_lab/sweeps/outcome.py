"""The end of a sweep: tables and figures of what is on disk, and the list of what failed."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fmnist_lab.config.identity import described
from fmnist_lab.errors import InputError
from fmnist_lab.runs.files import write_text
from fmnist_lab.runs.record import Record
from fmnist_lab.sweeps.console import Console
from fmnist_lab.sweeps.job import Job

if TYPE_CHECKING:
    from fmnist_lab.results.frames import Frames


RUN_LIST = ".reported"  # in a folder of a sweep or of the audit, written last: the runs that its report is of


def finish_sweep(jobs: Sequence[Job], folder: Path, console: Console) -> int:
    """Write tables and figures of what is on disk, list what failed, and name the folder last; the exit status."""
    from fmnist_lab.results.terminal import summary

    told = list(jobs) if jobs[0].config.train else [job for job in jobs if job.record.has_outcome()]
    try:
        frames = write_outcome(told, folder)
    except OSError as error:
        console.print(f"the outcome cannot be written to {folder}: {error.strerror}; the same command tries again")
        return 1
    console.show(summary(frames.results, frames.curves, frames.settings))
    if any(job.config.data.validation == 0 for job in told):
        console.print("no validation images with data.validation=0: its validation figures are of the test images")
    if len(told) < len(jobs):
        console.print(f"reported: {len(told)} of {len(jobs)} runs; without train=false the others are trained")
    status = list_failed(told, console)
    console.print(str(folder))
    return status


def write_outcome(jobs: Sequence[Job], folder: Path) -> Frames:
    """Write what is on disk of the runs into the sweep's folder, and give it."""
    from fmnist_lab.results.frames import gather
    from fmnist_lab.results.write import write_results

    with writing_outcome(jobs, folder):
        frames = gather([(job.record, described(job.config)) for job in jobs])
        write_results(frames.results, frames.curves, frames.settings, folder)
    return frames


@contextlib.contextmanager
def writing_outcome(jobs: Sequence[Job], folder: Path) -> Iterator[None]:
    """Mark the folder as the report of these runs as they were when its writing began; while it goes on, of none."""
    from fmnist_lab.results.manifest import writing

    (folder / RUN_LIST).unlink(missing_ok=True)
    lines = _run_lines(jobs)
    yield
    with writing(folder):
        write_text(folder / RUN_LIST, lines)


def is_outcome_current(jobs: Sequence[Job], folder: Path) -> bool:
    """Whether the folder's report is whole, and of these runs as they are on disk."""
    try:
        return (folder / RUN_LIST).read_text("utf-8") == _run_lines(jobs)
    except OSError:
        return False


def runs_of_outcome(folder: Path) -> list[Record]:
    """The runs that the folder's report is of, in their order; InputError when there is no whole report."""
    try:
        runs = re.findall(r"^(r[0-9a-f]{12}) ", (folder / RUN_LIST).read_text("utf-8"), re.MULTILINE)
    except (OSError, ValueError):
        raise InputError(f"{folder}: holds no finished sweep; the command that makes it continues it") from None
    return [Record(Path(os.path.normpath(folder / ".." / ".." / "runs")) / run) for run in runs]


def _run_lines(jobs: Sequence[Job]) -> str:
    """A line a run: which, and when it was completed."""
    return "".join(f"{job.record.run} {job.record.completed()}\n" for job in jobs)


def list_failed(jobs: Sequence[Job], console: Console) -> int:
    """Name the runs that failed, each with its reason and the command that does it alone; return the exit status."""
    failed = [job for job in jobs if job.record.summary() is None]
    for job in failed:
        console.print(f"failed: {job.label}: {job.record.reason()} ({job.record.folder / 'error.txt'})")
        console.print(f"        alone: {job.command}")
    return 1 if failed else 0
