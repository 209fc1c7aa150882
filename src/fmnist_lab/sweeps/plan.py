"""The plan of a sweep: its distinct runs, which of them to train and why, an estimate of the time, its name."""

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
    """Prepare every data set that the runs use. Raises InputError for one that cannot be had."""
    for section in {job.config.data.name: job.config.data for job in jobs}.values():
        data.prepare(data.source_of(section.section()), section.root)


def folder_of(config: Config, default_name: str) -> Path:
    """Return the folder of a sweep's outcome."""
    return Path(config.outputs) / "sweeps" / (config.name or default_name)


def plan_runs(configs: Sequence[Config], commands: Sequence[str]) -> list[Job]:
    """Return the distinct runs of a sweep, in order.

    Raises InputError if a configuration does not suit the data or this machine, or if keys of the command differ.
    """
    bound = [bind_to_machine(config) for config in configs]
    settings = [flat(config) for config in bound]
    for name in COMMAND_KEYS:
        values = dict.fromkeys(setting[name] for setting in settings)
        sets = (
            {config.data.name for config in bound} if name == "data.root" else {name}
        )  # each data set may have its own root
        if len(values) > len(sets):
            raise wrong(name, ",".join(map(str, values)), "one value for the whole sweep")
    jobs: dict[str, Job] = {}
    labels = distinguishing_labels(settings)
    for place, config in enumerate(bound):
        job = Job(place, config, locate(config), labels[place], commands[place])
        jobs.setdefault(job.record.run, job)
    return list(jobs.values())


def reason_to_train(job: Job) -> str | None:
    """Return why a run is to be trained; None for a run that is reused."""
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
    """Return the runs that are to be trained."""
    return [job for job in jobs if reason_to_train(job)]


def distinguishing_labels(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a label for each run: its model and the settings that distinguish it from the other runs."""
    keys = ["model.name"]
    for name in settings[0]:
        # A setting that depends on others, as the initialisation may on the model, distinguishes nothing more.
        if _count_distinct(settings, [*keys, name]) > _count_distinct(settings, keys):
            keys.append(name)
    return [
        " ".join([setting["model.name"], *(f"{name.split('.')[-1]}={setting[name]}" for name in keys[1:])])
        for setting in settings
    ]


def _count_distinct(settings: Sequence[Mapping[str, Any]], names: Sequence[str]) -> int:
    """Return how many different combinations of values these keys have."""
    return len({tuple(str(setting[name]) for name in names) for setting in settings})


def announcement(jobs: Sequence[Job], todo: Sequence[Job]) -> str:
    """Return a line with how many runs are trained and how many are reused."""
    reused = len(jobs) - len(todo)
    runs = "1 run" if len(jobs) == 1 else f"{len(jobs)} runs"
    if not reused:
        return f"{runs} to train"
    rest = f"{len(todo)} to train" if todo else "nothing to train"
    return f"{runs}: {reused} finished before and reused (force=true trains them again), {rest}"


def preview(jobs: Sequence[Job], reasons: Mapping[int, str], folder: Path) -> None:
    """Print what a command would do with each run, and why."""
    for job in jobs:
        state = "to train" if job.place in reasons else "finished"
        print(f"{job.record.run}  {state}  {job.label}  ({reasons.get(job.place) or reason_to_reuse(job.record)})")
    todo = [job for job in jobs if job.place in reasons]
    seconds = estimate(todo)
    print(announcement(jobs, todo) + (f"; about {seconds:.0f} s of training" if seconds else ""))
    print(folder)


def reason_to_reuse(record: Record) -> str:
    """Return why a finished run is reused."""
    provenance = (record.summary() or {}).get("provenance", {})
    return f"the same settings, data and numerics, trained {provenance.get('finished_at')}"


def estimate(todo: Sequence[Job]) -> float | None:
    """Return the seconds that training `todo` one after another takes; None if there is nothing to do or to go by.

    It is estimated from the finished runs on disk: those of the same model, or of the other if there are none.
    """
    if not todo:
        return None
    rates: dict[str, list[float]] = defaultdict(list)
    for path in (Path(todo[0].config.outputs) / "runs").glob("*/summary.json"):
        record = Record(path.parent)
        if measured := training_rate(record, record.completed()):
            model, rate = measured
            rates[model].append(rate)
    every = [rate for model_rates in rates.values() for rate in model_rates]
    if not every:
        return None
    return sum(job.cost * statistics.median(rates.get(job.config.model.name, every)) for job in todo)


@functools.cache
def training_rate(record: Record, completed: int | None) -> tuple[str, float] | None:
    """Return the model of a finished run and its seconds for a unit of `Job.cost`; None if it cannot be read.

    `completed` makes the cache forget a run that was trained again.
    """
    with contextlib.suppress(OSError, ValueError):
        config = from_yaml((record.folder / "config.yaml").read_text("utf-8"))
        if summary := record.summary():
            return config.model.name, summary["fit_seconds"] / (summary["epochs"] * epoch_cost(config))
    return None


def command_line(overrides: Iterable[str], *, sweep: bool) -> str:
    """Return what a user types to do one run alone, quoted with double quotes, which every shell understands.

    It does not name the sweep, so that the run does not replace the sweep's outcome.
    """
    last = {
        key_of(override): override for override in overrides if not is_hydras(override)
    }  # a later one replaces an earlier one
    words = [quoted(text) for key, text in last.items() if key not in ("name", "train", "force", "dry_run")]
    return " ".join(["python -m fmnist_lab", *(["-m"] if sweep else []), *words])


def quoted(word: str) -> str:
    """Return a word of a command line, in double quotes if a shell would change it."""
    if re.fullmatch(r"[\w./=+,:@-]+", word, re.ASCII):
        return word
    return '"' + re.sub(r'([\\"$`])', r"\\\1", word) + '"'


def default_name(overrides: Iterable[str]) -> str:
    """Return a folder name made of the overrides of the command line."""
    named = [override for override in overrides if key_of(override) not in COMMAND_KEYS and not is_hydras(override)]
    named.sort(key=lambda override: not override.startswith("experiment="))
    name = "_".join(named).removeprefix("experiment=").replace(", ", ",")
    name = re.sub(r"[^\w.\-+=,\[\]]", "-", name, flags=re.ASCII).lstrip(".") or "default"
    if len(name) > 120:
        name = f"{name[:110]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return name
