"""The paper: one page that holds everything, and the same tables and figures as files beside it."""

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
    studies: Sequence[str] = (),
) -> Path:
    """Write `paper/` below `outputs` from whatever is there: index.html, claims.csv, the tables and the figures.

    `findings.md` has the main findings in sentences, `provenance.json` the conditions under which the runs were made.

    The page holds its figures and asks nothing of the network. The audit and the saddle have a section each if
    `audit/` and `saddle/` lie beside `runs/`.

    Args:
        outputs: has the records of the runs in `runs/`.
        runs: one row a run, with the columns of `results.csv` and the flat configuration keys.
        curves: one row a run and epoch, with the columns of `curves.csv`.
        claims: one row a claim, as `judgement.judge` gives it.
        tables: by (id of the table, `stated` or `inferred`), frames as `judgement.cells` gives them.
        studies: the sweeps of which the page shows what lies in `sweeps/`.

    Returns:
        The page.
    """
    with applied():
        sections = list(_sections(outputs, runs, curves, claims, tables, studies))
    study = at_report(runs, lr=None, init=None)
    found = findings(claims, tables, study, _ranking(outputs / "audit"))
    page = outputs / "paper" / "index.html"
    (page.parent / "figures").mkdir(parents=True, exist_ok=True)
    for name, content in chain(_tables(claims, tables), _swap(study), _figures(sections)):
        write_bytes(page.parent / name, content)
    write_text(page.parent / "findings.md", "".join(f"{number}. {one}\n" for number, one in enumerate(found, 1)))
    conditions = html.provenance(outputs / "runs", runs)
    write_text(page.parent / "provenance.json", json.dumps(conditions, indent=2) + "\n")
    text = html.page(
        "A report, reproduced",
        "One small network, by hand in NumPy and in PyTorch, on Fashion-MNIST: every number and sentence that a report "
        "printed about it, beside what was measured.",
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
    studies: Sequence[str],
) -> Iterator[Section]:
    yield sections.claim_section(claims)
    yield sections.figure_section(runs, curves)
    yield sections.table_section(tables, runs)
    yield sections.initialization_section(runs)
    yield sections.learnt_section(runs, outputs / "runs")
    yield sections.study_section(outputs, studies, runs)
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


def _swap(study: pd.DataFrame) -> Iterator[tuple[str, bytes]]:
    differences = initialization_differences(study).dropna(subset="mean")
    yield "initialization.csv", to_csv(differences)
    yield "initialization.md", entry_tables.swap_to_markdown(differences)


def _figures(sections: Sequence[Section]) -> Iterator[tuple[str, bytes]]:
    for section in sections:
        for part in section.blocks:
            for picture in part.pictures:
                for extension, content in picture.files.items():
                    yield f"figures/{picture.name}.{extension}", content


def _ranking(folder: Path) -> pd.DataFrame:
    """The candidates that an audit kept, the best first; empty before an audit."""
    path = folder / "ranking.csv"
    return pd.read_csv(path) if path.is_file() else pd.DataFrame()
