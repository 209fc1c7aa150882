"""Several experiments as one: each run trained once, seed by seed, and after each seed the page of all there is so far.

`python -m fmnist_lab.study paper --seeds 5`, or studies, or audit; further words are overrides for every experiment, as
on the lab's own command line: `hydra/launcher=slurm` trains on a cluster. Stopped at any time, the same command
continues: nothing that is done is done again.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import dataclasses
import functools
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist_lab import engines, sweeps
from fmnist_lab.answers import open_door, status_of
from fmnist_lab.composition import expand
from fmnist_lab.config import Config, described, flat, wrong
from fmnist_lab.console import Console
from fmnist_lab.engines import Engine
from fmnist_lab.progress import Job
from fmnist_lab.run import updates_an_epoch

if TYPE_CHECKING:
    import pandas as pd

TABLES = ("table1", "table2", "table3")
PRESETS = {
    "paper": ("figures", *TABLES, *(f"{table}_inferred" for table in TABLES), "initialization"),
    "studies": ("precision", "epochs", "batch_size", "zero_initialization"),
    "audit": ("audit_grid", "audit_seeds"),
}

# Settings of the audit's grid that are run with every network and all seeds, because they fit best on one seed.
FINALISTS = 4

# Seconds for a unit of `Job.cost`, while no run on disk tells how fast this machine is.
ROUGH_RATE = 6e-11

Experiments = Mapping[str, Sequence[Config]]  # by preset


def conduct(study: str, seeds: int, overrides: Sequence[str]) -> int:
    """Train what is missing of a study, seed by seed; return the exit status: 0, or 1 when a run failed.

    After each seed that asked for training, the folder of each experiment that gained by it and the page are written.
    Every configuration is checked, and the data found, before anything is written or trained: InputError otherwise.
    """
    told = experiments_told(overrides)
    experiments = {preset: told[preset] for preset in PRESETS[study]}

    def write(done: int, console: Console) -> None:
        if study == "paper":
            (config, *_) = experiments["figures"]
            check_saddle(Path(config.outputs), config.data.root, console)
        report(experiments, done, told, console)

    return seed_by_seed(study, experiments, seeds, write, engines.choose(*overrides))


def seed_by_seed(
    folder: str, experiments: Experiments, seeds: int, write: Callable[[int, Console], None], engine: Engine
) -> int:
    """Train what is missing of `experiments`, seed by seed; return the exit status as `conduct`.

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
        console.say(forecast(everything, todo))
        for done in training(everything, todo, seeds, console, "seed", engine):
            write(done, console)
        write(seeds, console)
        return sweeps.list_failed(everything, console)


def audit(seeds: int, overrides: Sequence[str]) -> int:
    """Search for the settings that would explain the report's tables; return the exit status as `conduct`.

    One seed of a grid of settings, and all seeds of one setting, which say how far accuracies scatter; then all seeds
    of the settings that fit best. The audit's folder is written after each of these seeds, the page at the end.
    """
    if seeds < 2:
        raise wrong("--seeds", seeds, "at least 2 for the audit, which measures how far seeds scatter")
    engine = engines.choose(*overrides)
    grid, repeated = (compose(preset, overrides) for preset in PRESETS["audit"])
    refuse_strangers(grid)
    first = merge([plan(grid, [0]), plan(repeated, range(seeds))])
    todo = to_train(first)
    if first[0].config.dry_run:
        print(audit_forecast(first, todo, repeated, seeds))
        return 0
    told = experiments_told(overrides)
    with opened("audit", first, todo) as console:
        console.say(audit_forecast(first, todo, repeated, seeds))
        train_missing(first, todo, console, "the grid, and the scatter of seeds", engine)
        folder = Path(first[0].config.outputs) / "audit"
        finalists = choose_finalists(first, repeated)
        jobs = merge([first, plan(finalists, range(seeds))])
        tried = {job.record.run for job in first}
        further = [job for job in jobs if job.record.run not in tried]
        for _ in training(further, sweeps.unfinished(further), seeds, console, "the finalists, seed", engine):
            write_audit(jobs, folder, prove=False)
        if not sweeps.is_reported(jobs, folder):
            write_audit(jobs, folder)
        for line in (folder / "findings.txt").read_text("utf-8").splitlines():
            console.say(line)
        console.say(str(write_page(folder.parent, told)))
        return sweeps.list_failed(jobs, console)


def refuse_strangers(configs: Sequence[Config]) -> None:
    """InputError when none of these networks stands in the tables that the audit would explain."""
    from fmnist_lab.published.report import load_report
    from fmnist_lab.report.audit import printed_cells, readings

    known = list(dict.fromkeys(readings(printed_cells(load_report()))["architecture"]))
    networks = list(dict.fromkeys(str(config.architecture.hidden) for config in configs))
    if not set(networks) & set(known):
        raise wrong("architecture.hidden", ", ".join(networks), f"a network of the tables: {', '.join(known)}")


def experiments_told(overrides: Sequence[str]) -> Experiments:
    """The experiments of whose runs the page tells: those of the paper and of the studies."""
    return {preset: compose(preset, overrides) for study in ("paper", "studies") for preset in PRESETS[study]}


def compose(preset: str, overrides: Sequence[str]) -> list[Config]:
    """The runs of an experiment, each once; the study gives them their seeds."""
    for override in overrides:
        name, _, value = override.partition("=")
        if name == "seed":
            raise wrong(name, value, "left out: --seeds says how many")
    return expand(f"experiment={preset}", *overrides)


def plan(configs: Sequence[Config], seeds: Iterable[int]) -> list[Job]:
    """The runs of an experiment with each of the seeds."""
    seeded = [dataclasses.replace(config, seed=seed) for seed in seeds for config in configs]
    return sweeps.plan(seeded, [command(config) for config in seeded])


def command(config: Config) -> str:
    """What a user types to do one run alone: the settings that differ from the model's defaults."""
    usual = defaults(config.model.name)
    told = [f"{name}={value}" for name, value in flat(config).items() if value != usual[name]]
    told = [override.replace("data.name=", "data=") for override in told]  # a data set is chosen whole
    return sweeps.command_line([f"model={config.model.name}", *told], sweep=False)


@functools.cache
def defaults(model: str) -> dict[str, Any]:
    """Every key's value in a run of this model as it comes."""
    (config,) = expand(f"model={model}")
    return flat(config)


def union(experiments: Experiments, seeds: Iterable[int]) -> list[Job]:
    """The distinct runs of all experiments with each of the seeds."""
    return merge([plan(configs, seeds) for configs in experiments.values()])


def merge(plans: Iterable[Sequence[Job]]) -> list[Job]:
    """The distinct runs of all plans by seed, of each seed the costly first: then all workers end together."""
    every = [job for jobs in plans for job in jobs]
    jobs = sweeps.plan([job.config for job in every], [job.command for job in every])
    jobs.sort(key=lambda job: (job.config.seed, -job.cost))
    return [dataclasses.replace(job, place=place) for place, job in enumerate(jobs)]


def to_train(jobs: Sequence[Job]) -> list[Job]:
    """The runs of a study that are not complete on disk, which each call verifies once; InputError with train=false."""
    if not jobs[0].config.train:
        raise wrong("train", False, "true, as only a sweep (-m) reports without training")
    return sweeps.unfinished(jobs)


def forecast(jobs: Sequence[Job], todo: Sequence[Job]) -> str:
    """What of the jobs is to do, and about how long it takes."""
    told = sweeps.announcement(jobs, todo)
    return f"{told}; {duration(todo)}" if todo else told


def duration(todo: Sequence[Job], times: int = 1) -> str:
    """About how long it takes to train `todo` (so many times), judged by the finished runs on disk."""
    measured = sweeps.estimate(todo)
    seconds = times * (measured or ROUGH_RATE * sum(job.cost for job in todo)) / workers(todo)
    basis = "judged by the finished runs" if measured else "a rough guess, as no run is finished yet"
    return f"about {seconds / 60:.0f} min with {workers(todo)} at once ({basis})"


def audit_forecast(first: Sequence[Job], todo: Sequence[Job], repeated: Sequence[Config], seeds: int) -> str:
    """What the audit is to do. Until the grid is done, the finalists are not known, but their number is."""
    like = plan(repeated, range(seeds))
    then = f"then at most {FINALISTS * len(like)} runs at the {FINALISTS} settings that fit best"
    told = forecast(first, todo)
    return f"{told}; {then}, {duration(like, FINALISTS)}" if todo else told


def choose_finalists(jobs: Sequence[Job], repeated: Sequence[Config]) -> list[Config]:
    """Every network of `repeated` at the learning rates and batch sizes that fit best in `jobs`."""
    from fmnist_lab.published.report import load_report
    from fmnist_lab.report.audit import candidates_alike, choose, printed_cells

    ranked = candidates_alike(tested(jobs), printed_cells(load_report()))
    return [
        dataclasses.replace(config, lr=lr, batch_size=batch_size)
        for lr, batch_size in choose(ranked, FINALISTS)
        for config in repeated
    ]


def write_audit(jobs: Sequence[Job], folder: Path, *, prove: bool = True) -> None:
    """Write what the audit knows from the runs on disk; `prove` as `audit_write.write_audit` has it."""
    from fmnist_lab.published.report import load_report
    from fmnist_lab.report import audit_write

    with sweeps.reporting(jobs if prove else [], folder):  # without its proof the report is not whole
        audit_write.write_audit(tested(jobs), load_report(), folder, prove=prove)


def tested(jobs: Sequence[Job]) -> pd.DataFrame:
    """The test accuracies of every epoch of the finished runs, as the audit takes them."""
    from fmnist_lab.report.frames import gather_tests

    finished = [job for job in jobs if job.record.summary()]
    return gather_tests([(job.record, described(job.config), updates_an_epoch(job.config)) for job in finished])


def workers(todo: Sequence[Job]) -> int:
    """How many runs go on at once: as many as the cores hold."""
    return engines.here([job.config for job in todo])


@contextlib.contextmanager
def opened(study: str, jobs: Sequence[Job], todo: Sequence[Job]) -> Iterator[Console]:
    """Find the data, make the folders, and give the console that keeps the study's log."""
    config = jobs[0].config
    sweeps.find_data(jobs)
    folder = Path(config.outputs) / study
    sweeps.open_folder(folder, config.outputs)
    console = Console(folder / "log.txt")
    with sweeps.explained(jobs, console):
        sweeps.mend(todo, console)
        yield console


def training(
    jobs: Sequence[Job], todo: Sequence[Job], seeds: int, console: Console, what: str, engine: Engine
) -> Iterator[int]:
    """Train those `todo` of the runs seed by seed; after each seed that had any, but the last: how many are done."""
    for seed in range(seeds):
        its_jobs, its_todo = ([job for job in some if job.config.seed == seed] for some in (jobs, todo))
        if train_missing(its_jobs, its_todo, console, f"{what} {seed}", engine) and seed + 1 < seeds:
            yield seed + 1


def train_missing(jobs: Sequence[Job], todo: Sequence[Job], console: Console, what: str, engine: Engine) -> bool:
    """Train those `todo` of the runs that are called `what`; whether there were any."""
    if not todo:
        return False
    console.say(f"{what}: {forecast(jobs, todo)}")
    sweeps.train(todo, lambda its: engine.train([job.config for job in its]), console)
    return True


def report(experiments: Experiments, seeds: int, told: Experiments, console: Console) -> None:
    """Write the folder of every experiment whose report is not of its runs as they stand, and the page of `told`."""
    for preset, configs in experiments.items():
        jobs = plan(configs, range(seeds))
        folder = Path(jobs[0].config.outputs) / "sweeps" / preset
        if not sweeps.is_reported(jobs, folder):
            sweeps.open_folder(folder, jobs[0].config.outputs)
            sweeps.write(jobs, folder)
            console.say(str(folder))
    console.say(str(write_page(Path(jobs[0].config.outputs), told)))


def write_page(outputs: Path, told: Experiments) -> Path:
    """Judge all that is on disk of the experiments told, and write the page."""
    from fmnist_lab.published.claims import BASES
    from fmnist_lab.report.frames import gather
    from fmnist_lab.report.judgement import cells, judge
    from fmnist_lab.report.page import build_page
    from fmnist_lab.report.samples import join

    frames = gather([(job.record, described(job.config)) for job in on_disk(told)])
    runs = join(frames.results, frames.settings)
    claims = judge(runs, frames.curves, saddle=saddle_agrees(outputs / "saddle"))
    tables = {(table, settings): cells(runs, table, settings) for table in TABLES for settings in BASES}
    return build_page(outputs, runs, frames.curves, claims, tables, PRESETS["studies"])


def on_disk(experiments: Experiments) -> list[Job]:
    """The runs of the experiments that have an outcome, of all seeds from 0 up that have any."""
    by_seed = ([job for job in union(experiments, [seed]) if job.record.tellable()] for seed in itertools.count())
    return list(itertools.chain.from_iterable(itertools.takewhile(bool, by_seed)))


def check_saddle(outputs: Path, root: str | None, console: Console) -> None:
    """Do the checks of the report's bonus question, unless their outcome is there."""
    from fmnist_lab.composition import compose_as
    from fmnist_lab.saddle.config import SaddleConfig
    from fmnist_lab.saddle.run import conduct

    folder = outputs / "saddle"
    if saddle_agrees(folder) is None:
        console.say("the saddle at zero")
        config = compose_as(SaddleConfig, "saddle")
        conduct(dataclasses.replace(config, outputs=str(outputs), data=dataclasses.replace(config.data, root=root)))


def saddle_agrees(folder: Path) -> bool | None:
    """Whether all checks of the saddle agree; None if they have not been run."""
    try:
        text = (folder / "checks.csv").read_text("utf-8")
    except OSError:
        return None
    return all(row["ok"] == "True" for row in csv.DictReader(text.splitlines()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Conduct the study that the command line names; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m fmnist_lab.study", description=__doc__.split("\n")[0])
    parser.add_argument("study", choices=PRESETS)
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="seeds 0 to N - 1; 5 by default")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="for every experiment: outputs=elsewhere")
    told = parser.parse_intermixed_args(arguments)
    open_door()
    if told.study == "audit":
        return status_of(lambda: audit(told.seeds, told.overrides), Config)
    return status_of(lambda: conduct(told.study, told.seeds, told.overrides), Config)


if __name__ == "__main__":
    sys.exit(main())
