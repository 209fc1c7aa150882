"""Candidate settings of the audit: settings that could have produced a printed table, and their fit in words."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fmnist_lab.reproduction.report import Report


def stated_setting(report: Report) -> dict[str, float]:
    """Return learning rate, batch size and number of epochs that the report states for its tables."""
    lr = {table.lr for table in report.tables.values()}
    (stated,) = lr
    return {"lr": stated, **{name: report.settings[name].value for name in ("batch_size", "epochs")}}


def is_at(rows: pd.DataFrame, setting: dict[str, float]) -> pd.Series[bool]:
    """Return which candidates have this learning rate, batch size and number of epochs."""
    return (rows[SETTING] == [setting[name] for name in SETTING]).all(axis=1)


def setting_name(candidate: pd.Series[Any]) -> str:
    """Return the settings of a row of `audit.search.candidates` in words."""
    network = "" if candidate["reading"] == AS_PRINTED else f", network {candidate['reading']}"
    return f"lr {candidate['lr']:g}, batch {candidate['batch_size']:g}, {candidate['epochs']:g} epochs{network}"


def inside(candidate: pd.Series[Any]) -> str:
    """Return the fit of a candidate in words."""
    return f"{candidate['within']} of {candidate['cells']} printed accuracies inside their 95 % intervals"


SETTING = ["lr", "batch_size", "epochs"]

AS_PRINTED = "as printed"  # the candidate network of a table whose networks are not in doubt
