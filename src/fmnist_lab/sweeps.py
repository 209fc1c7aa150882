"""A sweep from end to end: check, train what is missing, gather, report. A single run is a sweep of one."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist_lab import data
from fmnist_lab.compose import is_hydras, key_of
from fmnist_lab.config.schema import HOUSEKEEPING, Config, described, flat, from_yaml, wrong
from fmnist_lab.console import Console
from fmnist_lab.errors import InputError
from fmnist_lab.progress import Job, epoch_cost, following
from fmnist_lab.runs.record import Record, make_folder, write_text
from fmnist_lab.runs.run import locate, settle

if TYPE_CHECKING:
    from fmnist_lab.report.frames import Frames

REPORTED = ".reported"  # in a folder of a sweep or of the audit, written last: the runs that its report is of

# Starts the given jobs of a sweep; returns when they have ended, one way or another.
Launch = Callable[[Sequence[Job]], object]


def conduct(
    configs: Sequence[Config],
    commands: Sequence[str],
    default_name: str,
    launch: Launch,
    voice: Callable[[Path], Console] = Console,
) -> int:
    """Do a sweep and report it; return the exit status: 0, or 1 when a run failed or the outcome cannot be written.

    `commands` are what a user would type to do each run alone. `launch` is given the runs to train, and must not heed
    the `force` of their configurations: what is to be trained anew is taken back here, once. `voice` makes the console
    that keeps the sweep's log.
    Every configuration is checked, and the data found, before anything is written or trained: InputError otherwise.
    """
    jobs = plan(configs, commands)
    config = jobs[0].config
    folder = folder_of(config, default_name)
    reasons = {job.place: reason for job in jobs if (reason := why(job))}
    if config.dry_run:
        preview(jobs, reasons, folder)
        return 0
    todo = [job for job in jobs if job.place in reasons]
    if config.train:
        find_data(todo)
    if not config.train and not any(job.record.tellable() for job in jobs):
        raise wrong("train", False, "true, as none of these runs is on disk")
    open_folder(folder, config.outputs)
    console = voice(folder / "log.txt")
    with explained(jobs, console):
        mend(todo, console)
        if config.train:
            console.say(announcement(jobs, todo))
            train(todo, launch, console)
        return report(jobs, folder, console)


def find_data(jobs: Sequence[Job]) -> None:
    """Prepare every data set that the runs are on; InputError for one that is not to be had."""
    for section in {job.config.data.name: job.config.data for job in jobs}.values():
        data.prepare(data.source_of(section.section()), section.root)


def folder_of(config: Config, default_name: str) -> Path:
    """The folder of a sweep's report."""
    return Path(config.outputs) / "sweeps" / (config.name or default_name)


def plan(configs: Sequence[Config], commands: Sequence[str]) -> list[Job]:
    """The distinct runs of a sweep, in order, each with the place of its record."""
    settled = [settle(config) for config in configs]
    settings = [flat(config) for config in settled]
    for name in HOUSEKEEPING:
        values = dict.fromkeys(setting[name] for setting in settings)
        sets = {config.data.name for config in settled} if name == "data.root" else {name}  # each set may have a root
        if len(values) > len(sets):
            raise wrong(name, ",".join(map(str, values)), "one value for the whole sweep")
    jobs: dict[str, Job] = {}
    labels = label(settings)
    for place, config in enumerate(settled):
        job = Job(place, config, locate(config), labels[place], commands[place])
        jobs.setdefault(job.record.run, job)
    return list(jobs.values())


def why(job: Job) -> str | None:
    """Why a run is to be trained; None for a run that is reused."""
    record = job.record
    if damage := record.damage():
        return f"damaged: {damage}"
    if job.config.force:
        return "force=true"
    if record.summary():
        return None
    if record.error() is not None:
        return f"failed before: {record.reason()}"
    epochs = len(record.history())
    return f"interrupted after epoch {epochs}" if epochs else "new"


def unfinished(jobs: Iterable[Job]) -> list[Job]:
    """The runs that are to be trained."""
    return [job for job in jobs if why(job)]


def label(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """What tells each run from the others of its sweep, in a few words."""
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


def preview(jobs: Sequence[Job], reasons: Mapping[int, str], folder: Path) -> None:
    """Say what a command would do and why, and do nothing."""
    for job in jobs:
        state = "to train" if job.place in reasons else "finished"
        print(f"{job.record.run}  {state}  {job.label}  ({reasons.get(job.place) or reusable(job.record)})")
    todo = [job for job in jobs if job.place in reasons]
    seconds = estimate(todo)
    print(announcement(jobs, todo) + (f"; about {seconds:.0f} s of training" if seconds else ""))
    print(folder)


def reusable(record: Record) -> str:
    """Why a finished run is reused."""
    provenance = (record.summary() or {}).get("provenance", {})
    return f"the same settings, data and numerics, trained {provenance.get('finished_at')}"


def estimate(todo: Sequence[Job]) -> float | None:
    """Seconds that `todo` will train one after another, judged by the finished runs on disk: those of the same model,
    or of the other where there are none. None when there is nothing to do or to judge by.
    """
    if not todo:
        return None
    rates: dict[str, list[float]] = defaultdict(list)
    for path in (Path(todo[0].config.outputs) / "runs").glob("*/summary.json"):
        record = Record(path.parent)
        if told := pace(record, record.completed()):
            model, rate = told
            rates[model].append(rate)
    every = [rate for its_rates in rates.values() for rate in its_rates]
    if not every:
        return None
    return sum(job.cost * statistics.median(rates.get(job.config.model.name, every)) for job in todo)


@functools.cache
def pace(record: Record, completed: int | None) -> tuple[str, float] | None:
    """The model of a finished run, and its seconds for a unit of `Job.cost`; done anew, it is `completed` anew."""
    with contextlib.suppress(OSError, ValueError):
        config = from_yaml((record.folder / "config.yaml").read_text("utf-8"))
        if summary := record.summary():
            return config.model.name, summary["fit_seconds"] / (summary["epochs"] * epoch_cost(config))
    return None


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
        console.say(f"interrupted: {done} of {len(jobs)} runs finished; {command} continues")
        raise


def mend(jobs: Sequence[Job], console: Console) -> None:
    """Set damaged records aside, so that their runs are done again."""
    for job in jobs:
        if job.record.damage():
            with job.record.lock():
                damaged = job.record.set_aside()  # looks again, now that nobody else is at it
            if damaged:
                console.say(f"damaged: {job.label}: {damaged[1]}; the record is set aside as {damaged[0]}")


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
            console.say(f"starting alone, one after another: the {len(waiting)} runs left")
            for job in waiting:
                launched([job], launch, console)


def launched(jobs: Sequence[Job], launch: Launch, console: Console) -> bool:
    """Start `jobs`; whether the launcher saw them to their end. A worker that dies takes it along."""
    try:
        launch(jobs)
    except InputError:
        raise  # the engine refuses the runs: no second try would help
    except Exception as error:
        console.say(f"the launcher stopped: {type(error).__name__}: {_first_line(error)}")
        return False
    return True


def report(jobs: Sequence[Job], folder: Path, console: Console) -> int:
    """Write tables and figures of what is on disk, list what failed, and name the folder last; the exit status."""
    from fmnist_lab.report.terminal import summary

    told = list(jobs) if jobs[0].config.train else [job for job in jobs if job.record.tellable()]
    try:
        frames = write(told, folder)
    except OSError as error:
        console.say(f"the outcome cannot be written to {folder}: {error.strerror}; the same command tries again")
        return 1
    console.show(summary(frames.results, frames.curves, frames.settings))
    if any(job.config.data.validation == 0 for job in told):
        console.say("no validation images with data.validation=0: its validation figures are of the test images")
    if len(told) < len(jobs):
        console.say(f"reported: {len(told)} of {len(jobs)} runs; without train=false the others are trained")
    status = list_failed(told, console)
    console.say(str(folder))
    return status


def write(jobs: Sequence[Job], folder: Path) -> Frames:
    """Write what is on disk of the runs into the sweep's folder, and give it."""
    from fmnist_lab.report.frames import gather
    from fmnist_lab.report.write import write_report

    with reporting(jobs, folder):
        frames = gather([(job.record, described(job.config)) for job in jobs])
        write_report(frames.results, frames.curves, frames.settings, folder)
    return frames


@contextlib.contextmanager
def reporting(jobs: Sequence[Job], folder: Path) -> Iterator[None]:
    """Mark the folder as the report of these runs as they were when its writing began; while it goes on, of none."""
    from fmnist_lab.report.manifest import writing

    (folder / REPORTED).unlink(missing_ok=True)
    reported = _reported(jobs)
    yield
    with writing(folder):
        write_text(folder / REPORTED, reported)


def is_reported(jobs: Sequence[Job], folder: Path) -> bool:
    """Whether the folder's report is whole, and of these runs as they are on disk."""
    try:
        return (folder / REPORTED).read_text("utf-8") == _reported(jobs)
    except OSError:
        return False


def reported(folder: Path) -> list[Record]:
    """The runs that the folder's report is of, in their order; InputError when there is no whole report."""
    try:
        runs = re.findall(r"^([0-9a-f]{12}) ", (folder / REPORTED).read_text("utf-8"), re.MULTILINE)
    except (OSError, ValueError):
        raise InputError(f"{folder}: holds no finished sweep; the command that makes it continues it") from None
    return [Record(Path(os.path.normpath(folder / ".." / ".." / "runs")) / run) for run in runs]


def _reported(jobs: Sequence[Job]) -> str:
    """A line a run: which, and when it was completed."""
    return "".join(f"{job.record.run} {job.record.completed()}\n" for job in jobs)


def list_failed(jobs: Sequence[Job], console: Console) -> int:
    """Name the runs that failed, each with its reason and the command that does it alone; return the exit status."""
    failed = [job for job in jobs if job.record.summary() is None]
    for job in failed:
        console.say(f"failed: {job.label}: {job.record.reason()} ({job.record.folder / 'error.txt'})")
        console.say(f"        alone: {job.command}")
    return 1 if failed else 0


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "")


def command_line(overrides: Iterable[str], *, sweep: bool) -> str:
    """What a user types to do one run alone, quoted with double quotes as every shell understands them.

    It names no sweep, so that the run does not take the place of the sweep's report.
    """
    last = {key_of(override): override for override in overrides if not is_hydras(override)}  # a later one replaces
    words = [quoted(text) for key, text in last.items() if key not in ("name", "train", "force", "dry_run")]
    return " ".join(["python -m fmnist_lab", *(["-m"] if sweep else []), *words])


def quoted(word: str) -> str:
    """A word of a command line as a user types it."""
    if re.fullmatch(r"[\w./=+,:@-]+", word, re.ASCII):
        return word
    return '"' + re.sub(r'([\\"$`])', r"\\\1", word) + '"'


def default_name(overrides: Iterable[str]) -> str:
    """A folder name from what was set on the command line."""
    told = [override for override in overrides if key_of(override) not in HOUSEKEEPING and not is_hydras(override)]
    told.sort(key=lambda override: not override.startswith("experiment="))
    name = "_".join(told).removeprefix("experiment=").replace(", ", ",")
    name = re.sub(r"[^\w.\-+=,\[\]]", "-", name, flags=re.ASCII).lstrip(".") or "default"
    if len(name) > 120:
        name = f"{name[:110]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return name
