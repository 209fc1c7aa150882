"""A sweep from end to end: check, train what is missing, gather, report. A single run is a sweep of one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fmnist_lab.config.checks import wrong
from fmnist_lab.config.schema import Config
from fmnist_lab.errors import InputError
from fmnist_lab.runs.files import make_folder
from fmnist_lab.sweeps.console import Console
from fmnist_lab.sweeps.job import Job
from fmnist_lab.sweeps.outcome import finish_sweep
from fmnist_lab.sweeps.plan import announcement, find_data, folder_of, plan_runs, preview, reason_to_train
from fmnist_lab.sweeps.progress import following

if TYPE_CHECKING:
    pass

# Starts the given jobs of a sweep; returns when they have ended, one way or another.
Launch = Callable[[Sequence[Job]], object]


def run_sweep(
    configs: Sequence[Config],
    commands: Sequence[str],
    default_name: str,
    launch: Launch,
    make_console: Callable[[Path], Console] = Console,
) -> int:
    """Do a sweep and report it; return the exit status: 0, or 1 when a run failed or the outcome cannot be written.

    `commands` are what a user would type to do each run alone. `launch` is given the runs to train, and must ignore
    the `force` of their configurations: what is to be trained again is discarded here, once. `make_console` makes the
    console that keeps the sweep's log.
    Every configuration is checked, and the data found, before anything is written or trained: InputError otherwise.
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
    with explained(jobs, console):
        set_aside_damaged(todo, console)
        if config.train:
            console.print(announcement(jobs, todo))
            train(todo, launch, console)
        return finish_sweep(jobs, folder, console)


def open_folder(folder: Path, outputs: str) -> None:
    """Make the sweep's folder, and the place of the runs; InputError when they cannot be written."""
    for place in (Path(outputs) / "runs", folder):
        make_folder(place, outputs)


@contextlib.contextmanager
def explained(jobs: Sequence[Job], console: Console) -> Iterator[None]:
    """Say what an interruption leaves, and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        done = sum(job.record.summary() is not None for job in jobs)
        command = "the same command without force=true" if jobs[0].config.force else "the same command"
        console.print(f"interrupted: {done} of {len(jobs)} runs finished; {command} continues")
        raise


def set_aside_damaged(jobs: Sequence[Job], console: Console) -> None:
    """Set damaged records aside, so that their runs are done again."""
    for job in jobs:
        if job.record.damage():
            with job.record.lock():
                damaged = job.record.set_aside()  # looks again, now that nobody else is at it
            if damaged:
                console.print(f"damaged: {job.label}: {damaged[1]}; the record is set aside as {damaged[0]}")


def train(todo: Sequence[Job], launch: Launch, console: Console) -> None:
    """Start what is to do and follow it to its end. Failures are left to the report."""
    for job in todo:
        job.record.forget_error()  # it would stand for an attempt that ends before it can leave one
        if job.config.force:
            with job.record.lock():
                job.record.discard()
    if not todo:
        return
    with following(todo, console) as watch:
        waiting, fruitless = list(todo), 0
        while waiting and fruitless < 2:
            if launched(waiting, launch, console):
                return
            left = watch.left()
            fruitless = fruitless + 1 if len(left) == len(waiting) else 0
            waiting = left
        if len(waiting) > 1:  # one of them kills its worker and takes the others along
            console.print(f"starting alone, one after another: the {len(waiting)} runs left")
            for job in waiting:
                launched([job], launch, console)


def launched(jobs: Sequence[Job], launch: Launch, console: Console) -> bool:
    """Start `jobs`; whether the launcher saw them to their end. A worker that dies takes it along."""
    try:
        launch(jobs)
    except InputError:
        raise  # the engine refuses the runs: no second try would help
    except Exception as error:
        console.print(f"the launcher stopped: {type(error).__name__}: {_first_line(error)}")
        return False
    return True


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "")
