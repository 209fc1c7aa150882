"""Test the audit on planted tables: tables made from our own runs, whose settings are known."""

from __future__ import annotations

from typing import Any

import pandas as pd

from fmnist_lab.audit.search import CANDIDATE, NETWORK, ambiguous, assume_networks, candidates, misfits
from fmnist_lab.reproduction.candidates import SETTING

APART = 1.4  # factor between the planted settings in learning rate x updates
LEAST_SEEDS = 3  # one makes the planted entry, the others are measurements


def try_planted(measured: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    """Make tables from our own runs, hide these runs, and search for the settings of the tables.

    Each entry of a planted table is the test accuracy of one run, with another seed for each entry, so that it has the
    noise of seeds as a published table does. That seed of that network is hidden at all settings.

    Args:
        measured: as for `search.misfits`. Settings at which every entry has LEAST_SEEDS seeds or more are planted.
        printed: the layout of the tables; their values are replaced.

    Returns:
        One row for each planted table: CANDIDATE and lr_updates as planted, found (whether the audit keeps this
        candidate), kept (number of candidates kept), low and high (their span of lr_updates), best (lr_updates of the
        best candidate).
    """
    assumed = assume_networks(printed).merge(measured[NETWORK].drop_duplicates(), on=NETWORK)
    rows = []
    for number, setting in enumerate(spread_out(_repeated(measured, assumed))):
        for (table, network), entries in assumed.groupby(["table", "reading"], sort=False):
            planted, known = plant(measured, entries, setting, number)
            ranked = candidates(misfits(known, planted))
            kept = ranked.loc[ranked["kept"], "lr_updates"]
            truth = {"table": table, "reading": network, **{name: setting[name] for name in SETTING}}
            found = ranked.loc[ranked["kept"], CANDIDATE].eq(pd.Series(truth)).all(axis=1).any()
            rows.append(
                truth
                | {"lr_updates": setting["lr_updates"], "found": found, "kept": len(kept)}
                | {"low": kept.min(), "high": kept.max(), "best": ranked["lr_updates"].iloc[0]}
            )
    return pd.DataFrame(rows)


def plant(
    measured: pd.DataFrame, entries: pd.DataFrame, setting: pd.Series[Any], number: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a table as an author would print it after runs at `setting`, and the measurements without these runs.

    Args:
        entries: one table with one candidate network, as `search.assume_networks` returns it.
        number: shifts the seeds that are chosen.

    Returns:
        The printed entries (table, hidden, model, published) and the rows of `measured` without their seeds.
    """
    at = measured[(measured[SETTING] == setting[SETTING]).all(axis=1)]
    known, published = measured, []
    for place, entry in enumerate(entries.to_dict("records")):
        own = at[(at[NETWORK] == [entry[name] for name in NETWORK]).all(axis=1)].sort_values("seed")
        run = own.iloc[(number + place) % len(own)]
        published.append(run["test_accuracy"])
        networks = ambiguous().get(entry["hidden"], (entry["hidden"],))
        of_entry = known["architecture"].isin(networks) & (known["model"] == entry["model"])
        known = known[~(of_entry & (known["seed"] == run["seed"]))]
    return entries[["table", "hidden", "model"]].assign(published=published), known


def spread_out(settings: pd.DataFrame) -> list[pd.Series[Any]]:
    """Return settings in rising order of learning rate x updates, each a factor APART from the one before or more."""
    taken: list[pd.Series[Any]] = []
    for _, setting in settings.sort_values(["lr_updates", "lr"]).iterrows():
        if not taken or setting["lr_updates"] >= APART * taken[-1]["lr_updates"]:
            taken.append(setting)
    return taken


def _repeated(measured: pd.DataFrame, assumed: pd.DataFrame) -> pd.DataFrame:
    """Return the settings at which every network and model of the tables has enough seeds: SETTING and lr_updates."""
    entries = assumed[NETWORK].drop_duplicates()
    own = measured.dropna(subset="test_accuracy").merge(entries, on=NETWORK)
    seeds = own.groupby([*SETTING, *NETWORK]).agg(seeds=("seed", "nunique"), updates=("updates", "first"))
    enough = seeds[seeds["seeds"] >= LEAST_SEEDS].reset_index()
    settings = enough.groupby(SETTING).agg(entries=("seeds", "size"), updates=("updates", "first")).reset_index()
    settings = settings[settings["entries"] == len(entries)]
    return settings.assign(lr_updates=settings["lr"] * settings["updates"])
