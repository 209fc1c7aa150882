"""What a sweep is to do, and why: its distinct runs, what is reused, a forecast, the names of things."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fmnist_lab import data
from fmnist_lab.compose import is_hydras, key_of
from fmnist_lab.config.checks import wrong
from fmnist_lab.config.identity import flat
from fmnist_lab.config.schema import COMMAND_KEYS, Config, from_yaml
from fmnist_lab.runs.record import Record
from fmnist_lab.runs.run import bind_to_machine, locate
from fmnist_lab.sweeps.job import Job, epoch_cost


def find_data(jobs: Sequence[Job]) -> None:
    """Prepare every data set that the runs are on; InputError for one that is not to be had."""
    for section in {job.config.data.name: job.config.data for job in jobs}.values():
        data.prepare(data.source_of(section.section()), section.root)


def folder_of(config: Config, default_name: str) -> Path:
    """The folder of a sweep's report."""
    return Path(config.outputs) / "sweeps" / (config.name or default_name)


def plan_runs(configs: Sequence[Config], commands: Sequence[str]) -> list[Job]:
    """The distinct runs of a sweep, in order, each with the place of its record."""
    bound = [bind_to_machine(config) for config in configs]
    settings = [flat(config) for config in bound]
    for name in COMMAND_KEYS:
        values = dict.fromkeys(setting[name] for setting in settings)
        sets = {config.data.name for config in bound} if name == "data.root" else {name}  # each set may have a root
        if len(values) > len(sets):
            raise wrong(name, ",".join(map(str, values)), "one value for the whole sweep")
    jobs: dict[str, Job] = {}
    labels = label(settings)
    for place, config in enumerate(bound):
        job = Job(place, config, locate(config), labels[place], commands[place])
        jobs.setdefault(job.record.run, job)
    return list(jobs.values())


def reason_to_train(job: Job) -> str | None:
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
    return [job for job in jobs if reason_to_train(job)]


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
        print(f"{job.record.run}  {state}  {job.label}  ({reasons.get(job.place) or reason_to_reuse(job.record)})")
    todo = [job for job in jobs if job.place in reasons]
    seconds = estimate(todo)
    print(announcement(jobs, todo) + (f"; about {seconds:.0f} s of training" if seconds else ""))
    print(folder)


def reason_to_reuse(record: Record) -> str:
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
    told = [override for override in overrides if key_of(override) not in COMMAND_KEYS and not is_hydras(override)]
    told.sort(key=lambda override: not override.startswith("experiment="))
    name = "_".join(told).removeprefix("experiment=").replace(", ", ",")
    name = re.sub(r"[^\w.\-+=,\[\]]", "-", name, flags=re.ASCII).lstrip(".") or "default"
    if len(name) > 120:
        name = f"{name[:110]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return name
