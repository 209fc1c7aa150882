"""Settings that could have given a printed table, as the audit ranks them: which they are, and how well they fit."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fmnist_lab.reproduction.report import Report


def stated_setting(report: Report) -> dict[str, float]:
    """The settings that the report states for its tables."""
    lr = {table.lr for table in report.tables.values()}
    (stated,) = lr
    return {"lr": stated, **{name: report.settings[name].value for name in ("batch_size", "epochs")}}


def is_at(rows: pd.DataFrame, setting: dict[str, float]) -> pd.Series[bool]:
    """Which candidates are of this learning rate, batch size and number of epochs."""
    return (rows[SETTING] == [setting[name] for name in SETTING]).all(axis=1)


def setting_name(candidate: pd.Series[Any]) -> str:
    """A candidate of `audit.candidates` in words."""
    reading = "" if candidate["reading"] == AS_PRINTED else f" read as {candidate['reading']}"
    return f"lr {candidate['lr']:g}, batch {candidate['batch_size']:g}, {candidate['epochs']:g} epochs{reading}"


def inside(candidate: pd.Series[Any]) -> str:
    """How well a candidate fits, in words."""
    return f"{candidate['within']} of {candidate['cells']} cells inside their interval"


SETTING = ["lr", "batch_size", "epochs"]

AS_PRINTED = "as printed"
