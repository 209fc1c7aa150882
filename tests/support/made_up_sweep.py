"""Made-up sweeps of realistic values, for tests of drawing and counting; nothing is trained."""

import hashlib
import itertools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fmnist_lab.results.frames import CURVES, RESULTS

DEFAULTS: dict[str, Any] = {
    "architecture.hidden": "[256, 128]",
    "architecture.activation": "relu",
    "optimizer.name": "sgd",
    "optimizer.momentum": 0.0,
    "optimizer.nesterov": False,
    "data.pixels": 784,
    "data.classes": 10,
    "data.scaling": "unit",
    "data.validation": 0.1,
    "lr": 0.002,
    "epochs": 10,
    "batch_size": 128,
    "seed": 0,
    "dtype": "float32",
    "device": "cpu",
}
INIT = {"custom": "glorot_uniform", "torch": "torch_linear"}
ALIASES = {
    "model": "model.name",
    "init": "model.init",
    "hidden": "architecture.hidden",
    "activation": "architecture.activation",
    "optimizer": "optimizer.name",
}


@dataclass
class Sweep:
    """The three frames of a sweep, which `write_results` takes."""

    results: pd.DataFrame
    curves: pd.DataFrame
    settings: pd.DataFrame

    @property
    def frames(self) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        return self.results, self.curves, self.settings

    def end(self, status: str, after: int = 0, **where: Any) -> "Sweep":
        """Return the sweep with `status` (diverged or failed) after some epochs for the runs with these values."""
        matching = (self.results[list(where)] == pd.Series(where)).all(axis=1)
        results, curves = self.results.copy(), self.curves.copy()
        results.loc[matching, "status"] = status
        results.loc[matching, "train_loss":"fit_seconds"] = np.nan
        lost = curves["run"].isin(results.loc[matching, "run"])
        last = lost & (curves["epoch"] == after + 1)
        curves.loc[last, "train_loss"] = 3e7
        curves.loc[last, ["validation_loss", "validation_accuracy"]] = np.nan
        kept = after + 1 if status == "diverged" else after
        return Sweep(results, curves[~lost | (curves["epoch"] <= kept)], self.settings)

    def condition(self, name: str, value: Any, **where: Any) -> "Sweep":
        """Return the sweep with another CPU, BLAS, or number of threads or workers for some runs."""
        matching = (self.results[list(where)] == pd.Series(where)).all(axis=1)
        settings = self.settings.copy()
        settings.loc[self.results.loc[matching, "run"], name] = value
        return Sweep(self.results, self.curves, settings)


Build = Callable[..., Sweep]


def build_sweep(varied: dict[str, list[Any]] | None = None, **fixed: Any) -> Sweep:
    """Return a run for each combination of the varied settings, for both models unless `model.name` is given."""
    choices = {"model.name": ["custom", "torch"], **(varied or {})}
    runs = [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]
    settings = [with_conditions({**DEFAULTS, **fixed, **run}) for run in runs]
    names = [hashlib.sha256(repr(one).encode()).hexdigest()[:12] for one in settings]
    results, curves = [], []
    for name, setting in zip(names, settings, strict=True):
        columns = {column: setting.get(ALIASES.get(column, column)) for column in {*RESULTS, *CURVES}}
        history = train(setting)
        curves += [{**columns, "run": name, **epoch} for epoch in history]
        results.append({**columns, "run": name, "status": "finished", **outcome(history)})
    table = pd.DataFrame(settings, index=pd.Index(names, name="run")).assign(blas="A BLAS")
    return Sweep(pd.DataFrame(results)[RESULTS], pd.DataFrame(curves)[CURVES], table)


def with_conditions(setting: dict[str, Any]) -> dict[str, Any]:
    own = {"model.init": INIT[setting["model.name"]], "cpu": "A CPU", "threads": 1, "workers": 1}
    return {**own, **setting}


def train(setting: dict[str, Any]) -> list[dict[str, float]]:
    """Return a history per epoch with losses and accuracies that depend on the settings as in real runs."""
    chance = np.random.default_rng(list(repr(setting).encode()))
    widths = [int(width) for width in re.findall(r"\d+", setting["architecture.hidden"])]
    capacity = 0.02 * math.log2(min(widths) / 64) + (0.008 if setting["model.name"] == "custom" else 0)
    speed = 40 * setting["lr"] ** 0.5 * (1.3 if setting["model.name"] == "custom" else 1)
    pace = 6 + sum(widths) / 150 + (1 if setting["model.name"] == "custom" else 0)
    history = []
    for epoch in range(1, setting["epochs"] + 1):
        rest = math.exp(-speed * epoch / 6) + 0.2 / (1 + epoch)
        loss = 0.3 + 2 * rest - capacity + chance.normal(0, 0.01)
        accuracy = min(0.99, 0.86 + capacity - 0.5 * rest + chance.normal(0, 0.004))
        history.append({"epoch": epoch, "train_loss": loss, "validation_loss": loss + 0.05,
                        "validation_accuracy": accuracy, "train_seconds": pace * epoch})  # fmt: skip
    return history


def outcome(history: list[dict[str, float]]) -> dict[str, float]:
    last, best = history[-1], max(history, key=lambda epoch: epoch["validation_accuracy"])
    return {
        **{name: last[name] for name in ("train_loss", "validation_loss", "validation_accuracy", "train_seconds")},
        "train_accuracy": last["validation_accuracy"] + 0.02,
        "best_epoch": best["epoch"],
        "best_validation_accuracy": best["validation_accuracy"],
        "test_loss": last["validation_loss"] + 0.01,
        "test_accuracy": last["validation_accuracy"] - 0.006,
        "fit_seconds": last["train_seconds"] * 1.1,
    }
