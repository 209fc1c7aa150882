"""Reproduce the report: run its experiments seed by seed and the saddle, and write the page after each seed."""

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


def reproduce(group: str, seeds: int, overrides: Sequence[str]) -> int:
    """Train the missing runs of a group of experiments seed by seed; return the exit status: 0, or 1 if a run failed.

    After each seed that needed training, the page and the folder of each experiment with new runs are written. All
    configurations are checked and the data is located before anything is written or trained. Raises InputError if a
    configuration is wrong or the data cannot be found.
    """
    shown = page_experiments(overrides)
    experiments = {preset: shown[preset] for preset in PRESETS[group]}

    def write(done: int, console: Console) -> None:
        if group == "paper":
            (config, *_) = experiments["figures"]
            run_missing_saddle(Path(config.outputs), config.data.root, console)
        write_results(experiments, done, shown, console)

    return run_experiments(group, experiments, seeds, write, registry.choose_launcher(*overrides))


def page_experiments(overrides: Sequence[str]) -> Experiments:
    """Return the experiments that the page shows: those of both groups."""
    return {preset: compose_preset(preset, overrides) for group in ("paper", "studies") for preset in PRESETS[group]}


def write_results(experiments: Experiments, seeds: int, shown: Experiments, console: Console) -> None:
    """Write the folder of each experiment whose results are out of date, and the page of the experiments `shown`."""
    for preset, configs in experiments.items():
        jobs = plan_seeds(configs, range(seeds))
        folder = Path(jobs[0].config.outputs) / "sweeps" / preset
        if not outcome.is_outcome_current(jobs, folder):
            execute.open_folder(folder, jobs[0].config.outputs)
            outcome.write_outcome(jobs, folder)
            console.print(str(folder))
    console.print(str(write_page(Path(jobs[0].config.outputs), shown)))


def write_page(outputs: Path, shown: Experiments) -> Path:
    """Assess the runs on disk of the experiments `shown`, write the page and return its path."""
    from fmnist_lab.comparison.run_selection import join
    from fmnist_lab.reproduction.assessment import assess, table_entries
    from fmnist_lab.reproduction.claims import BASES
    from fmnist_lab.reproduction.page import build_page
    from fmnist_lab.results.frames import gather

    frames = gather([(job.record, described(job.config)) for job in on_disk(shown)])
    runs = join(frames.results, frames.settings)
    claims = assess(runs, frames.curves, saddle=saddle_agrees(outputs / "saddle"))
    tables = {(table, settings): table_entries(runs, table, settings) for table in TABLES for settings in BASES}
    return build_page(outputs, runs, frames.curves, claims, tables, PRESETS["studies"])


def page_of(overrides: Sequence[str]) -> Callable[[Path, Console], None]:
    """Return a function that writes the page of the experiments with these overrides.

    The overrides are checked at once: InputError if one is wrong.
    """
    shown = page_experiments(overrides)
    return lambda outputs, console: console.print(str(write_page(outputs, shown)))


def run_missing_saddle(outputs: Path, root: str | None, console: Console) -> None:
    """Compare the predictions for the report's bonus question, unless `outputs` has the observations already."""
    from fmnist_lab.compose import compose_as
    from fmnist_lab.saddle.config import SaddleConfig
    from fmnist_lab.saddle.run import run_saddle

    folder = outputs / "saddle"
    if saddle_agrees(folder) is None:
        console.print("the saddle at zero")
        config = compose_as(SaddleConfig, "saddle")
        run_saddle(dataclasses.replace(config, outputs=str(outputs), data=dataclasses.replace(config.data, root=root)))


def saddle_agrees(folder: Path) -> bool | None:
    """Return whether all predictions of the saddle agree with the observations; None if they were not compared."""
    try:
        text = (folder / "checks.csv").read_text("utf-8")
    except OSError:
        return None
    return all(row["ok"] == "True" for row in csv.DictReader(text.splitlines()))
