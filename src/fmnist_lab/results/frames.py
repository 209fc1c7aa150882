"""Records of runs as DataFrames: one row per run, and one row per run and epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fmnist_lab.results.factors import CONDITIONS
from fmnist_lab.runs.record import Record

RESULTS = [
    "run",
    "status",
    "model",
    "init",
    "hidden",
    "activation",
    "optimizer",
    "lr",
    "epochs",
    "batch_size",
    "seed",
    "dtype",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "best_epoch",
    "best_validation_accuracy",
    "test_loss",
    "test_accuracy",
    "train_seconds",
    "fit_seconds",
    "threads",
    "workers",
]
CURVES = [
    "run",
    "model",
    "hidden",
    "lr",
    "seed",
    "epoch",
    "train_loss",
    "validation_loss",
    "validation_accuracy",
    "train_seconds",
]

# The configuration keys of columns with another name.
KEYS = {
    "model": "model.name",
    "init": "model.init",
    "hidden": "architecture.hidden",
    "activation": "architecture.activation",
    "optimizer": "optimizer.name",
}


@dataclass(frozen=True)
class Frames:
    """Records of runs as DataFrames.

    `results` and `curves` have the columns of their CSV files. `settings` is indexed by run and has a column for each
    configuration key and each of factors.CONDITIONS.
    """

    results: pd.DataFrame
    curves: pd.DataFrame
    settings: pd.DataFrame


def gather(runs: Sequence[tuple[Record, Mapping[str, Any]]]) -> Frames:
    """Read the records of `runs`, each given with its configuration by dotted keys; no summary means failed."""
    rows, epochs, settings = [], [], []
    for record, config in runs:
        summary = record.summary() or {"status": "failed"}
        row = {**{name: summary.get(name) for name in RESULTS}, **_columns(RESULTS, config), "run": record.run}
        conditions = summary.get("provenance", {})
        row |= {name: conditions.get(name) for name in ("threads", "workers")}
        rows.append(row)
        epochs += [{**_columns(CURVES, config), "run": record.run, **epoch} for epoch in record.history()]
        settings.append({**_texts(config), **{name: conditions.get(name) for name in CONDITIONS}})
    index = pd.Index([row["run"] for row in rows], name="run")
    return Frames(_frame(rows, RESULTS), _frame(epochs, CURVES), pd.DataFrame(settings, index=index))


def gather_tests(runs: Sequence[tuple[Record, Mapping[str, Any], int]]) -> pd.DataFrame:
    """Return the test accuracy after every epoch of runs with `test_every_epoch`, one row per run and epoch.

    Args:
        runs: records, each with its configuration by dotted keys and its number of updates per epoch.

    Returns:
        Columns architecture, model, lr, batch_size, epochs and updates (numbers done so far), seed, test_accuracy (a
        fraction).
    """
    rows = [
        {
            "architecture": str(config["architecture.hidden"]),
            "model": config["model.name"],
            **{name: config[name] for name in ("lr", "batch_size")},
            "epochs": int(epoch["epoch"]),
            "updates": int(epoch["epoch"]) * updates,
            "seed": config["seed"],
            "test_accuracy": epoch["test_accuracy"],
        }
        for record, config, updates in runs
        for epoch in record.history("test_history.csv")
    ]
    return pd.DataFrame(rows)


def _columns(names: Sequence[str], config: Mapping[str, Any]) -> dict[str, Any]:
    texts = _texts(config)
    return {name: texts[KEYS.get(name, name)] for name in names if KEYS.get(name, name) in texts}


def _texts(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return `config` with lists as text, which pandas can group by."""
    return {name: str(value) if isinstance(value, list) else value for name, value in config.items()}


def _frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(columns))
    whole = [name for name in ("best_epoch", "epoch", "threads", "workers") if name in frame]
    return frame.astype(dict.fromkeys(whole, "Int64"))
