"""The lab from Python, as in a notebook: the command line's runs, sweeps, checks and records, without a command line.

Wrong input raises `InputError`, whose message is the command line's one line.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fmnist_lab.compose import compose, expand, override, override_each
from fmnist_lab.compose_errors import in_one_line
from fmnist_lab.config.checks import wrong
from fmnist_lab.config.identity import described
from fmnist_lab.config.schema import COMMAND_KEYS, Config, from_yaml
from fmnist_lab.errors import InputError
from fmnist_lab.runs import run
from fmnist_lab.runs.record import Record
from fmnist_lab.sweeps import execute, outcome, plan
from fmnist_lab.sweeps.console import Console
from fmnist_lab.sweeps.experiments import command
from fmnist_lab.sweeps.launchers import base, joblib
from fmnist_lab.sweeps.progress import following
from fmnist_lab.training import Epoch

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from fmnist_lab.models import Weights
    from fmnist_lab.results.factors import Factor
    from fmnist_lab.results.frames import Frames

__all__ = ["Config", "InputError", "Run", "Sweep", "configure", "load", "sweep", "train"]


def configure(settings: Mapping[str, Any] = {}, /, **more: Any) -> Config:
    """The configuration of one run: the defaults of `conf/`, but for these settings. Given as to `dict`.

    Names and values are those of the command line: `configure({"architecture.hidden": [64]}, model="torch", lr=0.1)`
    is `model=torch lr=0.1 "architecture.hidden=[64]"`. Raises InputError.
    """
    told = {**settings, **more}
    if "experiment" in told:
        raise InputError(f"experiment={told['experiment']}: is a sweep: give it to sweep()")
    with in_one_line(Config):
        return compose(*(override(name, value) for name, value in told.items()))


def train(config: Config) -> Run:
    """Train one run, or find it on disk; says how far it has come, a line an epoch.

    Raises InputError for a wrong configuration, and what the run itself raised if it crashed.
    """
    for name, needed in (("train", True), ("dry_run", False)):
        if getattr(config, name) is not needed:
            raise wrong(name, not needed, f"{str(needed).lower()} to train a run from Python")
    with in_one_line(Config):
        jobs = plan.plan_runs([config], [""])
        console, todo = Console(None), plan.unfinished(jobs)
        console.print(plan.announcement(jobs, todo))
        with following(todo, console):
            return Run(run.train(config))


def sweep(settings: Mapping[str, Any] = {}, /, *, workers: int = 1, **more: Any) -> Sweep:
    """Do a sweep, or what is missing of it, and report it in its folder, as the command line does with `-m`.

    A list holds the values to try, anything else is one value for all runs: `sweep({"lr": [0.002, 0.1]}, epochs=3)`
    is `-m lr=0.002,0.1 epochs=3`. So a network is a list in a list: `{"architecture.hidden": [[64], [256, 128]]}`.
    Both models are trained unless `model` is among the settings; `sweep(experiment="table1")` does a preset.

    Args:
        settings, more: names and values of the command line, given as to `dict`.
        workers: how many runs go on at once; it is written beside their times.

    Raises InputError. A run that crashes does not end the sweep: its status is `failed`.
    """
    told = {**settings, **more}
    if told.get("dry_run"):
        raise wrong("dry_run", True, "false from Python; the command line previews a sweep")
    with in_one_line(Config):
        overrides = [_override(name, value) for name, value in told.items()]
        configs = expand(*overrides)
        most = base.room(configs)
        if workers not in range(1, most + 1):
            raise wrong("workers", workers, f"a whole number from 1 to {most}: the cores here, by the threads of a run")
        name = plan.default_name(overrides)
        commands = [command(config) for config in configs]
        launcher = joblib.Joblib(n_jobs=workers)
        execute.run_sweep(
            configs, commands, name, lambda jobs: launcher.train([job.config for job in jobs]), make_console=Lines
        )
        return load(plan.folder_of(configs[0], name))


def load(folder: str | os.PathLike[str]) -> Sweep:
    """A finished sweep, from its folder `outputs/sweeps/<name>` and the records of its runs. Raises InputError."""
    return Sweep(Path(folder), tuple(map(Run, outcome.reported(Path(folder)))))


@dataclass(frozen=True)
class Run:
    """One run on disk. What it is asked for is read, and verified, then."""

    record: Record

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return self.record.folder

    @property
    def config(self) -> Config:
        """Every setting of it."""
        try:
            return from_yaml((self.folder / "config.yaml").read_text("utf-8"))
        except (OSError, ValueError):
            raise InputError(f"{self.folder}: holds no run; the command that trains it makes one") from None

    @property
    def summary(self) -> dict[str, Any]:
        """What it came to (`status`, accuracies as fractions, seconds) and under which conditions (`provenance`)."""
        return self.record.summary() or {"status": "failed", "reason": self.record.reason()}

    @property
    def history(self) -> pd.DataFrame:
        """A row an epoch: training loss, validation loss and accuracy, seconds of updates since the start."""
        import pandas as pd

        columns = [column.name for column in dataclasses.fields(Epoch)]
        return pd.DataFrame(self.record.history(), columns=columns).astype({"epoch": int}).set_index("epoch")

    @property
    def weights(self) -> Weights:
        """A pair a layer, inputs first: weight (fan_out, fan_in) and bias (fan_out,)."""
        return self.record.weights()

    @property
    def test_predictions(self) -> NDArray[np.uint8] | None:
        """The predicted class of every test image, (n_test,); None for a run that diverged."""
        return self.record.test_predictions()

    def _repr_html_(self) -> str:
        told = {name: value for name, value in self.summary.items() if not isinstance(value, dict)}
        rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in told.items())
        return f"<table>{rows}</table><p>{escape(str(self.folder))}</p>"


@dataclass(frozen=True)
class Sweep:
    """A finished sweep: its runs, and what its report says of them."""

    folder: Path
    runs: tuple[Run, ...] = field(repr=False)

    @cached_property
    def results(self) -> pd.DataFrame:
        """A row a run: `results.csv`."""
        return self._read("results.csv")

    @cached_property
    def curves(self) -> pd.DataFrame:
        """A row a run and epoch: `curves.csv`."""
        return self._read("curves.csv")

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row for each combination of what varied and each model, seeds gathered: means, half-widths, n, notes.

        A half-width is that of the 95 % t interval over the seeds that finished.
        """
        from fmnist_lab.results.summary_statistics import cells

        factors, runs = self._analysis
        return cells(runs, [factor.name for factor in factors])

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """The report's figures by name."""
        from fmnist_lab.results.write import draw_figures

        return draw_figures(self._frames.results, self._frames.curves, self._frames.settings)

    def _read(self, name: str) -> pd.DataFrame:
        import pandas as pd

        return pd.read_csv(self.folder / name, dtype={"run": str})  # some fingerprints look like numbers

    @cached_property
    def _frames(self) -> Frames:
        from fmnist_lab.results.frames import gather

        begun = [each for each in self.runs if (each.folder / "config.yaml").exists()]  # another has nothing to draw
        if not begun:
            raise InputError(f"{self.folder}: the records of its runs are not in {self.runs[0].folder.parent}")
        return gather([(each.record, _settings(each.config)) for each in begun])

    @cached_property
    def _analysis(self) -> tuple[list[Factor], pd.DataFrame]:
        from fmnist_lab.results.summary_statistics import analyse

        return analyse(self._frames.results, self._frames.curves, self._frames.settings)

    def _repr_html_(self) -> str:
        from fmnist_lab.results.tables import FOOTNOTE, readable

        table = readable(self.table, self._analysis[0]).to_html(index=False)
        return f"{table}<p>{escape(FOOTNOTE)}</p><p>{escape(str(self.folder))}</p>"


class Lines(Console):
    """A voice that leaves the table of a sweep to the `Sweep`."""

    def show(self, table: object) -> None:
        pass


def _override(name: str, value: object) -> str:
    if hasattr(value, "tolist"):  # NumPy's arrays
        value = value.tolist()
    return override_each(name, value) if isinstance(value, list | tuple | range) else override(name, value)


def _settings(config: Config) -> dict[str, Any]:
    """What a run's result depends on; it may have been trained under another sweep's name, in another folder."""
    return {name: value for name, value in described(config).items() if name not in COMMAND_KEYS}
