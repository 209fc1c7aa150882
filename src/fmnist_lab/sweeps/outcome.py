"""The end of a sweep: tables and figures of the runs on disk, and the list of those that failed."""

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


# In a folder of a sweep or of the audit, written last: the runs that its tables and figures show.
RUN_LIST = ".reported"


def finish_sweep(jobs: Sequence[Job], folder: Path, console: Console) -> int:
    """Write and show the outcome of a sweep; return the exit status: 1 if a run failed or a file was not written.

    With train=false, of the runs that are on disk. The folder is the last line that is printed.
    """
    from fmnist_lab.results.terminal import summary

    shown = list(jobs) if jobs[0].config.train else [job for job in jobs if job.record.has_outcome()]
    try:
        frames = write_outcome(shown, folder)
    except OSError as error:
        console.print(f"the outcome cannot be written to {folder}: {error.strerror}; repeat the command to try again")
        return 1
    console.show(summary(frames.results, frames.curves, frames.settings))
    if any(job.config.data.validation == 0 for job in shown):
        console.print("no validation images with data.validation=0: validation columns show the test images")
    if len(shown) < len(jobs):
        console.print(f"shown: {len(shown)} of {len(jobs)} runs; without train=false the others are trained")
    status = list_failed(shown, console)
    console.print(str(folder))
    return status


def write_outcome(jobs: Sequence[Job], folder: Path) -> Frames:
    """Write tables and figures of the runs on disk into the sweep's folder; return what they were made from."""
    from fmnist_lab.results.frames import gather
    from fmnist_lab.results.write import write_results

    with writing_outcome(jobs, folder):
        frames = gather([(job.record, described(job.config)) for job in jobs])
        write_results(frames.results, frames.curves, frames.settings, folder)
    return frames


@contextlib.contextmanager
def writing_outcome(jobs: Sequence[Job], folder: Path) -> Iterator[None]:
    """List these runs, as they are now, in the folder after the body has written it; until then there is no list."""
    from fmnist_lab.results.manifest import writing

    (folder / RUN_LIST).unlink(missing_ok=True)
    lines = _run_lines(jobs)
    yield
    with writing(folder):
        write_text(folder / RUN_LIST, lines)


def is_outcome_current(jobs: Sequence[Job], folder: Path) -> bool:
    """Return whether the folder was written to its end, and from these runs as they are on disk now."""
    try:
        return (folder / RUN_LIST).read_text("utf-8") == _run_lines(jobs)
    except OSError:
        return False


def runs_of_outcome(folder: Path) -> list[Record]:
    """Return the runs that the folder shows, in order. Raises InputError if it was not written to its end."""
    try:
        runs = re.findall(r"^(r[0-9a-f]{12}) ", (folder / RUN_LIST).read_text("utf-8"), re.MULTILINE)
    except (OSError, ValueError):
        missing = "the sweep is not finished; repeat its command to continue" if folder.is_dir() else "no such folder"
        raise InputError(f"{folder}: {missing}") from None
    return [Record(Path(os.path.normpath(folder / ".." / ".." / "runs")) / run) for run in runs]


def _run_lines(jobs: Sequence[Job]) -> str:
    """Return a line for each run: its name, and when it was completed."""
    return "".join(f"{job.record.run} {job.record.completed()}\n" for job in jobs)


def list_failed(jobs: Sequence[Job], console: Console) -> int:
    """Print each run that failed, its reason and the command that does it alone; return the exit status, 0 or 1."""
    failed = [job for job in jobs if job.record.summary() is None]
    for job in failed:
        console.print(f"failed: {job.label}: {job.record.reason()} ({job.record.folder / 'error.txt'})")
        console.print(f"        alone: {job.command}")
    return 1 if failed else 0
