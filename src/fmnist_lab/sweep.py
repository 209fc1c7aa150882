"""A sweep from end to end: check, train what is missing, gather, report. A single run is a sweep of one."""

from __future__ import annotations

import hashlib
import os
import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist_lab import data
from fmnist_lab.config import HOUSEKEEPING, Config, flat, wrong
from fmnist_lab.console import Console
from fmnist_lab.progress import Job, following
from fmnist_lab.records import write_text
from fmnist_lab.run import locate, settle

if TYPE_CHECKING:
    from fmnist_lab.report.frames import Frames

REPORTED = ".reported"  # in a sweep's folder, written last: the runs that its report is of

# Starts the jobs at the given places of a sweep; returns when they have ended, one way or another.
Launch = Callable[[Sequence[int]], object]


def conduct(configs: Sequence[Config], default_name: str, launch: Launch) -> int:
    """Do a sweep and report it; return the exit status: 0, or 1 when a run failed.

    Every configuration is checked, and the data found, before anything is written or trained: InputError otherwise.
    """
    jobs = plan(configs)
    config = jobs[0].config
    folder = Path(config.outputs) / "sweeps" / (config.name or default_name)
    todo = unfinished(jobs)
    if config.dry_run:
        preview(jobs, todo, folder)
        return 0
    if todo:
        data.prepare(data.SOURCES[config.data.name], config.data.root)
    open_folder(folder, config.outputs)
    with Console(folder / "log.txt") as console:
        console.say(announcement(jobs, todo))
        if todo:
            train(todo, launch, console)
        return report(jobs, folder, console)


def plan(configs: Sequence[Config]) -> list[Job]:
    """The distinct runs of a sweep, in order, each with the place of its record."""
    settled = [settle(config) for config in configs]
    for name in HOUSEKEEPING:
        values = dict.fromkeys(flat(config)[name] for config in settled)
        if len(values) > 1:
            raise wrong(name, ",".join(map(str, values)), "one value for the whole sweep")
    jobs: dict[str, Job] = {}
    labels = label(settled)
    for place, config in enumerate(settled):
        job = Job(place, config, locate(config), labels[place])
        jobs.setdefault(job.record.run, job)
    return list(jobs.values())


def unfinished(jobs: Sequence[Job]) -> list[Job]:
    """The runs that are to be trained: those that are not complete on disk, or all when forced."""
    return [job for job in jobs if job.config.force or job.record.summary() is None]


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def label(configs: Sequence[Config]) -> list[str]:
    """What tells each run from the others of its sweep, in a few words."""
    settings = [flat(config) for config in configs]
    telling = ["model.name"]
    for name in settings[0]:
        # What only follows other settings, as an initialisation may follow the model, tells nothing more.
        if _distinct(settings, [*telling, name]) > _distinct(settings, telling):
            telling.append(name)
    return [
        " ".join([setting["model.name"], *(f"{name.split('.')[-1]}={setting[name]}" for name in telling[1:])])
        for setting in settings
    ]


def _distinct(settings: Sequence[Mapping[str, Any]], names: Sequence[str]) -> int:
    """How many settings differ in the keys of these names."""
    return len({tuple(str(setting[name]) for name in names) for setting in settings})


def announcement(jobs: Sequence[Job], todo: Sequence[Job]) -> str:
    """What will be done, and why the rest will not."""
    reused = len(jobs) - len(todo)
    runs = "1 run" if len(jobs) == 1 else f"{len(jobs)} runs"
    if not reused:
        return f"{runs} to train"
    rest = f"{len(todo)} to train" if todo else "nothing to train"
    return f"{runs}: {reused} finished before and reused (force=true trains anew), {rest}"


def preview(jobs: Sequence[Job], todo: Sequence[Job], folder: Path) -> None:
    """Say what a command would do, and do nothing."""
    waiting = {job.record.run for job in todo}
    for job in jobs:
        print(f"{job.record.run}  {'to train' if job.record.run in waiting else 'finished'}  {job.label}")
    seconds = estimate(jobs, todo)
    print(announcement(jobs, todo) + (f"; about {seconds:.0f} s of training" if seconds else ""))
    print(folder)


def estimate(jobs: Sequence[Job], todo: Sequence[Job]) -> float | None:
    """Seconds that `todo` will train, one after another, judged by the finished runs of the same sweep."""
    finished = [(job, summary) for job in jobs if (summary := job.record.summary())]
    rates = [summary["fit_seconds"] / job.cost for job, summary in finished]
    return statistics.median(rates) * sum(job.cost for job in todo) if rates else None


def open_folder(folder: Path, outputs: str) -> None:
    """Make the sweep's folder, and the place of the runs; InputError when they cannot be written."""
    try:
        (Path(outputs) / "runs").mkdir(parents=True, exist_ok=True)
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise wrong("outputs", outputs, f"a folder that can be written ({error.strerror})") from None


def train(todo: Sequence[Job], launch: Launch, console: Console) -> None:
    """Start what is to do and follow it to its end. Failures are left to the report."""
    try:
        with following(todo, console):
            launch([job.place for job in todo])
    except KeyboardInterrupt:
        done = sum(job.record.summary() is not None for job in todo)
        console.say(f"interrupted: {done} of {len(todo)} runs finished; the same command continues")
        raise
    except Exception as error:  # a launcher that gave up: what it finished stands all the same
        console.say(f"the launcher stopped: {type(error).__name__}: {error}")


def report(jobs: Sequence[Job], folder: Path, console: Console) -> int:
    """Write tables and figures of what is on disk, list what failed, and name the folder last."""
    from fmnist_lab.report.terminal import summary

    frames = write(jobs, folder)
    console.show(summary(frames.results, frames.settings))
    if any(job.config.data.validation == 0 for job in jobs):
        console.say("no validation images with data.validation=0: its validation figures are of the test images")
    status = list_failed(jobs, console)
    console.say(str(folder))
    return status


def write(jobs: Sequence[Job], folder: Path) -> Frames:
    """Write what is on disk of the runs into the sweep's folder, and give it."""
    from fmnist_lab.report.frames import gather
    from fmnist_lab.report.write import write_report

    (folder / REPORTED).unlink(missing_ok=True)
    reported = _reported(jobs)
    frames = gather([(job.record, flat(job.config)) for job in jobs])
    write_report(frames.results, frames.curves, frames.settings, folder)
    write_text(folder / REPORTED, reported)
    return frames


def is_reported(jobs: Sequence[Job], folder: Path) -> bool:
    """Whether the folder's report is whole, and of these runs as they are on disk."""
    try:
        return (folder / REPORTED).read_text("utf-8") == _reported(jobs)
    except OSError:
        return False


def _reported(jobs: Sequence[Job]) -> str:
    """A line a run: which, and when it was completed."""
    return "".join(f"{job.record.run} {job.record.completed()}\n" for job in jobs)


def list_failed(jobs: Sequence[Job], console: Console) -> int:
    """Name the runs that failed, each with its reason; return the exit status."""
    failed = [job for job in jobs if job.record.summary() is None]
    for job in failed:
        console.say(f"failed: {job.label}: {job.record.reason()} ({job.record.folder / 'error.txt'})")
    return 1 if failed else 0


def default_name(overrides: Iterable[str]) -> str:
    """A folder name from what was set on the command line."""
    told = [override for override in overrides if override.split("=")[0].lstrip("+~") not in HOUSEKEEPING]
    told = [override for override in told if not override.startswith("hydra")]
    told.sort(key=lambda override: not override.startswith("experiment="))
    name = "_".join(told).removeprefix("experiment=").replace(", ", ",")
    name = re.sub(r"[^\w.\-+=,\[\]]", "-", name, flags=re.ASCII).lstrip(".") or "default"
    if len(name) > 120:
        name = f"{name[:110]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return name
