"""Functions for Python and notebooks: the same runs, sweeps and records as the command line.

Wrong input raises InputError with the one line that the command line would print.
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
    """Return the configuration of one run: the defaults of `conf/` with these settings, given as to `dict`.

    Names and values are those of the command line: `configure({"architecture.hidden": [64]}, model="torch", lr=0.1)`
    means `model=torch lr=0.1 "architecture.hidden=[64]"`. Raises InputError for the first wrong setting.
    """
    settings = {**settings, **more}
    if "experiment" in settings:
        raise InputError(f"experiment={settings['experiment']}: is a sweep: give it to sweep()")
    with in_one_line(Config):
        return compose(*(override(name, value) for name, value in settings.items()))


def train(config: Config) -> Run:
    """Train one run, or find it on disk; print a line for each epoch.

    Raises InputError for a wrong configuration, and the run's own exception if it crashed.
    """
    for name, required in (("train", True), ("dry_run", False)):
        if getattr(config, name) is not required:
            raise wrong(name, not required, f"{str(required).lower()} to train a run from Python")
    with in_one_line(Config):
        jobs = plan.plan_runs([config], [""])
        console, todo = Console(None), plan.unfinished(jobs)
        console.print(plan.announcement(jobs, todo))
        with following(todo, console):
            return Run(run.train(config))


def sweep(settings: Mapping[str, Any] = {}, /, *, workers: int = 1, **more: Any) -> Sweep:
    """Train the runs of a sweep that are not on disk and write its results, as the command line does with `-m`.

    A list holds the values to try, anything else is one value for all runs: `sweep({"lr": [0.002, 0.1]}, epochs=3)`
    means `-m lr=0.002,0.1 epochs=3`. So a network is a list in a list: `{"architecture.hidden": [[64], [256, 128]]}`.
    Both models are trained unless `model` is among the settings; `sweep(experiment="table1")` runs a preset.

    Args:
        settings, more: names and values of the command line, given as to `dict`.
        workers: number of runs at once; it is recorded beside their times.

    Raises InputError for wrong input. A run that crashes does not end the sweep: its status is `failed`.
    """
    settings = {**settings, **more}
    if settings.get("dry_run"):
        raise wrong("dry_run", True, "false from Python; the command line previews a sweep")
    with in_one_line(Config):
        overrides = [_override(name, value) for name, value in settings.items()]
        configs = expand(*overrides)
        most = base.capacity(configs)
        if workers not in range(1, most + 1):
            words = f"a whole number from 1 to {most}: the cores of this machine, divided by the threads of a run"
            raise wrong("workers", workers, words)
        name = plan.default_name(overrides)
        commands = [command(config) for config in configs]
        launcher = joblib.Joblib(n_jobs=workers)
        execute.run_sweep(
            configs,
            commands,
            name,
            lambda jobs: launcher.train([job.config for job in jobs]),
            make_console=ConsoleWithoutTable,
        )
        return load(plan.folder_of(configs[0], name))


def load(folder: str | os.PathLike[str]) -> Sweep:
    """Return a finished sweep from its folder `outputs/sweeps/<name>` and the records of its runs.

    Raises InputError if the folder holds no finished sweep.
    """
    return Sweep(Path(folder), tuple(map(Run, outcome.runs_of_outcome(Path(folder)))))


@dataclass(frozen=True)
class Run:
    """One run on disk. Each property reads and verifies its file when it is used."""

    record: Record

    @property
    def folder(self) -> Path:
        """Return the folder of its files."""
        return self.record.folder

    @property
    def config(self) -> Config:
        """Return its configuration, with every setting. Raises InputError if the folder holds no run."""
        try:
            return from_yaml((self.folder / "config.yaml").read_text("utf-8"))
        except (OSError, ValueError):
            raise InputError(f"{self.folder}: holds no run; train it again with train(configure(...))") from None

    @property
    def summary(self) -> dict[str, Any]:
        """Return its results (`status`, losses, accuracies as fractions, seconds) and conditions (`provenance`)."""
        return self.record.summary() or {"status": "failed", "reason": self.record.reason()}

    @property
    def history(self) -> pd.DataFrame:
        """Return a row for each epoch: training loss, validation loss and accuracy, seconds of updates so far."""
        import pandas as pd

        columns = [column.name for column in dataclasses.fields(Epoch)]
        return pd.DataFrame(self.record.history(), columns=columns).astype({"epoch": int}).set_index("epoch")

    @property
    def weights(self) -> Weights:
        """Return a pair for each layer, first layer first: weight (fan_out, fan_in) and bias (fan_out,)."""
        return self.record.weights()

    @property
    def test_predictions(self) -> NDArray[np.uint8] | None:
        """Return the predicted class of every test image, (n_test,); None for a run that diverged."""
        return self.record.test_predictions()

    def _repr_html_(self) -> str:
        plain = {name: value for name, value in self.summary.items() if not isinstance(value, dict)}
        rows = "".join(
            f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>" for name, value in plain.items()
        )
        return f"<table>{rows}</table><p>{escape(str(self.folder))}</p>"


@dataclass(frozen=True)
class Sweep:
    """A finished sweep: its runs and its results."""

    folder: Path
    runs: tuple[Run, ...] = field(repr=False)

    @cached_property
    def results(self) -> pd.DataFrame:
        """Return a row for each run: `results.csv`."""
        return self._read("results.csv")

    @cached_property
    def curves(self) -> pd.DataFrame:
        """Return a row for each run and epoch: `curves.csv`."""
        return self._read("curves.csv")

    @cached_property
    def table(self) -> pd.DataFrame:
        """Return a row for each model and combination of settings that varied: means over seeds, half-widths, n, notes.

        A half-width is that of the 95 % t interval over the seeds that finished.
        """
        from fmnist_lab.results.summary_statistics import summarize

        factors, runs = self._analysis
        return summarize(runs, [factor.name for factor in factors])

    @cached_property
    def figures(self) -> dict[str, Figure]:
        """Return the figures of the sweep's folder, by name."""
        from fmnist_lab.results.write import draw_figures

        return draw_figures(self._frames.results, self._frames.curves, self._frames.settings)

    def _read(self, name: str) -> pd.DataFrame:
        import pandas as pd

        return pd.read_csv(self.folder / name)

    @cached_property
    def _frames(self) -> Frames:
        from fmnist_lab.results.frames import gather

        begun = [each for each in self.runs if (each.folder / "config.yaml").exists()]  # the others have no results
        if not begun:
            raise InputError(f"{self.folder}: the records of its runs are not in {self.runs[0].folder.parent}")
        return gather([(each.record, _settings_of_run(each.config)) for each in begun])

    @cached_property
    def _analysis(self) -> tuple[list[Factor], pd.DataFrame]:
        from fmnist_lab.results.summary_statistics import analyze

        return analyze(self._frames.results, self._frames.curves, self._frames.settings)

    def _repr_html_(self) -> str:
        from fmnist_lab.results.tables import FOOTNOTE, readable

        table = readable(self.table, self._analysis[0]).to_html(index=False)
        return f"{table}<p>{escape(FOOTNOTE)}</p><p>{escape(str(self.folder))}</p>"


class ConsoleWithoutTable(Console):
    """A console that prints no table at the end of a sweep: the returned `Sweep` shows it."""

    def show(self, table: object) -> None:
        pass


def _override(name: str, value: object) -> str:
    if hasattr(value, "tolist"):  # a NumPy array
        value = value.tolist()
    return override_each(name, value) if isinstance(value, list | tuple | range) else override(name, value)


def _settings_of_run(config: Config) -> dict[str, Any]:
    """Return the settings of a run without those of the command: another sweep may have trained it."""
    return {name: value for name, value in described(config).items() if name not in COMMAND_KEYS}
