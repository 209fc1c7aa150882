"""Reproduce the report: its experiments seed by seed, the saddle, and after each seed the page of all there is."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from fmnist_lab.config.identity import described
from fmnist_lab.sweeps import execute, outcome
from fmnist_lab.sweeps.console import Console
from fmnist_lab.sweeps.experiments import Experiments, compose_preset, on_disk, plan_seeds, run_experiments
from fmnist_lab.sweeps.launchers import registry

TABLES = ("table1", "table2", "table3")
PRESETS = {
    "paper": ("figures", *TABLES, *(f"{table}_inferred" for table in TABLES), "initialization"),
    "studies": ("precision", "epochs", "batch_size", "zero_initialization"),
}


def reproduce(study: str, seeds: int, overrides: Sequence[str]) -> int:
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

    return run_experiments(study, experiments, seeds, write, registry.choose_launcher(*overrides))


def experiments_told(overrides: Sequence[str]) -> Experiments:
    """The experiments of whose runs the page tells: those of the paper and of the studies."""
    return {preset: compose_preset(preset, overrides) for study in ("paper", "studies") for preset in PRESETS[study]}


def report(experiments: Experiments, seeds: int, told: Experiments, console: Console) -> None:
    """Write the folder of every experiment whose report is not of its runs as they stand, and the page of `told`."""
    for preset, configs in experiments.items():
        jobs = plan_seeds(configs, range(seeds))
        folder = Path(jobs[0].config.outputs) / "sweeps" / preset
        if not outcome.is_outcome_current(jobs, folder):
            execute.open_folder(folder, jobs[0].config.outputs)
            outcome.write_outcome(jobs, folder)
            console.print(str(folder))
    console.print(str(write_page(Path(jobs[0].config.outputs), told)))


def write_page(outputs: Path, told: Experiments) -> Path:
    """Judge all that is on disk of the experiments told, and write the page."""
    from fmnist_lab.comparison.run_selection import join
    from fmnist_lab.reproduction.assessment import assess, cells
    from fmnist_lab.reproduction.claims import BASES
    from fmnist_lab.reproduction.page import build_page
    from fmnist_lab.results.frames import gather

    frames = gather([(job.record, described(job.config)) for job in on_disk(told)])
    runs = join(frames.results, frames.settings)
    claims = assess(runs, frames.curves, saddle=saddle_agrees(outputs / "saddle"))
    tables = {(table, settings): cells(runs, table, settings) for table in TABLES for settings in BASES}
    return build_page(outputs, runs, frames.curves, claims, tables, PRESETS["studies"])


def page_of(overrides: Sequence[str]) -> Callable[[Path, Console], None]:
    """Return what writes the page of the experiments with these overrides, which it checks at once."""
    told = experiments_told(overrides)
    return lambda outputs, console: console.print(str(write_page(outputs, told)))


def check_saddle(outputs: Path, root: str | None, console: Console) -> None:
    """Do the checks of the report's bonus question, unless their outcome is there."""
    from fmnist_lab.compose import compose_as
    from fmnist_lab.saddle.config import SaddleConfig
    from fmnist_lab.saddle.run import run_saddle

    folder = outputs / "saddle"
    if saddle_agrees(folder) is None:
        console.print("the saddle at zero")
        config = compose_as(SaddleConfig, "saddle")
        run_saddle(dataclasses.replace(config, outputs=str(outputs), data=dataclasses.replace(config.data, root=root)))


def saddle_agrees(folder: Path) -> bool | None:
    """Whether all checks of the saddle agree; None if they have not been run."""
    try:
        text = (folder / "checks.csv").read_text("utf-8")
    except OSError:
        return None
    return all(row["ok"] == "True" for row in csv.DictReader(text.splitlines()))
