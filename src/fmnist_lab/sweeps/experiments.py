"""Several experiments, seed by seed: each run trained once, and after each seed the outcome so far."""

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

# Seconds for a unit of `Job.cost`, while no run on disk tells how fast this machine is.
ROUGH_RATE = 6e-11

Experiments = Mapping[str, Sequence[Config]]  # by preset


def run_experiments(
    folder: str, experiments: Experiments, seeds: int, write: Callable[[int, Console], None], launcher: Launcher
) -> int:
    """Train what is missing of `experiments`, seed by seed; return the exit status as `run_sweep`.

    Args:
        folder: below `outputs`, for the log.
        write: is told how many seeds are done, after each that asked for training and at the end.
    """
    if seeds < 1:
        raise wrong("--seeds", seeds, "a whole number of at least 1")
    everything = union(experiments, range(seeds))
    todo = to_train(everything)
    if everything[0].config.dry_run:
        print(forecast(everything, todo))
        return 0
    with opened(folder, everything, todo) as console:
        console.print(forecast(everything, todo))
        for done in training(everything, todo, seeds, console, "seed", launcher):
            write(done, console)
        write(seeds, console)
        return outcome.list_failed(everything, console)


def compose_preset(preset: str, overrides: Sequence[str]) -> list[Config]:
    """The runs of an experiment, each once; the study gives them their seeds."""
    for override in overrides:
        name, _, value = override.partition("=")
        if name == "seed":
            raise wrong(name, value, "left out: --seeds says how many")
    return expand(f"experiment={preset}", *overrides)


def plan_seeds(configs: Sequence[Config], seeds: Iterable[int]) -> list[Job]:
    """The runs of an experiment with each of the seeds."""
    seeded = [dataclasses.replace(config, seed=seed) for seed in seeds for config in configs]
    return plan.plan_runs(seeded, [command(config) for config in seeded])


def command(config: Config) -> str:
    """What a user types to do one run alone: the settings that differ from the model's defaults."""
    usual = defaults(config.model.name)
    told = [f"{name}={value}" for name, value in flat(config).items() if value != usual[name]]
    told = [override.replace("data.name=", "data=") for override in told]  # a data set is chosen whole
    return plan.command_line([f"model={config.model.name}", *told], sweep=False)


@functools.cache
def defaults(model: str) -> dict[str, Any]:
    """Every key's value in a run of this model as it comes."""
    (config,) = expand(f"model={model}")
    return flat(config)


def union(experiments: Experiments, seeds: Iterable[int]) -> list[Job]:
    """The distinct runs of all experiments with each of the seeds."""
    return merge([plan_seeds(configs, seeds) for configs in experiments.values()])


def merge(plans: Iterable[Sequence[Job]]) -> list[Job]:
    """The distinct runs of all plans by seed, of each seed the costly first: then all workers end together."""
    every = [job for jobs in plans for job in jobs]
    jobs = plan.plan_runs([job.config for job in every], [job.command for job in every])
    jobs.sort(key=lambda job: (job.config.seed, -job.cost))
    return [dataclasses.replace(job, place=place) for place, job in enumerate(jobs)]


def to_train(jobs: Sequence[Job]) -> list[Job]:
    """The runs of a study that are not complete on disk, which each call verifies once; InputError with train=false."""
    if not jobs[0].config.train:
        raise wrong("train", False, "true, as only a sweep (-m) reports without training")
    return plan.unfinished(jobs)


def forecast(jobs: Sequence[Job], todo: Sequence[Job]) -> str:
    """What of the jobs is to do, and about how long it takes."""
    told = plan.announcement(jobs, todo)
    return f"{told}; {duration(todo)}" if todo else told


def duration(todo: Sequence[Job], times: int = 1) -> str:
    """About how long it takes to train `todo` (so many times), judged by the finished runs on disk."""
    measured = plan.estimate(todo)
    seconds = times * (measured or ROUGH_RATE * sum(job.cost for job in todo)) / workers(todo)
    basis = "judged by the finished runs" if measured else "a rough guess, as no run is finished yet"
    return f"about {seconds / 60:.0f} min with {workers(todo)} at once ({basis})"


def workers(todo: Sequence[Job]) -> int:
    """How many runs go on at once: as many as the cores hold."""
    return base.runs_at_once([job.config for job in todo])


@contextlib.contextmanager
def opened(study: str, jobs: Sequence[Job], todo: Sequence[Job]) -> Iterator[Console]:
    """Find the data, make the folders, and give the console that keeps the study's log."""
    config = jobs[0].config
    plan.find_data(jobs)
    folder = Path(config.outputs) / study
    execute.open_folder(folder, config.outputs)
    console = Console(folder / "log.txt")
    with execute.explained(jobs, console):
        execute.set_aside_damaged(todo, console)
        yield console


def training(
    jobs: Sequence[Job], todo: Sequence[Job], seeds: int, console: Console, what: str, launcher: Launcher
) -> Iterator[int]:
    """Train those `todo` of the runs seed by seed; after each seed that had any, but the last: how many are done."""
    for seed in range(seeds):
        its_jobs, its_todo = ([job for job in some if job.config.seed == seed] for some in (jobs, todo))
        if train_missing(its_jobs, its_todo, console, f"{what} {seed}", launcher) and seed + 1 < seeds:
            yield seed + 1


def train_missing(jobs: Sequence[Job], todo: Sequence[Job], console: Console, what: str, launcher: Launcher) -> bool:
    """Train those `todo` of the runs that are called `what`; whether there were any."""
    if not todo:
        return False
    console.print(f"{what}: {forecast(jobs, todo)}")
    execute.train(todo, lambda its: launcher.train([job.config for job in its]), console)
    return True


def on_disk(experiments: Experiments) -> list[Job]:
    """The runs of the experiments that have an outcome, of all seeds from 0 up that have any."""
    by_seed = ([job for job in union(experiments, [seed]) if job.record.has_outcome()] for seed in itertools.count())
    return list(itertools.chain.from_iterable(itertools.takewhile(bool, by_seed)))
