"""Run the audit: train one seed of a grid of settings, then all seeds of the settings that fit the tables best."""

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

FINALISTS = 4  # number of settings of the grid, those that fit best on one seed, that are run with all seeds


def audit(seeds: int, overrides: Sequence[str], write_page: Callable[[Path, Console], None]) -> int:
    """Search for the settings that would explain the tables of the report; return the exit status of `run_sweep`.

    First one seed of a grid of settings is trained, and all seeds of one setting, from which the scatter of accuracies
    is estimated; then all seeds of the settings that fit best. The folder of the audit is written after each of these
    seeds. At the end `write_page` is called with the folder of the outputs. Raises InputError for fewer than 2 seeds.
    """
    if seeds < 2:
        raise wrong("--seeds", seeds, "at least 2 for the audit, which measures the scatter between seeds")
    launcher = registry.choose_launcher(*overrides)
    grid, repeated = (compose_preset(preset, overrides) for preset in PRESETS)
    refuse_unknown_networks(grid)
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


def refuse_unknown_networks(configs: Sequence[Config]) -> None:
    """Raise InputError if none of these networks is in the tables that the audit explains."""
    from fmnist_lab.audit.search import assume_networks, printed_entries
    from fmnist_lab.reproduction.report import load_report

    known = list(dict.fromkeys(assume_networks(printed_entries(load_report()))["architecture"]))
    networks = list(dict.fromkeys(str(config.architecture.hidden) for config in configs))
    if not set(networks) & set(known):
        raise wrong("architecture.hidden", ", ".join(networks), f"a network of the tables: {', '.join(known)}")


def audit_forecast(first: Sequence[Job], todo: Sequence[Job], repeated: Sequence[Config], seeds: int) -> str:
    """Return the number of runs to train and their duration in words.

    Before the grid is finished, the number of finalists is known, but not their settings.
    """
    like = plan_seeds(repeated, range(seeds))
    then = f"then at most {FINALISTS * len(like)} runs at the {FINALISTS} settings that fit best"
    text = forecast(first, todo)
    return f"{text}; {then}, {duration(like, FINALISTS)}" if todo else text


def choose_finalists(jobs: Sequence[Job], repeated: Sequence[Config]) -> list[Config]:
    """Return every network of `repeated` at the learning rates and batch sizes that fit best in `jobs`."""
    from fmnist_lab.audit.search import candidates_alike, choose, printed_entries
    from fmnist_lab.reproduction.report import load_report

    ranked = candidates_alike(tested(jobs), printed_entries(load_report()))
    return [
        dataclasses.replace(config, lr=lr, batch_size=batch_size)
        for lr, batch_size in choose(ranked, FINALISTS)
        for config in repeated
    ]


def write_audit(jobs: Sequence[Job], folder: Path, *, prove: bool = True) -> None:
    """Write the outcome of the audit from the runs on disk; `prove` as for `outcome.write_audit`."""
    from fmnist_lab.audit import outcome
    from fmnist_lab.reproduction.report import load_report

    with writing_outcome(jobs if prove else [], folder):  # without the test on planted tables the outcome is incomplete
        outcome.write_audit(tested(jobs), load_report(), folder, prove=prove)


def tested(jobs: Sequence[Job]) -> pd.DataFrame:
    """Return the test accuracy of every epoch of the finished runs, as `search.misfits` expects them."""
    from fmnist_lab.results.frames import gather_tests

    finished = [job for job in jobs if job.record.summary()]
    return gather_tests([(job.record, described(job.config), updates_an_epoch(job.config)) for job in finished])
