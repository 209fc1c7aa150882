"""Search for the settings that would explain the report's tables: one seed of a grid, then all seeds of the best."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fmnist_lab.config.checks import wrong
from fmnist_lab.config.identity import described
from fmnist_lab.config.schema import Config
from fmnist_lab.runs.run import updates_an_epoch
from fmnist_lab.sweeps import plan
from fmnist_lab.sweeps.console import Console
from fmnist_lab.sweeps.experiments import (
    compose_preset,
    duration,
    forecast,
    merge,
    opened,
    plan_seeds,
    to_train,
    train_missing,
    training,
)
from fmnist_lab.sweeps.job import Job
from fmnist_lab.sweeps.launchers import registry
from fmnist_lab.sweeps.outcome import is_outcome_current, list_failed, writing_outcome

if TYPE_CHECKING:
    import pandas as pd


PRESETS = ("audit_grid", "audit_seeds")

# Settings of the audit's grid that are run with every network and all seeds, because they fit best on one seed.
FINALISTS = 4


def audit(seeds: int, overrides: Sequence[str], write_page: Callable[[Path, Console], None]) -> int:
    """Search for the settings that would explain the report's tables; return the exit status as `run_sweep`.

    One seed of a grid of settings, and all seeds of one setting, which say how far accuracies scatter; then all seeds
    of the settings that fit best. The audit's folder is written after each of these seeds; at the end `write_page` is
    called with the folder of the outputs.
    """
    if seeds < 2:
        raise wrong("--seeds", seeds, "at least 2 for the audit, which measures how far seeds scatter")
    launcher = registry.choose_launcher(*overrides)
    grid, repeated = (compose_preset(preset, overrides) for preset in PRESETS)
    refuse_strangers(grid)
    first = merge([plan_seeds(grid, [0]), plan_seeds(repeated, range(seeds))])
    todo = to_train(first)
    if first[0].config.dry_run:
        print(audit_forecast(first, todo, repeated, seeds))
        return 0
    with opened("audit", first, todo) as console:
        console.print(audit_forecast(first, todo, repeated, seeds))
        train_missing(first, todo, console, "the grid, and the scatter of seeds", launcher)
        folder = Path(first[0].config.outputs) / "audit"
        finalists = choose_finalists(first, repeated)
        jobs = merge([first, plan_seeds(finalists, range(seeds))])
        tried = {job.record.run for job in first}
        further = [job for job in jobs if job.record.run not in tried]
        for _ in training(further, plan.unfinished(further), seeds, console, "the finalists, seed", launcher):
            write_audit(jobs, folder, prove=False)
        if not is_outcome_current(jobs, folder):
            write_audit(jobs, folder)
        for line in (folder / "findings.txt").read_text("utf-8").splitlines():
            console.print(line)
        write_page(folder.parent, console)
        return list_failed(jobs, console)


def refuse_strangers(configs: Sequence[Config]) -> None:
    """InputError when none of these networks stands in the tables that the audit would explain."""
    from fmnist_lab.audit.search import printed_cells, readings
    from fmnist_lab.reproduction.report import load_report

    known = list(dict.fromkeys(readings(printed_cells(load_report()))["architecture"]))
    networks = list(dict.fromkeys(str(config.architecture.hidden) for config in configs))
    if not set(networks) & set(known):
        raise wrong("architecture.hidden", ", ".join(networks), f"a network of the tables: {', '.join(known)}")


def audit_forecast(first: Sequence[Job], todo: Sequence[Job], repeated: Sequence[Config], seeds: int) -> str:
    """What the audit is to do. Until the grid is done, the finalists are not known, but their number is."""
    like = plan_seeds(repeated, range(seeds))
    then = f"then at most {FINALISTS * len(like)} runs at the {FINALISTS} settings that fit best"
    told = forecast(first, todo)
    return f"{told}; {then}, {duration(like, FINALISTS)}" if todo else told


def choose_finalists(jobs: Sequence[Job], repeated: Sequence[Config]) -> list[Config]:
    """Every network of `repeated` at the learning rates and batch sizes that fit best in `jobs`."""
    from fmnist_lab.audit.search import candidates_alike, choose, printed_cells
    from fmnist_lab.reproduction.report import load_report

    ranked = candidates_alike(tested(jobs), printed_cells(load_report()))
    return [
        dataclasses.replace(config, lr=lr, batch_size=batch_size)
        for lr, batch_size in choose(ranked, FINALISTS)
        for config in repeated
    ]


def write_audit(jobs: Sequence[Job], folder: Path, *, prove: bool = True) -> None:
    """Write what the audit knows from the runs on disk; `prove` as `audit_write.write_audit` has it."""
    from fmnist_lab.audit import outcome
    from fmnist_lab.reproduction.report import load_report

    with writing_outcome(jobs if prove else [], folder):  # without its proof the report is not whole
        outcome.write_audit(tested(jobs), load_report(), folder, prove=prove)


def tested(jobs: Sequence[Job]) -> pd.DataFrame:
    """The test accuracies of every epoch of the finished runs, as the audit takes them."""
    from fmnist_lab.results.frames import gather_tests

    finished = [job for job in jobs if job.record.summary()]
    return gather_tests([(job.record, described(job.config), updates_an_epoch(job.config)) for job in finished])
