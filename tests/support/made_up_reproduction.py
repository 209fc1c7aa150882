"""A small made-up reproduction: frames of the right shape, with text that would break an unescaped page."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from fmnist_lab import data
from fmnist_lab.comparison.verdict_statistics import VERDICTS
from fmnist_lab.reproduction.page import build_page
from fmnist_lab.reproduction.report import load_report
from fmnist_lab.runs.record import Record

NASTY = """_ % & < > # $ { } ~ ^ \\ | [x] * ` " ' </table><script>fail()</script> é − – → ≤"""
OWN = {"custom": "glorot_uniform", "torch": "torch_linear"}
SETTING = {"lr": 0.02, "batch_size": 128, "epochs": 7}
CANDIDATE = {
    "table": "table1", "reading": "as printed", **SETTING, "within": 7, "cells": 8, "misfit": 0.5,
    "lr_updates": 52.5, "kept": True, "scale": 1.0,
}  # fmt: skip
KINDS = ("sentence", "series", "cell", "time", "note", "contradiction", "theorem")


@dataclass(frozen=True)
class Reproduction:
    """The frames that a page is built from."""

    runs: pd.DataFrame
    curves: pd.DataFrame
    claims: pd.DataFrame
    tables: dict[tuple[str, str], pd.DataFrame] = field(default_factory=dict)

    def build(self, outputs: Path) -> Path:
        return build_page(outputs, self.runs, self.curves, self.claims, self.tables, ["precision"])

    def but(self, **frames: Any) -> "Reproduction":
        return replace(self, **frames)


def make_reproduction(build: Callable[..., Any], seeds: int = 2) -> Reproduction:
    """Return both models with either initialisation at the rates of the figures, and every table at both settings."""
    rates = [figure.lr for figure in load_report().figures.values()]
    varied = {"model.init": [*OWN.values()], "lr": rates, "seed": [*range(seeds)]}
    sweep = build(
        varied,
        **{"data.name": "fashion_mnist", "data.scaling": "symmetric", "data.validation": 0.2, "data.split": "random"},
    )
    settings = sweep.settings.drop(columns=[name for name in sweep.settings if name in sweep.results])
    tables = {
        (id, settings): make_entries(id, settings) for id in load_report().tables for settings in ("stated", "inferred")
    }
    return Reproduction(sweep.results.join(settings, on="run"), sweep.curves, make_claims(), tables)


def write_neighbours(outputs: Path) -> None:
    """Write an audit, a saddle and a further sweep below `outputs`, small but with the files that the page shows."""
    (outputs / "audit").mkdir()
    rows = {"ranking": CANDIDATE, "transfer": {"verdict": "given up"}, "unexplained": {"misfit": 2.5}}
    for name, row in rows.items():
        pd.DataFrame([row]).to_csv(outputs / "audit" / f"{name}.csv", index=False)
    (outputs / "saddle").mkdir()
    predictions = {
        "name": ["slope", "spectrum"],
        "prediction": [3.0, 1.0],
        "observation": [3.0001, 7.0],
        "ok": [True, False],
    }
    pd.DataFrame(predictions).to_csv(outputs / "saddle" / "checks.csv", index=False)
    (outputs / "sweeps" / "precision" / "figures").mkdir(parents=True)
    for place in ("audit/heat_map.png", "sweeps/precision/figures/dtype.png", "sweeps/precision/figures/curves_1.png"):
        matplotlib.image.imsave(outputs / place, np.zeros((4, 4)))
    table = "dtype,model,n,validation_accuracy_mean,validation_accuracy_half_width,test_accuracy_mean,"
    table += (
        "test_accuracy_half_width,train_loss_mean,fit_seconds_median,notes\nfloat64,custom,2,.8,.01,.79,.01,.5,9,\n"
    )
    (outputs / "sweeps" / "precision" / "table_dtype.csv").write_text(table)


def make_entries(id: str, settings: str = "stated") -> pd.DataFrame:
    """Return a table whose measured values are 0.01 below the printed ones, with intervals of ± 0.008."""
    rows = [
        {
            "hidden": str(list(row.hidden)),
            "model": model,
            "published_accuracy": entry.test_accuracy,
            "test_accuracy_mean": entry.test_accuracy - 0.01,
            "low": entry.test_accuracy - 0.018,
            "high": entry.test_accuracy - 0.002,
            "difference": -0.01,
            "n": 2,
            "verdict": "published higher" if settings == "stated" else "explained",
            "published_seconds": entry.seconds,
            "seconds_median": 8.04,
            "notes": "0.8 points above PyTorch [0.5, 1.1]; 0.7 of its time",
            "published_note": NASTY,
        }
        for row in load_report().tables[id].rows
        for model, entry in row.entries.items()
    ]
    return pd.DataFrame(rows)


def make_claims() -> pd.DataFrame:
    """Return a claim of every kind and verdict."""
    rows = [
        {
            "claim": f"{kind}-{verdict}",
            "where": "Table 1",
            "kind": kind,
            "says": f"{kind} {verdict} {NASTY}",
            "mark": "stated",
            "published_runs": 1,
            "published": "83.29 %",
            "measured": "82.10 % [81.9, 82.3]",
            "difference": -0.0119 + at / 1000,
            "half_width": 0.002,
            "detectable": 0.003,
            "n": 2,
            "verdict": verdict,
            "reason": f"the reason of {verdict}",
            "experiment": "table1",
            "command": "python -m fmnist_lab -m experiment=table1 seed=0,1",
        }
        for kind in KINDS
        for at, verdict in enumerate(VERDICTS)
    ]
    return pd.DataFrame(rows).astype({"n": "Int64"})


def pretend_records(patch: pytest.MonkeyPatch) -> None:
    """Give every run a record: two processors in turn, and predictions that are wrong for one image in ten."""
    source, chance = data.shipped("fashion_mnist"), np.random.default_rng(0)
    labels = data.load(source, None, scaling="unit", validation=0, split="last", rng=chance).test.labels
    predicted = np.where(np.arange(len(labels)) % 10, labels, (labels + 1) % 10).astype(np.uint8)
    first = chance.normal(size=(16, source.pixels)).astype(np.float32)
    patch.setattr(Record, "config", lambda self: {"data": {"name": "fashion_mnist"}})
    patch.setattr(Record, "weights", lambda self: [(first, first[:, 0])])
    patch.setattr(Record, "test_predictions", lambda self: predicted)
    patch.setattr(Record, "summary", lambda self: {"provenance": PROVENANCE[int(self.run, 16) % 2]})


PROVENANCE = [
    {
        "cpu": cpu,
        "blas": "openblas 0.3.31 SkylakeX",
        "system": "Linux x86_64",
        "python": "3.11.7",
        "locked": True,
        "versions": {"numpy": "2.4.6"},
        "threads": 1,
        "workers": 2,
        "data_checksum": data.shipped("fashion_mnist").checksum,
        "git_commit": None,
        "numerics": 1,
    }
    for cpu in ("one processor", "another & <processor>")
]
