"""Compare tables of published numbers with runs: train the runs of each number, and give a verdict on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fmnist_lab.comparison.parsing import printable
from fmnist_lab.comparison.table_format import PublishedEntry, PublishedTable, read_table, shipped
from fmnist_lab.compose import composing, is_hydras, key_of, override
from fmnist_lab.compose_errors import in_one_line
from fmnist_lab.config.checks import wrong
from fmnist_lab.config.identity import described, identity
from fmnist_lab.config.schema import COMMAND_KEYS, Config, constraints, groups
from fmnist_lab.errors import InputError
from fmnist_lab.runs.run import bind_to_machine
from fmnist_lab.sweeps import experiments
from fmnist_lab.sweeps.console import Console
from fmnist_lab.sweeps.launchers import registry

# Keys that a table may not have, as the command line gives them for all runs.
OF_THE_COMMAND = ("seed", *COMMAND_KEYS)

NOT_FOR_ALL = {"seed": "--seeds gives their number", "name": "a table's folder has the name of its file"}
PRINTED = ("number", "metric", "published", "measured", "verdict", "n")  # columns shown in the terminal

Compose = Callable[[Sequence[str]], Config]
PageOf = Callable[[Sequence[str]], Callable[[Path, Console], None]]


def compare_tables(
    files: Sequence[str], seeds: int, overrides: Sequence[str], command: str, config_dir: str | None, page_of: PageOf
) -> int:
    """Compare the tables in `files`, or those of the lab, with runs; return the exit status: 0, or 1 if a run failed.

    All tables and configurations are checked before anything is written or trained. Raises InputError for the first
    wrong one.

    Args:
        seeds: how many seeds of each run to train.
        overrides: overrides of every run; `hydra/launcher` selects the launcher.
        command: the command line of the user.
        config_dir: a folder with further presets.
        page_of: returns, for overrides, a function that writes the page of the reproduction into the outputs folder.
    """
    launcher = registry.choose_launcher(*filter(is_hydras, overrides))
    overrides = [word for word in overrides if not is_hydras(word)]
    for name, why in NOT_FOR_ALL.items():
        if value := next((word.partition("=")[2] for word in overrides if key_of(word) == name), None):
            raise wrong(name, value, f"left out: {why}")
    tables = [read_table(file, [*constraints(), *groups()]) for file in files or shipped()]
    _require_folder_names(tables)
    plans = {table.name: configure(table, overrides, config_dir) for table in tables}
    runs = {name: [config for config in configs if config] for name, configs in plans.items()}
    of_command = [word for word in overrides if key_of(word) in COMMAND_KEYS]
    of_runs = " ".join(word for word in overrides if word not in of_command)
    changed = of_runs and f"all runs with {of_runs}"
    outputs = Path(next(config.outputs for configs in runs.values() for config in configs))

    def write(done: int, console: Console) -> None:
        for table in tables:
            write_table(table, plans[table.name], done, command, changed, console)
        if not files:
            page_of(of_command)(outputs, console)

    return experiments.run_experiments("checks", runs, seeds, write, launcher)


def _require_folder_names(tables: Sequence[PublishedTable]) -> None:
    constraint = constraints()["name"]
    for place, table in enumerate(tables):
        if not constraint.holds(table.name) or table.name in [other.name for other in tables[:place]]:
            words = f"the file names a folder of its own: must be {constraint.words}, and differ from the other files"
            raise InputError(f"{printable(table.file)}: {words}")


def configure(table: PublishedTable, overrides: Sequence[str], config_dir: str | None = None) -> list[Config | None]:
    """Return the configuration of the runs of each number, with seed 0; None if the number is not testable.

    Raises InputError, which names the row, for the first wrong configuration.
    """
    if all(entry.not_testable for entry in table.entries):
        raise InputError(f"{table.file}: rows: each is not_testable; there is nothing to compare")
    with composing(config_dir) as compose:
        _composed(compose, overrides)  # first alone, so that an error in them is not attributed to a row
        configs = []
        for row, entry in enumerate(table.entries, start=1):
            try:
                configs.append(None if entry.not_testable else configured(entry, compose, overrides))
            except InputError as error:
                raise InputError(f"{table.file}: row {row}: {error}") from None
    return configs


def write_table(
    table: PublishedTable, configs: Sequence[Config | None], seeds: int, command: str, changed: str, console: Console
) -> None:
    """Compare the table with the runs of seeds 0 to `seeds` - 1 on disk, write the outcome and print the verdicts.

    `changed` describes how the settings of all runs differ from those of the table.
    """
    from fmnist_lab.comparison.assess import assess_table
    from fmnist_lab.comparison.run_selection import Samples, join
    from fmnist_lab.comparison.table_output import readable, write_comparison
    from fmnist_lab.results.frames import gather

    testable = [config for config in configs if config]
    jobs = [job for job in experiments.plan_seeds(testable, range(seeds)) if job.record.has_outcome()]
    frames = gather([(job.record, described(job.config)) for job in jobs])
    runs = join(frames.results, frames.settings)
    settings = [_settings(config) if config else None for config in configs]
    assessed = assess_table(table, Samples(runs, frames.curves, {}), settings, changed)
    alone = [experiments.command(config) for config in testable]
    page = write_comparison(table, assessed, runs, [command, *alone], Path(testable[0].outputs))
    for number, metric, published, measured, verdict, n in readable(assessed)[list(PRINTED)].itertuples(index=False):
        console.print(
            f"{number}, {metric}: published {published}, measured {measured or 'nothing'}: {verdict}, n = {n}"
        )
    console.print(str(page.parent))


def configured(entry: PublishedEntry, compose: Compose, overrides: Sequence[str]) -> Config:
    """Return the checked configuration of the runs of a number, with seed 0. Raises InputError, in one line."""
    for name in OF_THE_COMMAND:
        if name in entry.settings:
            raise wrong(name, entry.settings[name], "left out of a table: the command line gives it for all runs")
    for name in groups():
        if isinstance(entry.settings.get(name), list):
            raise wrong(name, entry.settings[name], "one name")
    config = _composed(compose, [*(override(name, value) for name, value in entry.settings.items()), *overrides])
    if entry.at_epoch is not None and entry.at_epoch > config.epochs:
        raise wrong("at_epoch", entry.at_epoch, f"at most {config.epochs}, the epochs of the run")
    return config


def _composed(compose: Compose, overrides: Sequence[str]) -> Config:
    """Return the checked configuration of these overrides. Raises InputError, in one line, if they are wrong."""
    with in_one_line(Config):
        return bind_to_machine(compose(overrides))


def _settings(config: Config) -> dict[str, Any]:
    """Return the settings that select the runs of a configuration, with any seed, from all on disk."""
    return {name: value for name, value in identity(config).items() if name != "seed"}
