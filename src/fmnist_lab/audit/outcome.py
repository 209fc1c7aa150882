"""Write the outcome of the audit: measurements, ranked candidates, heat map, and the test on planted tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from fmnist_lab.audit.planted import try_planted
from fmnist_lab.audit.search import MOST, candidates, misfits, printed_entries, transfer, unexplained
from fmnist_lab.reproduction.candidates import AS_PRINTED, inside, is_at, setting_name, stated_setting
from fmnist_lab.reproduction.report import Report, printed_title
from fmnist_lab.results.style import add_legend, applied, new_figure, render
from fmnist_lab.results.tables import to_csv
from fmnist_lab.runs.files import write_bytes

COLOURS = "cividis"  # readable with colour blindness and in grey


def write_audit(measured: pd.DataFrame, report: Report, folder: Path, *, prove: bool = True) -> list[str]:
    """Audit the tables of the report and write the outcome; return the findings, one sentence each.

    `measured.csv` has the measurements, `misfits.csv` every candidate compared with every entry, `candidates.csv` every
    candidate, `ranking.csv` those that are kept and, for comparison, the stated settings. `unexplained.csv` and
    `transfer.csv` are described in `audit.search`, `planted.csv` in `audit.planted`. `heat_map` shows all candidates.

    Args:
        measured: as for `search.misfits`.
        folder: must exist.
        prove: whether to test the audit on planted tables, with a search for each. If False, an earlier `planted.csv`
            is deleted because it belongs to other measurements.
    """
    printed = printed_entries(report)
    misfit = misfits(measured, printed)
    ranked = candidates(misfit)
    stated = stated_setting(report)
    missed = unexplained(misfit, ranked)
    planted = try_planted(measured, printed) if prove else pd.DataFrame()
    tables = {
        "measured": measured,
        "misfits": misfit,
        "candidates": ranked,
        "ranking": ranked[ranked["kept"] | is_at(ranked, stated)],
        "unexplained": missed,
        "transfer": transfer(misfit, ranked),
    } | ({"planted": planted} if prove else {})
    (folder / "planted.csv").unlink(missing_ok=True)
    for name, table in tables.items():
        write_bytes(folder / f"{name}.csv", to_csv(table))
    with applied():
        for extension, content in render(heat_map(ranked, stated)).items():
            write_bytes(folder / f"heat_map.{extension}", content)
    found = findings(ranked, missed, stated) + proof(planted)
    write_bytes(folder / "findings.txt", "".join(f"{line}\n" for line in found).encode())
    return found


def findings(ranked: pd.DataFrame, missed: pd.DataFrame, stated: dict[str, float]) -> list[str]:
    """Return the findings, one sentence for each table."""
    sentences = []
    for table, rows in ranked.groupby("table", sort=False):
        best, kept = rows.iloc[0], rows[rows["kept"]]
        own = missed[missed["table"] == table]
        unexplained_entries = ", ".join(f"{entry.hidden} {entry.model}" for entry in own.itertuples()) or "none"
        at_stated = rows[is_at(rows, stated)].head(1)
        sentences.append(
            f"{table}: best fit {setting_name(best)}, with {inside(best)}; {len(kept)} of {len(rows)} candidates could "
            "have produced the table, with learning rate x number of updates from "
            f"{kept['lr_updates'].min():.3g} to {kept['lr_updates'].max():.3g}; "
            + (
                f"no settings fit, so all intervals were widened by a factor of {best['scale']:.2g}; "
                if best["scale"] > 1
                else ""
            )
            + f"printed accuracies that none of these candidates explains: {unexplained_entries}"
            + "".join(f"; at the stated settings {inside(row)}" for _, row in at_stated.iterrows())
        )
    return sentences


def proof(planted: pd.DataFrame) -> list[str]:
    """Return how often the planted settings were found, in one sentence; empty if nothing was planted."""
    if not len(planted):
        return []
    factors = planted.assign(factor=(planted["high"] / planted["low"]) ** 0.5)
    span = factors.groupby("table", sort=False)["factor"].median()
    spans = ", ".join(f"{table} {factor:.2g}" for table, factor in span.items())
    return [
        f"planted tables: settings found in {planted['found'].sum()} of {len(planted)} tables; the candidates kept "
        f"determine learning rate x number of updates within a factor of (median over planted tables): {spans}"
    ]


def heat_map(ranked: pd.DataFrame, stated: dict[str, float]) -> Figure:
    """Draw the misfit over learning rate and epochs: one row for each table and candidate network, by batch size.

    Dots mark the candidates that are kept, a star the best of a table, a square the stated settings.

    Args:
        ranked: as `search.candidates` returns it.
        stated: lr, batch_size and epochs that the report states.
    """
    rows, batches = list(ranked.groupby(["table", "reading"], sort=True)), sorted(ranked["batch_size"].unique())
    figure = new_figure(len(rows), len(batches), "misfit of the settings: root mean square, in half-widths")
    figure.set_size_inches(2.7 * len(batches) + 1.2, 1.9 * len(rows) + 0.9)
    grid = figure.subplots(len(rows), len(batches), squeeze=False, sharex=True, sharey=True)
    rates = sorted(ranked["lr"].unique())
    for row_axes, ((table, network), own_rows) in zip(grid, rows, strict=True):
        best = ranked[ranked["table"] == table].iloc[0]
        for axes, batch in zip(row_axes, batches, strict=True):
            own = own_rows[own_rows["batch_size"] == batch]
            image = _draw(axes, own, rates)
            _plot_markers(axes, own[own["kept"]], rates, marker=".", color="white", markersize=4)
            _plot_markers(axes, own[own.index == best.name], rates, marker="*", color="#D55E00", markersize=9)
            _plot_markers(
                axes, own[is_at(own, stated)], rates, marker="s", color="#D55E00", markersize=9, fillstyle="none"
            )
            axes.set_title(f"{_title(str(table), str(network))}, batch {batch}")
    for axes in grid[-1]:
        axes.set_xlabel("epochs")
    for axes in grid[:, 0]:
        axes.set_ylabel("learning rate")
    figure.colorbar(image, ax=grid, shrink=0.6, label=f"misfit (at most {MOST:g} for each printed accuracy)")
    add_legend(figure, LEGEND, "")
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, rates: list[float]) -> AxesImage:
    """Draw the misfits of one panel; return the image, from which the colour bar is made."""
    wide = rows.pivot(index="lr", columns="epochs", values="misfit").reindex(rates)
    axes.grid(visible=False)
    axes.set_yticks(range(len(rates)), [f"{rate:g}" for rate in rates])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    edges = (*wide.columns[[0, -1]] + np.array([-0.5, 0.5]), -0.5, len(rates) - 0.5)
    return axes.imshow(wide, origin="lower", aspect="auto", extent=edges, cmap=COLOURS, vmin=0, vmax=MOST)


def _plot_markers(axes: Axes, rows: pd.DataFrame, rates: list[float], **how: Any) -> None:
    axes.plot(rows["epochs"], [rates.index(rate) for rate in rows["lr"]], linestyle="none", **how)


def _title(id: str, network: str) -> str:
    return printed_title(id) if network == AS_PRINTED else f"{printed_title(id)} as {network}"


LEGEND = [
    Line2D([], [], linestyle="none", marker=".", color="grey", label="could have produced the table"),
    Line2D([], [], linestyle="none", marker="*", color="#D55E00", markersize=9, label="best fit"),
    Line2D([], [], linestyle="none", marker="s", color="#D55E00", markersize=9, fillstyle="none", label="stated"),
]
