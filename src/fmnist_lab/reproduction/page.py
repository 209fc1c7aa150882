"""Build the page of the reproduction, with its tables and figures as files beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import pandas as pd

from fmnist_lab.comparison.table_format import shipped
from fmnist_lab.comparison.table_output import comparison_section, verdict_counts
from fmnist_lab.reproduction import sections
from fmnist_lab.reproduction import tables as entry_tables
from fmnist_lab.reproduction.figures import initialization_differences
from fmnist_lab.reproduction.findings import Tables, findings, refuted
from fmnist_lab.reproduction.report import printed_title
from fmnist_lab.reproduction.sections import at_report
from fmnist_lab.results import html
from fmnist_lab.results.html import Section
from fmnist_lab.results.style import applied
from fmnist_lab.results.tables import to_csv
from fmnist_lab.runs.files import write_bytes, write_text


def build_page(
    outputs: Path,
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    claims: pd.DataFrame,
    tables: Tables,
    further: Sequence[str] = (),
) -> Path:
    """Write `paper/` below `outputs`: index.html, claims.csv, the tables and the figures.

    `findings.md` has the main findings in sentences, `provenance.json` the conditions under which the runs were made.
    The page contains its figures and loads nothing from the network. The audit and the saddle have a section each if
    `outputs` has `audit/` and `saddle/`.

    Args:
        outputs: has the records of the runs in `runs/`.
        runs: one row for each run, with the columns of `results.csv` and the flat configuration keys; may be empty.
        curves: one row for each run and epoch, with the columns of `curves.csv`.
        claims: one row for each claim, as `assessment.assess` returns it.
        tables: by (id of the table, `stated` or `inferred`), frames as `assessment.table_entries` returns them.
        further: names of further sweeps whose tables and figures the page shows, from `sweeps/`.

    Returns:
        The path of index.html.
    """
    with applied():
        sections = list(_sections(outputs, runs, curves, claims, tables, further))
    swapped = at_report(runs, lr=None, init=None)
    found = findings(claims, tables, swapped, _ranking(outputs / "audit"))
    page = outputs / "paper" / "index.html"
    (page.parent / "figures").mkdir(parents=True, exist_ok=True)
    for name, content in chain(_tables(claims, tables), _swap(swapped), _figures(sections)):
        write_bytes(page.parent / name, content)
    write_text(page.parent / "findings.md", "".join(f"{number}. {one}\n" for number, one in enumerate(found, 1)))
    conditions = html.provenance(outputs / "runs", runs)
    write_text(page.parent / "provenance.json", json.dumps(conditions, indent=2) + "\n")
    text = html.page(
        "A report, reproduced",
        "A report trained one small network on Fashion-MNIST with NumPy and with PyTorch. This page compares every "
        "number and sentence of the report with our measurements.",
        sections,
        counts=verdict_counts(claims),
        findings=[*found, *refuted(claims)],
        runs=runs,
        conditions=conditions,
        command="python scripts/paper.py",
    )
    write_bytes(page, text)
    return page


def _sections(
    outputs: Path,
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    claims: pd.DataFrame,
    tables: Tables,
    further: Sequence[str],
) -> Iterator[Section]:
    yield sections.claim_section(claims)
    yield sections.figure_section(runs, curves)
    yield sections.table_section(tables, runs)
    yield sections.initialization_section(runs)
    yield sections.learnt_section(runs, outputs / "runs")
    yield sections.further_section(outputs, further, runs)
    yield comparison_section(outputs / "checks", shipped())
    yield sections.audit_section(outputs / "audit")
    yield sections.saddle_section(outputs / "saddle")


def _tables(claims: pd.DataFrame, tables: Tables) -> Iterator[tuple[str, bytes]]:
    yield "claims.csv", to_csv(claims)
    for (id, settings), table in tables.items():
        stem = f"{id}_{settings}"
        yield f"{stem}.csv", to_csv(table)
        yield f"{stem}.md", entry_tables.to_markdown(table)
        yield f"{stem}.tex", entry_tables.to_latex(table, printed_title(id), f"tab:{stem}")


def _swap(swapped: pd.DataFrame) -> Iterator[tuple[str, bytes]]:
    differences = initialization_differences(swapped).dropna(subset="mean")
    yield "initialization.csv", to_csv(differences)
    yield "initialization.md", entry_tables.swap_to_markdown(differences)


def _figures(sections: Sequence[Section]) -> Iterator[tuple[str, bytes]]:
    for section in sections:
        for block in section.blocks:
            for picture in block.pictures:
                for extension, content in picture.files.items():
                    yield f"figures/{picture.name}.{extension}", content


def _ranking(folder: Path) -> pd.DataFrame:
    """Return the candidates that the audit kept, the best first; empty if there was no audit."""
    path = folder / "ranking.csv"
    return pd.read_csv(path) if path.is_file() else pd.DataFrame()
