"""Compare tables of published numbers with runs: each number beside the runs of its settings, with a verdict."""

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

# Not a table's to say: what the command line says for all runs.
OF_THE_COMMAND = ("seed", *COMMAND_KEYS)

NOT_FOR_ALL = {"seed": "--seeds says how many", "name": "a table's folder has the name of its file"}
TOLD = ("number", "metric", "published", "measured", "verdict", "n")  # in the terminal

Compose = Callable[[Sequence[str]], Config]
PageOf = Callable[[Sequence[str]], Callable[[Path, Console], None]]


def compare_tables(
    files: Sequence[str], seeds: int, overrides: Sequence[str], command: str, config_dir: str | None, page_of: PageOf
) -> int:
    """Check the tables in `files`, or those that come with the lab; return the exit status: 0, or 1 when a run failed.

    Every table is read and every configuration checked before anything is written or trained: InputError otherwise.

    Args:
        overrides: for every run; `hydra/launcher` says where they are trained.
        command: what the user typed.
        config_dir: a folder of presets beside those of the lab.
        page_of: gives, for overrides, what writes the page of the report's reproduction into a folder of outputs.
    """
    launcher = registry.choose_launcher(*filter(is_hydras, overrides))
    overrides = [word for word in overrides if not is_hydras(word)]
    for name, why in NOT_FOR_ALL.items():
        if value := next((word.partition("=")[2] for word in overrides if key_of(word) == name), None):
            raise wrong(name, value, f"left out: {why}")
    checks = [read_table(file, [*constraints(), *groups()]) for file in files or shipped()]
    for place, check in enumerate(checks):
        if not constraints()["name"].holds(check.name) or check.name in [other.name for other in checks[:place]]:
            words = f"the file names a folder of its own: must be {constraints()['name'].words}, and stand once"
            raise InputError(f"{printable(check.file)}: {words}")
    plans = {check.name: configure(check, overrides, config_dir) for check in checks}
    runs = {name: [config for config in configs if config] for name, configs in plans.items()}
    told = [word for word in overrides if key_of(word) in COMMAND_KEYS]
    otherwise = " ".join(word for word in overrides if word not in told)
    outputs = Path(next(config.outputs for configs in runs.values() for config in configs))

    def write(done: int, console: Console) -> None:
        for check in checks:
            write_table(check, plans[check.name], done, command, otherwise and f"all runs with {otherwise}", console)
        if not files:
            page_of(told)(outputs, console)

    return experiments.run_experiments("checks", runs, seeds, write, launcher)


def configure(check: PublishedTable, overrides: Sequence[str], config_dir: str | None = None) -> list[Config | None]:
    """The configuration of the runs behind each number, with seed 0; None where it is not testable.

    InputError names the row that has none.
    """
    if all(cell.not_testable for cell in check.cells):
        raise InputError(f"{check.file}: rows: each is not_testable; there is nothing to check")
    with composing(config_dir) as compose:
        _composed(compose, overrides)  # alone, so that what is wrong with them is not laid to a row
        configs = []
        for row, cell in enumerate(check.cells, start=1):
            try:
                configs.append(None if cell.not_testable else configured(cell, compose, overrides))
            except InputError as error:
                raise InputError(f"{check.file}: row {row}: {error}") from None
    return configs


def write_table(
    check: PublishedTable, configs: Sequence[Config | None], seeds: int, command: str, otherwise: str, console: Console
) -> None:
    """Judge the table by what is on disk of these seeds, write it, and say what was found.

    `otherwise` says in what the runs are not as the table asks.
    """
    from fmnist_lab.comparison.run_selection import Samples, join
    from fmnist_lab.comparison.table_output import assess_table, readable, write_comparison
    from fmnist_lab.results.frames import gather

    told = [config for config in configs if config]
    jobs = [job for job in experiments.plan_seeds(told, range(seeds)) if job.record.has_outcome()]
    frames = gather([(job.record, described(job.config)) for job in jobs])
    runs = join(frames.results, frames.settings)
    settings = [_settings(config) if config else None for config in configs]
    table = assess_table(check, Samples(runs, frames.curves, {}), settings, otherwise)
    alone = [experiments.command(config) for config in told]
    page = write_comparison(check, table, runs, [command, *alone], Path(told[0].outputs))
    for number, metric, published, measured, verdict, n in readable(table)[list(TOLD)].itertuples(index=False):
        console.print(
            f"{number}, {metric}: published {published}, measured {measured or 'nothing'}: {verdict}, n = {n}"
        )
    console.print(str(page.parent))


def configured(cell: PublishedEntry, compose: Compose, overrides: Sequence[str]) -> Config:
    """The settled configuration of a number's runs, with seed 0; InputError, in one line, when it has none."""
    for name in OF_THE_COMMAND:
        if name in cell.settings:
            raise wrong(name, cell.settings[name], "left out of a table: the command line says it, for all runs")
    for name in groups():
        if isinstance(cell.settings.get(name), list):
            raise wrong(name, cell.settings[name], "one name")
    config = _composed(compose, [*(override(name, value) for name, value in cell.settings.items()), *overrides])
    if cell.at_epoch is not None and cell.at_epoch > config.epochs:
        raise wrong("at_epoch", cell.at_epoch, f"at most {config.epochs}, the epochs of the run")
    return config


def _composed(compose: Compose, overrides: Sequence[str]) -> Config:
    """The settled configuration that the overrides mean; InputError, in one line, where they mean none."""
    with in_one_line(Config):
        return bind_to_machine(compose(overrides))


def _settings(config: Config) -> dict[str, Any]:
    """What picks the runs of a configuration, whatever their seed, from all on disk."""
    return {name: value for name, value in identity(config).items() if name != "seed"}
