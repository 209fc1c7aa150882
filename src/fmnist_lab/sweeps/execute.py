"""A sweep from end to end: check, train what is missing, write the outcome. A single run is a sweep of one run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fmnist_lab.config.checks import wrong
from fmnist_lab.config.schema import Config
from fmnist_lab.errors import InputError
from fmnist_lab.runs.files import make_folder
from fmnist_lab.sweeps.console import Console
from fmnist_lab.sweeps.job import Job
from fmnist_lab.sweeps.outcome import finish_sweep
from fmnist_lab.sweeps.plan import announcement, find_data, folder_of, plan_runs, preview, reason_to_train
from fmnist_lab.sweeps.progress import following

# Trains the given jobs of a sweep; returns when all have ended, whether finished or failed.
Launch = Callable[[Sequence[Job]], object]


def run_sweep(
    configs: Sequence[Config],
    commands: Sequence[str],
    default_name: str,
    launch: Launch,
    make_console: Callable[[Path], Console] = Console,
) -> int:
    """Run a sweep and write its outcome; return the exit status: 0, or 1 if a run failed or a file was not written.

    Args:
        configs: one for each run, with `commands`, what a user types to do that run alone.
        default_name: of the sweep's folder, if the configuration has no `name`.
        launch: trains runs. It must ignore `force`: records that are to be replaced are discarded here, once.
        make_console: is called with the path of the sweep's log.

    Raises InputError, before anything is written or trained, if a configuration is wrong or the data is not found.
    """
    jobs = plan_runs(configs, commands)
    config = jobs[0].config
    folder = folder_of(config, default_name)
    reasons = {job.place: reason for job in jobs if (reason := reason_to_train(job))}
    if config.dry_run:
        preview(jobs, reasons, folder)
        return 0
    todo = [job for job in jobs if job.place in reasons]
    if config.train:
        find_data(todo)
    if not config.train and not any(job.record.has_outcome() for job in jobs):
        raise wrong("train", False, "true, as none of these runs is on disk")
    open_folder(folder, config.outputs)
    console = make_console(folder / "log.txt")
    with interruption_explained(jobs, console):
        set_aside_damaged(todo, console)
        if config.train:
            console.print(announcement(jobs, todo))
            train(todo, launch, console)
        return finish_sweep(jobs, folder, console)


def open_folder(folder: Path, outputs: str) -> None:
    """Make the sweep's folder and the folder of the runs. Raises InputError if they cannot be written."""
    for place in (Path(outputs) / "runs", folder):
        make_folder(place, outputs)


@contextlib.contextmanager
def interruption_explained(jobs: Sequence[Job], console: Console) -> Iterator[None]:
    """Print how many runs are finished when the body is interrupted, and how to continue."""
    try:
        yield
    except KeyboardInterrupt:
        done = sum(job.record.summary() is not None for job in jobs)
        command = "the same command without force=true" if jobs[0].config.force else "the same command"
        console.print(f"interrupted: {done} of {len(jobs)} runs finished; {command} continues")
        raise


def set_aside_damaged(jobs: Sequence[Job], console: Console) -> None:
    """Rename damaged records, so that their runs are done again."""
    for job in jobs:
        if job.record.damage():
            with job.record.lock():
                damaged = job.record.set_aside()  # verifies it again: another process may have repaired it
            if damaged:
                console.print(f"damaged: {job.label}: {damaged[1]}; the record is set aside as {damaged[0]}")


def train(todo: Sequence[Job], launch: Launch, console: Console) -> None:
    """Train `todo` and show the progress until all have ended. The failed runs are listed by `finish_sweep`.

    If the launcher stops early, it is given the remaining runs again, as long as that ends some of them; then the
    rest is started one by one, so that a run that kills its worker ends no other.
    """
    for job in todo:
        job.record.forget_error()  # an attempt that ends without an error would show this old one
        if job.config.force:
            with job.record.lock():
                job.record.discard()
    if not todo:
        return
    with following(todo, console) as watch:
        remaining, without_progress = list(todo), 0
        while remaining and without_progress < 2:
            if launched(remaining, launch, console):
                return
            before, remaining = len(remaining), watch.remaining()
            without_progress = without_progress + 1 if len(remaining) == before else 0
        if len(remaining) > 1:
            console.print(f"starting the {len(remaining)} remaining runs one after another")
            for job in remaining:
                launched([job], launch, console)


def launched(jobs: Sequence[Job], launch: Launch, console: Console) -> bool:
    """Start `jobs`; return whether the launcher ran to its end. It stops early, for example, when a worker dies."""
    try:
        launch(jobs)
    except InputError:
        raise  # the launcher refuses the runs: a second attempt would not help
    except Exception as error:
        console.print(f"the launcher stopped: {type(error).__name__}: {_first_line(error)}")
        return False
    return True


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "")
