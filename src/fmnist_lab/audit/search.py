"""The audit: which settings would explain a printed table?

A candidate is a learning rate, a batch size and a number of epochs; for a network printed with one hidden layer also
a reading of what was built. What is measured of it is compared with every cell of the table; what it explains is shown
by intervals, and candidates that the table cannot tell apart stay together. A table is never reproduced by settings
that were fitted to it: at most they explain it, and are judged on the other tables.

This is the one place where test accuracies are looked at more than once, because they are what was printed.
"""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from fmnist_lab.reproduction.candidates import AS_PRINTED, SETTING
from fmnist_lab.reproduction.claims import load_claims
from fmnist_lab.reproduction.report import Report
from fmnist_lab.results.intervals import CONFIDENCE

ALPHA = 0.01  # a candidate is given up when a table at its settings would lie that far off this rarely
NEAR = 0.02  # in accuracy: noise is estimated where the measured accuracy is this near to the printed one
MOST = 2.0  # half-widths that a cell counts at most in a candidate's misfit, so that one slip does not decide

DRAWS = 499  # tables simulated for each candidate
HOPELESS = 30.0  # a candidate this far behind in twice the log-likelihood is not simulated
TINY = 1e-300  # a probability above 0

Floats = NDArray[np.float64]

CELL = ["architecture", "model"]
CANDIDATE = ["table", "reading", *SETTING]
TRANSFERS = ("given up", "nothing fits: intervals widened", "explains", "not given up")


def printed_cells(report: Report) -> pd.DataFrame:
    """The cells of every table, a row each: table, hidden, model, published (test accuracy, a fraction).

    Without rows that were trained at other settings than their table's: no setting can be one of the whole table.
    """
    rows = [
        {"table": table.id, "hidden": str(list(row.hidden)), "model": model, "published": cell.test_accuracy}
        for table in report.tables.values()
        for row in table.rows
        if not row.unspecified
        for model, cell in row.cells.items()
    ]
    return pd.DataFrame(rows)


@functools.cache
def ambiguous() -> dict[str, tuple[str, ...]]:
    """The networks that may stand behind a printed one, as claims.yaml has them, where they are several."""
    behind = [
        (hidden, those) for inferred in load_claims().inferred.values() for hidden, those in inferred.networks.items()
    ]
    return {str([*hidden]): tuple(str([*one]) for one in those) for hidden, those in behind if len(those) > 1}


def readings(printed: pd.DataFrame) -> pd.DataFrame:
    """Each cell once for every reading of its table: `architecture` is the network that is meant by `hidden`."""
    parts = []
    for _, cells in printed.groupby("table", sort=False):
        unsure = cells["hidden"].isin(ambiguous())
        for reading in ambiguous()[cells.loc[unsure, "hidden"].iloc[0]] if unsure.any() else (AS_PRINTED,):
            meant = cells["hidden"].where(~unsure, reading)
            parts.append(cells.assign(reading=reading, architecture=meant))
    return pd.concat(parts, ignore_index=True)


def misfits(measured: pd.DataFrame, printed: pd.DataFrame, scatter: pd.DataFrame | None = None) -> pd.DataFrame:
    """Every candidate against every cell that was measured at its settings.

    Args:
        measured: one row a network, model, setting and seed: architecture, model, lr, batch_size, epochs, updates,
            seed, test_accuracy (a fraction). A run gives a row for each of its epochs.
        printed: `printed_cells`, or a table made like it.
        scatter: what says how far seeds scatter, if it is more than `measured`.

    Returns:
        A row a candidate and cell: CANDIDATE, hidden, model, architecture, published, mean, n (seeds), updates,
        sd, degrees (of freedom), half_width (of the 95 % prediction interval for one run, given n), misfit
        (published minus mean, in half-widths) and p (two-sided).
    """
    known = measured.dropna(subset="test_accuracy")
    groups = known.groupby([*CELL, *SETTING])
    at = groups.agg(mean=("test_accuracy", "mean"), n=("seed", "nunique"), updates=("updates", "first"))
    cells = readings(printed)
    frame = cells.merge(noise(known if scatter is None else scatter, cells), on=["table", "reading", "hidden", "model"])
    frame = frame.merge(at.reset_index(), on=CELL)
    scale = frame["sd"] * np.sqrt(1 + 1 / frame["n"])
    difference = frame["published"] - frame["mean"]
    frame["half_width"] = _quantile(frame["degrees"]) * scale
    frame["misfit"] = difference / frame["half_width"]
    frame["p"] = 2 * stats.t.sf(np.abs(difference) / scale, frame["degrees"])
    return frame


def noise(measured: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """What another seed changes, for each cell: standard deviation of the test accuracy, degrees of freedom.

    Pooled over the settings that were run with several seeds, at the epochs where their mean comes near the printed
    accuracy (at all epochs, where none does). The epochs of a run are not independent: they average, but add no degrees
    of freedom. A network that was never run with several seeds has the noise of all others of its model.

    Returns:
        One row a cell: table, reading, hidden, model, sd, degrees. Cells of a model without repetitions are left out.
    """
    groups = measured.groupby([*CELL, *SETTING])["test_accuracy"]
    repeated = groups.agg(["mean", "var", "count"]).query("count > 1").reset_index()
    names, rows = ["table", "reading", "hidden", "model"], []
    for cell in cells.to_dict("records"):
        of_model = repeated[repeated["model"] == cell["model"]]
        alike = of_model["architecture"] == cell["architecture"]
        own = of_model[alike] if alike.any() else of_model
        near = (own["mean"] - cell["published"]).abs() <= NEAR
        sd, degrees = _pool(own[near] if near.any() else own)
        rows.append([*(cell[name] for name in names), sd, degrees])
    frame = pd.DataFrame(rows, columns=[*names, "sd", "degrees"])
    return frame[frame["degrees"] > 0]


def candidates(misfit: pd.DataFrame) -> pd.DataFrame:
    """Every candidate of every table, those that fit best first.

    `misfit` is the root mean square of the cells' misfits, each counted with two half-widths at most. A cell far
    outside its interval (corrected for their number) at the best candidate is set aside, as a slip that nothing
    explains; but only where the most cells are not. On the others the likelihoods are compared. A candidate is `kept`
    unless tables drawn from its own prediction hardly ever (less often than ALPHA) fall as far behind the best fit as
    the printed one does: a confidence set by inverting the likelihood-ratio test (Casella and Berger, Statistical
    Inference, section 9.2.1), its distribution simulated. If even the best candidate does not fit, all intervals are
    first widened until it does as well as expected (the scale factor of the Particle Data Group: Review of Particle
    Physics, Introduction, section 5.2.2).

    Args:
        misfit: as `misfits` gives it.

    Returns:
        A row a candidate: CANDIDATE, lr_updates (learning rate times updates), seeds (fewest behind a cell), cells,
        within (cells inside their 95 % interval), misfit, p, scale, kept.
    """
    capped = misfit.assign(capped=misfit["misfit"].abs().clip(upper=MOST) ** 2, inside=misfit["misfit"].abs() <= 1)
    groups = capped.groupby(CANDIDATE, sort=False)
    frame = groups.agg(
        updates=("updates", "first"),
        seeds=("n", "min"),
        cells=("n", "size"),
        within=("inside", "sum"),
        misfit=("capped", "mean"),
    ).reset_index()
    frame["misfit"] = np.sqrt(frame["misfit"])
    frame.insert(5, "lr_updates", frame["lr"] * frame["updates"])
    assessed = [_assess(rows, misfit[misfit["table"] == table]) for table, rows in frame.groupby("table", sort=False)]
    return pd.concat(assessed, ignore_index=True).drop(columns="updates")


def candidates_alike(measured: pd.DataFrame, printed: pd.DataFrame) -> pd.DataFrame:
    """`candidates` by what is known of them all, so that none is ahead because more of it was measured.

    `measured` and `printed` are as `misfits` takes them. The scatter of seeds is estimated from all that was measured.
    """
    return candidates(misfits(in_common(measured), printed, scatter=measured))


def in_common(measured: pd.DataFrame) -> pd.DataFrame:
    """What was measured at every learning rate and batch size alike: seed 0, of the cells that all of them have."""
    first = measured[measured["seed"] == 0]
    pairs = first[[*CELL, "lr", "batch_size"]].drop_duplicates()
    at = pairs.value_counts(CELL)
    everywhere = at[at == len(pairs[["lr", "batch_size"]].drop_duplicates())].index
    return first[pd.MultiIndex.from_frame(first[CELL]).isin(everywhere)]


def choose(ranked: pd.DataFrame, number: int) -> list[tuple[float, int]]:
    """The learning rates and batch sizes that deserve more seeds: the best of each table in turn."""
    pairs = ranked.drop_duplicates(["table", "lr", "batch_size"])
    turn = pairs.groupby("table").cumcount()
    chosen = pairs.assign(turn=turn).sort_values(["turn", "misfit"])[["lr", "batch_size"]].drop_duplicates()
    return [(float(lr), int(batch)) for lr, batch in chosen.head(number).itertuples(index=False)]


def unexplained(misfit: pd.DataFrame, ranked: pd.DataFrame) -> pd.DataFrame:
    """The cells that no kept candidate explains: outside the 95 % interval of every one.

    Returns:
        Columns table, hidden, model, published, nearest (the nearest measured mean), misfit (the smallest, in
        half-widths).
    """
    kept = misfit.merge(ranked.loc[ranked["kept"], CANDIDATE], on=CANDIDATE)
    kept = kept.assign(size=kept["misfit"].abs()).sort_values("size")
    nearest = kept.drop_duplicates(["table", "hidden", "model"]).rename(columns={"mean": "nearest"})
    missed = nearest[nearest["size"] > 1]
    return missed[["table", "hidden", "model", "published", "nearest", "misfit"]].sort_values(["table", "hidden"])


def transfer(misfit: pd.DataFrame, ranked: pd.DataFrame) -> pd.DataFrame:
    """The best candidate of each table judged on every table: on its own it explains, on the others it is tested.

    Returns:
        Columns found_on, judged_on, reading, lr, batch_size, epochs, cells, within, misfit, p, scale, verdict: one of
        TRANSFERS.
    """
    rows = []
    for best in ranked.drop_duplicates("table").to_dict("records"):
        at = (ranked[SETTING] == [best[name] for name in SETTING]).all(axis=1)
        same = ranked[at].assign(found_on=best["table"])
        rows.append(same.sort_values("misfit").drop_duplicates("table"))
    frame = pd.concat(rows, ignore_index=True).rename(columns={"table": "judged_on"})
    own = frame["found_on"] == frame["judged_on"]
    given_up, widened = ~(frame["kept"] | own), frame["scale"] > 1
    frame["verdict"] = np.select([given_up, widened, own], TRANSFERS[:3], TRANSFERS[3])
    return frame[["found_on", "judged_on", "reading", *SETTING, "cells", "within", "misfit", "p", "scale", "verdict"]]


def _assess(ranked: pd.DataFrame, misfit: pd.DataFrame) -> pd.DataFrame:
    """The candidates of one table, the best first, with p, scale and kept."""
    # Settings of which some cells are not measured yet come after those that can be compared in full.
    ranked = ranked.sort_values(["cells", "seeds", "misfit"], ascending=[False, False, True], ignore_index=True)
    best = misfit.merge(ranked.head(1)[CANDIDATE], on=CANDIDATE)
    rest = misfit.merge(_ordinary(best), on=["hidden", "model"])
    scale = _scale(rest.merge(ranked.head(1)[CANDIDATE], on=CANDIDATE)["p"])
    ranked = ranked.assign(p=0.0, scale=scale)
    for _, group in ranked.groupby("cells"):
        p = _likelihood_ratio(rest, group[CANDIDATE], scale)
        ranked.loc[group.index, "p"] = (
            ranked.loc[group.index, CANDIDATE].merge(p, on=CANDIDATE, how="left")["p"].to_numpy()
        )
    return ranked.assign(kept=ranked["p"] >= ALPHA)


def _ordinary(misfit: pd.DataFrame) -> pd.DataFrame:
    """The cells of one candidate within their interval, as Bonferroni corrects it; all, if they are not the most."""
    ordinary = misfit["p"] >= (1 - CONFIDENCE) / len(misfit)
    return misfit.loc[ordinary | (ordinary.mean() <= 1 / 2), ["hidden", "model"]]


def _scale(p: pd.Series[float]) -> float:
    """What widens the intervals until cells with these p fit as well as expected: 1 if chi squared says they do."""
    square = (stats.norm.isf(p.clip(lower=TINY) / 2) ** 2).sum()
    return 1.0 if stats.chi2.sf(square, len(p)) >= ALPHA else float(np.sqrt(square / len(p)))


def _likelihood_ratio(misfit: pd.DataFrame, tested: pd.DataFrame, scale: float) -> pd.DataFrame:
    """CANDIDATE and p of the candidates `tested`, which were measured at the same cells.

    Rivals are all candidates that were measured there. p is the share of tables, drawn from a candidate's prediction,
    that fall behind the best fit as far as the printed one.
    """
    names = ["hidden", "model"]
    cells = misfit.merge(tested.head(1), on=CANDIDATE)[names]
    wide = misfit.merge(cells, on=names).assign(spread=lambda f: scale * f["half_width"] / _quantile(f["degrees"]))
    wide = wide.pivot(index=CANDIDATE, columns=names, values=["mean", "spread", "published", "degrees"]).dropna()
    mean, spread = wide["mean"].to_numpy(float), wide["spread"].to_numpy(float)
    drawn = np.random.default_rng(0).standard_t(wide["degrees"].iloc[0].to_numpy(float), (DRAWS, len(cells)))
    weight = spread**-2
    constant = (mean**2 * weight + 2 * np.log(spread)).sum(axis=1)

    def behind(tables: Floats) -> Floats:
        loss: Floats = tables**2 @ weight.T - 2 * tables @ (mean * weight).T + constant
        best: Floats = loss.min(axis=1, keepdims=True)
        return loss - best

    observed = behind(wide["published"].to_numpy(float)[:1])[0]
    exceeded = [
        (behind(mean[at] + spread[at] * drawn)[:, at] >= observed[at]).sum() if observed[at] < HOPELESS else 0
        for at in range(len(wide))
    ]
    return pd.DataFrame(
        {"p": (np.array(exceeded) + (observed < HOPELESS)) / (DRAWS + 1)}, index=wide.index
    ).reset_index()


def _quantile(degrees: pd.Series[float]) -> Floats:
    return np.asarray(stats.t.ppf((1 + CONFIDENCE) / 2, degrees), dtype=np.float64)


def _pool(repeated: pd.DataFrame) -> tuple[float, int]:
    """Pooled standard deviation and degrees of freedom; (nan, 0) of nothing."""
    weights = repeated["count"] - 1
    if not len(repeated):
        return np.nan, 0
    degrees = (repeated.groupby([*CELL, "lr", "batch_size"])["count"].max() - 1).sum()
    return float(np.sqrt(np.average(repeated["var"], weights=weights))), int(degrees)
