"""Run several experiments seed by seed: each run is trained once, and after each seed the outcome is written."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fmnist_lab.compose import expand
from fmnist_lab.config.checks import wrong
from fmnist_lab.config.identity import flat
from fmnist_lab.config.schema import Config
from fmnist_lab.sweeps import execute, outcome, plan
from fmnist_lab.sweeps.console import Console
from fmnist_lab.sweeps.job import Job
from fmnist_lab.sweeps.launchers import base
from fmnist_lab.sweeps.launchers.base import Launcher

# Seconds for a unit of `Job.cost`, as long as no finished run shows how fast this machine is.
ROUGH_RATE = 6e-11

Experiments = Mapping[str, Sequence[Config]]  # the runs of each preset, with any seed


def run_experiments(
    folder: str, experiments: Experiments, seeds: int, write: Callable[[int, Console], None], launcher: Launcher
) -> int:
    """Train the missing runs of `experiments`, seed by seed; return the exit status as `run_sweep`.

    Args:
        folder: below `outputs`, for the log.
        seeds: how many, from 0 up.
        write: is called with the number of seeds done, after each that had runs to train and at the end.

    Raises InputError, before anything is written or trained, if a configuration is wrong or the data is not found.
    """
    if seeds < 1:
        raise wrong("--seeds", seeds, "a whole number of at least 1")
    jobs = union(experiments, range(seeds))
    todo = to_train(jobs)
    if jobs[0].config.dry_run:
        print(forecast(jobs, todo))
        return 0
    with opened(folder, jobs, todo) as console:
        console.print(forecast(jobs, todo))
        for done in training(jobs, todo, seeds, console, "seed", launcher):
            write(done, console)
        write(seeds, console)
        return outcome.list_failed(jobs, console)


def compose_preset(preset: str, overrides: Sequence[str]) -> list[Config]:
    """Return the configurations of an experiment, without seeds. Raises InputError if an override sets `seed`."""
    for override in overrides:
        name, _, value = override.partition("=")
        if name == "seed":
            raise wrong(name, value, "left out: --seeds gives their number")
    return expand(f"experiment={preset}", *overrides)


def plan_seeds(configs: Sequence[Config], seeds: Iterable[int]) -> list[Job]:
    """Return the distinct runs of an experiment with each of the seeds."""
    seeded = [dataclasses.replace(config, seed=seed) for seed in seeds for config in configs]
    return plan.plan_runs(seeded, [command(config) for config in seeded])


def command(config: Config) -> str:
    """Return what a user types to do one run alone: the settings that differ from the model's defaults."""
    usual = defaults(config.model.name)
    overrides = [f"{name}={value}" for name, value in flat(config).items() if value != usual[name]]
    overrides = [override.replace("data.name=", "data=") for override in overrides]  # a data set is chosen as a group
    return plan.command_line([f"model={config.model.name}", *overrides], sweep=False)


@functools.cache
def defaults(model: str) -> dict[str, Any]:
    """Return the default values of all keys in a run of this model."""
    (config,) = expand(f"model={model}")
    return flat(config)


def union(experiments: Experiments, seeds: Iterable[int]) -> list[Job]:
    """Return the distinct runs of all experiments with each of the seeds, in the order of `merge`."""
    return merge([plan_seeds(configs, seeds) for configs in experiments.values()])


def merge(plans: Iterable[Sequence[Job]]) -> list[Job]:
    """Return the distinct runs of all plans by seed, the costly first in each seed, so that workers end together."""
    every = [job for jobs in plans for job in jobs]
    jobs = plan.plan_runs([job.config for job in every], [job.command for job in every])
    jobs.sort(key=lambda job: (job.config.seed, -job.cost))
    return [dataclasses.replace(job, place=place) for place, job in enumerate(jobs)]


def to_train(jobs: Sequence[Job]) -> list[Job]:
    """Return the runs that are not complete on disk, after verifying every record. Raises InputError if train=false."""
    if not jobs[0].config.train:
        raise wrong("train", False, "true; only a sweep (-m) writes its outcome without training")
    return plan.unfinished(jobs)


def forecast(jobs: Sequence[Job], todo: Sequence[Job]) -> str:
    """Return a line with how many of the jobs are trained, and about how long it takes."""
    line = plan.announcement(jobs, todo)
    return f"{line}; {duration(todo)}" if todo else line


def duration(todo: Sequence[Job], times: int = 1) -> str:
    """Return about how long it takes to train `todo`, `times` over, in words with the basis of the estimate."""
    measured = plan.estimate(todo)
    seconds = times * (measured or ROUGH_RATE * sum(job.cost for job in todo)) / runs_at_once(todo)
    basis = "estimated from the finished runs" if measured else "a rough guess, as no run is finished yet"
    return f"about {seconds / 60:.0f} min with {runs_at_once(todo)} at once ({basis})"


def runs_at_once(todo: Sequence[Job]) -> int:
    """Return how many of the runs the cores of this machine hold at once."""
    return base.runs_at_once([job.config for job in todo])


@contextlib.contextmanager
def opened(folder: str, jobs: Sequence[Job], todo: Sequence[Job]) -> Iterator[Console]:
    """Find the data, make `folder` below the outputs, and give the console that keeps the log there."""
    config = jobs[0].config
    plan.find_data(jobs)
    path = Path(config.outputs) / folder
    execute.open_folder(path, config.outputs)
    console = Console(path / "log.txt")
    with execute.interruption_explained(jobs, console):
        execute.set_aside_damaged(todo, console)
        yield console


def training(
    jobs: Sequence[Job], todo: Sequence[Job], seeds: int, console: Console, what: str, launcher: Launcher
) -> Iterator[int]:
    """Train `todo` of the runs seed by seed; give the number of seeds done after each that had any, but the last."""
    for seed in range(seeds):
        of_seed, missing = ([job for job in some if job.config.seed == seed] for some in (jobs, todo))
        if train_missing(of_seed, missing, console, f"{what} {seed}", launcher) and seed + 1 < seeds:
            yield seed + 1


def train_missing(jobs: Sequence[Job], todo: Sequence[Job], console: Console, what: str, launcher: Launcher) -> bool:
    """Train `todo` of the runs, which the console calls `what`; return whether there were any."""
    if not todo:
        return False
    console.print(f"{what}: {forecast(jobs, todo)}")
    execute.train(todo, lambda some: launcher.train([job.config for job in some]), console)
    return True


def on_disk(experiments: Experiments) -> list[Job]:
    """Return the runs of the experiments that have an outcome, seed by seed up to the first seed without any."""
    by_seed = ([job for job in union(experiments, [seed]) if job.record.has_outcome()] for seed in itertools.count())
    return list(itertools.chain.from_iterable(itertools.takewhile(bool, by_seed)))
