"""The audit tried on tables whose settings are known, because they are made of our own runs."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fmnist_lab.audit.search import CANDIDATE, CELL, ambiguous, candidates, misfits, readings
from fmnist_lab.reproduction.candidates import SETTING

APART = 1.4  # factor between the planted settings in learning rate x updates
LEAST_SEEDS = 3  # one is printed, the others are known


def try_planted(measured: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    """Print tables from our own runs, hide these runs, and ask the audit for their settings.

    Each cell of a planted table is one run's test accuracy, the seed another from cell to cell, so that the noise
    of seeds is in it as in a published table. That seed of that network is hidden at all settings.

    Args:
        measured: as `audit.misfits` takes it. Settings at which every cell has three seeds or more are planted.
        printed: the layout of the tables; what they say is replaced.

    Returns:
        A row a planted table: CANDIDATE and lr_updates as planted, found (whether it is among those that the audit
        keeps), kept (their number), low and high (their span of lr_updates), best (lr_updates of the first).
    """
    meant = readings(printed).merge(measured[CELL].drop_duplicates(), on=CELL)
    rows = []
    for number, setting in enumerate(spread_out(_repeated(measured, meant))):
        for (table, reading), cells in meant.groupby(["table", "reading"], sort=False):
            planted, known = plant(measured, cells, setting, number)
            ranked = candidates(misfits(known, planted))
            kept = ranked.loc[ranked["kept"], "lr_updates"]
            truth = {"table": table, "reading": reading, **{name: setting[name] for name in SETTING}}
            found = ranked.loc[ranked["kept"], CANDIDATE].eq(pd.Series(truth)).all(axis=1).any()
            rows.append(
                truth
                | {"lr_updates": setting["lr_updates"], "found": found, "kept": len(kept)}
                | {"low": kept.min(), "high": kept.max(), "best": ranked["lr_updates"].iloc[0]}
            )
    return pd.DataFrame(rows)


def plant(
    measured: pd.DataFrame, cells: pd.DataFrame, setting: pd.Series[Any], number: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A table as its author would have printed it after running `setting`, and what is measured beside it.

    Args:
        cells: one table in one reading, as `audit.readings` gives it.
        number: shifts the seeds that are taken.

    Returns:
        The printed cells (table, hidden, model, published) and the measured rows without the seeds in them.
    """
    at = measured[(measured[SETTING] == setting[SETTING]).all(axis=1)]
    known, published = measured, []
    for place, cell in enumerate(cells.to_dict("records")):
        own = at[(at[CELL] == [cell[name] for name in CELL]).all(axis=1)].sort_values("seed")
        run = own.iloc[(number + place) % len(own)]
        published.append(run["test_accuracy"])
        networks = ambiguous().get(cell["hidden"], (cell["hidden"],))
        of_cell = known["architecture"].isin(networks) & (known["model"] == cell["model"])
        known = known[~(of_cell & (known["seed"] == run["seed"]))]
    return cells[["table", "hidden", "model"]].assign(published=published), known


def spread_out(settings: pd.DataFrame) -> list[pd.Series[Any]]:
    """From the smallest learning rate x updates on, each setting that is APART from the one taken before."""
    taken: list[pd.Series[Any]] = []
    for _, setting in settings.sort_values(["lr_updates", "lr"]).iterrows():
        if not taken or setting["lr_updates"] >= APART * taken[-1]["lr_updates"]:
            taken.append(setting)
    return taken


def _repeated(measured: pd.DataFrame, meant: pd.DataFrame) -> pd.DataFrame:
    """The settings at which every network and model of the tables has enough seeds: SETTING and lr_updates."""
    cells = meant[CELL].drop_duplicates()
    own = measured.dropna(subset="test_accuracy").merge(cells, on=CELL)
    seeds = own.groupby([*SETTING, *CELL]).agg(seeds=("seed", "nunique"), updates=("updates", "first"))
    enough = seeds[seeds["seeds"] >= LEAST_SEEDS].reset_index()
    settings = enough.groupby(SETTING).agg(cells=("seeds", "size"), updates=("updates", "first")).reset_index()
    settings = settings[settings["cells"] == len(cells)]
    return settings.assign(lr_updates=settings["lr"] * settings["updates"])
