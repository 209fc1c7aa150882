"""Search for the settings that would explain a printed table.

A candidate is a learning rate, a batch size and a number of epochs; for a table whose printed network is in doubt also
a candidate network. The measured accuracies at these settings are compared with every entry of the table by prediction
intervals. All candidates that could have produced the table are kept. Settings that were fitted to a table never
reproduce it: they can explain it, and the other tables test them.

Only the audit looks at test accuracies more than once, because the printed values are test accuracies.
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

ALPHA = 0.01  # a candidate is given up if a table made at its settings fits so badly with smaller probability
NEAR = 0.02  # noise is estimated at epochs whose accuracy is at most this far from the printed one
MOST = 2.0  # an entry counts at most this many half-widths in a misfit, so that one wrong value does not decide

DRAWS = 499  # tables simulated for each candidate
HOPELESS = 30.0  # a candidate whose 2 log-likelihood is this far below the best is given up without simulation
TINY = 1e-300  # the least probability, above 0

Floats = NDArray[np.float64]

NETWORK = ["architecture", "model"]
CANDIDATE = ["table", "reading", *SETTING]
TRANSFERS = ("given up", "nothing fits: intervals widened", "explains", "not given up")


def printed_entries(report: Report) -> pd.DataFrame:
    """Return the entries of all tables, one row each: table, hidden, model, published (test accuracy, a fraction).

    Rows that were trained at settings other than those of their table are left out.
    """
    rows = [
        {"table": table.id, "hidden": str(list(row.hidden)), "model": model, "published": entry.test_accuracy}
        for table in report.tables.values()
        for row in table.rows
        if not row.unspecified
        for model, entry in row.entries.items()
    ]
    return pd.DataFrame(rows)


@functools.cache
def ambiguous() -> dict[str, tuple[str, ...]]:
    """Return the candidate networks of a printed network, from claims.yaml, where there are several."""
    behind = [
        (hidden, those) for inferred in load_claims().inferred.values() for hidden, those in inferred.networks.items()
    ]
    return {str([*hidden]): tuple(str([*one]) for one in those) for hidden, those in behind if len(those) > 1}


def assume_networks(printed: pd.DataFrame) -> pd.DataFrame:
    """Return each entry once for every candidate network of its table: `architecture` is the assumed network.

    The column `reading` names the candidate network, or is AS_PRINTED if the table has no network in doubt.
    """
    tables = []
    for _, entries in printed.groupby("table", sort=False):
        unsure = entries["hidden"].isin(ambiguous())
        for network in ambiguous()[entries.loc[unsure, "hidden"].iloc[0]] if unsure.any() else (AS_PRINTED,):
            meant = entries["hidden"].where(~unsure, network)
            tables.append(entries.assign(reading=network, architecture=meant))
    return pd.concat(tables, ignore_index=True)


def misfits(measured: pd.DataFrame, printed: pd.DataFrame, scatter: pd.DataFrame | None = None) -> pd.DataFrame:
    """Compare every candidate with every entry that was measured at its settings.

    Args:
        measured: one row for each network, model, setting and seed: architecture, model, lr, batch_size, epochs,
            updates, seed, test_accuracy (a fraction). Each epoch of a run has its own row.
        printed: as `printed_entries` returns it.
        scatter: rows like `measured` from which the scatter between seeds is estimated; `measured` by default.

    Returns:
        One row for each candidate and entry: CANDIDATE, hidden, model, architecture, published, mean, n (seeds),
        updates, sd, degrees (of freedom), half_width (of the 95 % prediction interval for one run, given n), misfit
        (published minus mean, in half-widths) and p (two-sided).
    """
    known = measured.dropna(subset="test_accuracy")
    groups = known.groupby([*NETWORK, *SETTING])
    at = groups.agg(mean=("test_accuracy", "mean"), n=("seed", "nunique"), updates=("updates", "first"))
    entries = assume_networks(printed)
    frame = entries.merge(
        noise(known if scatter is None else scatter, entries), on=["table", "reading", "hidden", "model"]
    )
    frame = frame.merge(at.reset_index(), on=NETWORK)
    scale = frame["sd"] * np.sqrt(1 + 1 / frame["n"])
    difference = frame["published"] - frame["mean"]
    frame["half_width"] = _quantile(frame["degrees"]) * scale
    frame["misfit"] = difference / frame["half_width"]
    frame["p"] = 2 * stats.t.sf(np.abs(difference) / scale, frame["degrees"])
    return frame


def noise(measured: pd.DataFrame, entries: pd.DataFrame) -> pd.DataFrame:
    """Estimate the standard deviation of the test accuracy between seeds for each entry.

    It is pooled over the settings that were run with several seeds, at the epochs whose mean is near the printed
    accuracy (at all epochs if none is). The epochs of a run are not independent: they are averaged, but add no degrees
    of freedom. A network that was never run with several seeds gets the noise of all other networks of its model.

    Returns:
        One row for each entry: table, reading, hidden, model, sd, degrees (of freedom). Entries of a model without
        repeated runs are left out.
    """
    groups = measured.groupby([*NETWORK, *SETTING])["test_accuracy"]
    repeated = groups.agg(["mean", "var", "count"]).query("count > 1").reset_index()
    names, rows = ["table", "reading", "hidden", "model"], []
    for entry in entries.to_dict("records"):
        of_model = repeated[repeated["model"] == entry["model"]]
        alike = of_model["architecture"] == entry["architecture"]
        own = of_model[alike] if alike.any() else of_model
        near = (own["mean"] - entry["published"]).abs() <= NEAR
        sd, degrees = _pool(own[near] if near.any() else own)
        rows.append([*(entry[name] for name in names), sd, degrees])
    frame = pd.DataFrame(rows, columns=[*names, "sd", "degrees"])
    return frame[frame["degrees"] > 0]


def candidates(misfit: pd.DataFrame) -> pd.DataFrame:
    """Rank the candidates of every table, those that fit best first.

    `misfit` is the root mean square of the misfits of the entries, each limited to MOST half-widths. Entries far
    outside their interval (corrected for their number) at the best candidate are left out as unexplained, unless half
    of all entries or more are. The likelihoods of the other entries are compared. A candidate is `kept` unless tables
    drawn from its own prediction are as far from the best fit as the printed table with a probability below ALPHA. This
    is a confidence set from the inverted likelihood-ratio test (Casella and Berger, Statistical Inference, section
    9.2.1) with a simulated distribution. If even the best candidate does not fit, all intervals are first widened until
    it fits as well as expected (the scale factor of the Particle Data Group: Review of Particle Physics, Introduction,
    section 5.2.2).

    Args:
        misfit: as `misfits` returns it.

    Returns:
        One row for each candidate: CANDIDATE, lr_updates (learning rate times updates), seeds (the fewest of any
        entry), cells (number of entries), within (entries inside their 95 % interval), misfit, p, scale, kept.
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
    """Rank candidates by measurements that all of them have, so that none gains from having more.

    `measured` and `printed` are as for `misfits`. The scatter between seeds is estimated from all of `measured`.
    """
    return candidates(misfits(in_common(measured), printed, scatter=measured))


def in_common(measured: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of seed 0 of the networks and models that were measured at every learning rate and batch size."""
    first = measured[measured["seed"] == 0]
    pairs = first[[*NETWORK, "lr", "batch_size"]].drop_duplicates()
    at = pairs.value_counts(NETWORK)
    everywhere = at[at == len(pairs[["lr", "batch_size"]].drop_duplicates())].index
    return first[pd.MultiIndex.from_frame(first[NETWORK]).isin(everywhere)]


def choose(ranked: pd.DataFrame, number: int) -> list[tuple[float, int]]:
    """Return `number` learning rates and batch sizes to run with more seeds: the best of each table in turn."""
    pairs = ranked.drop_duplicates(["table", "lr", "batch_size"])
    turn = pairs.groupby("table").cumcount()
    chosen = pairs.assign(turn=turn).sort_values(["turn", "misfit"])[["lr", "batch_size"]].drop_duplicates()
    return [(float(lr), int(batch)) for lr, batch in chosen.head(number).itertuples(index=False)]


def unexplained(misfit: pd.DataFrame, ranked: pd.DataFrame) -> pd.DataFrame:
    """Return the entries that no kept candidate explains: they are outside the 95 % interval of every one.

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
    """Compare the best candidate of each table with every table: it can explain its own, the others test it.

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
    """Return the candidates of one table, the best first, with p, scale and kept."""
    # Settings without measurements for some entries come after those that can be compared with all.
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
    """Return the entries inside their Bonferroni-corrected interval at one candidate; all if that is half or fewer."""
    ordinary = misfit["p"] >= (1 - CONFIDENCE) / len(misfit)
    return misfit.loc[ordinary | (ordinary.mean() <= 1 / 2), ["hidden", "model"]]


def _scale(p: pd.Series[float]) -> float:
    """Return the factor that widens intervals until entries with these p fit as expected; 1 if they already do."""
    square = (stats.norm.isf(p.clip(lower=TINY) / 2) ** 2).sum()
    return 1.0 if stats.chi2.sf(square, len(p)) >= ALPHA else float(np.sqrt(square / len(p)))


def _likelihood_ratio(misfit: pd.DataFrame, tested: pd.DataFrame, scale: float) -> pd.DataFrame:
    """Return CANDIDATE and p of the candidates `tested`, which were measured for the same entries.

    They are compared with all candidates measured for these entries. p is the share of tables drawn from the prediction
    of a candidate whose likelihood is as far below the best fit as that of the printed table.
    """
    names = ["hidden", "model"]
    entries = misfit.merge(tested.head(1), on=CANDIDATE)[names]
    wide = misfit.merge(entries, on=names).assign(spread=lambda f: scale * f["half_width"] / _quantile(f["degrees"]))
    wide = wide.pivot(index=CANDIDATE, columns=names, values=["mean", "spread", "published", "degrees"]).dropna()
    mean, spread = wide["mean"].to_numpy(float), wide["spread"].to_numpy(float)
    drawn = np.random.default_rng(0).standard_t(wide["degrees"].iloc[0].to_numpy(float), (DRAWS, len(entries)))
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
    """Return the pooled standard deviation and degrees of freedom; (nan, 0) for no rows."""
    weights = repeated["count"] - 1
    if not len(repeated):
        return np.nan, 0
    degrees = (repeated.groupby([*NETWORK, "lr", "batch_size"])["count"].max() - 1).sum()
    return float(np.sqrt(np.average(repeated["var"], weights=weights))), int(degrees)
