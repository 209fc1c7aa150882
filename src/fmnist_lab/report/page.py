"""The paper: one page that holds everything, and the same tables and figures as files beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import pandas as pd

from fmnist_lab.published.report import printed_title
from fmnist_lab.records import Record, write_bytes, write_text
from fmnist_lab.report import markup, paper_sections, paper_tables
from fmnist_lab.report.findings import Tables, findings, refuted, verdict_counts
from fmnist_lab.report.paper_sections import Section, at_report
from fmnist_lab.report.style import applied
from fmnist_lab.report.tables import to_csv

CONDITIONS = {  # of the provenance, in the words of the page
    "cpu": "processor",
    "system": "system",
    "python": "Python",
    "threads": "threads a run",
    "workers": "runs at once",
    "data_checksum": "SHA-256 of the data",
    "git_commit": "commit",
    "numerics": "numerics stamp",
}


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
        sections = [section for section in _sections(outputs, runs, curves, claims, tables, studies) if section.parts]
    finished = runs[runs["status"] == "finished"]
    conditions = provenance(outputs / "runs", list(finished["run"]))
    found = findings(claims, tables, at_report(runs, lr=None, init=None), _ranking(outputs / "audit"))
    page = outputs / "paper" / "index.html"
    (page.parent / "figures").mkdir(parents=True, exist_ok=True)
    for name, content in chain(_tables(claims, tables), _figures(sections)):
        write_bytes(page.parent / name, content)
    write_text(page.parent / "findings.md", "".join(f"{number}. {one}\n" for number, one in enumerate(found, 1)))
    write_text(page.parent / "provenance.json", json.dumps(conditions, indent=2) + "\n")
    write_text(page, _html(sections, claims, found, finished, conditions))
    return page


def provenance(folder: Path, runs: Sequence[str]) -> dict[str, list[str]]:
    """Under which conditions the runs were made: every value that occurs, by what it is of."""
    found: dict[str, dict[str, None]] = {}
    for run in runs:
        told = (Record(folder / run).summary() or {}).get("provenance", {})
        versions = told.get("versions", {})
        for name, value in {**{word: told.get(key) for key, word in CONDITIONS.items()}, **versions}.items():
            if value is not None:
                found.setdefault(name, {})[str(value)] = None
    return {name: list(values) for name, values in found.items()}


def _sections(
    outputs: Path,
    runs: pd.DataFrame,
    curves: pd.DataFrame,
    claims: pd.DataFrame,
    tables: Tables,
    studies: Sequence[str],
) -> Iterator[Section]:
    yield paper_sections.claim_section(claims)
    yield paper_sections.figure_section(runs, curves)
    yield paper_sections.table_section(tables, runs)
    yield paper_sections.initialization_section(runs)
    yield paper_sections.learnt_section(runs, outputs / "runs")
    yield paper_sections.study_section(outputs, studies)
    yield paper_sections.audit_section(outputs / "audit")
    yield paper_sections.saddle_section(outputs / "saddle")


def _tables(claims: pd.DataFrame, tables: Tables) -> Iterator[tuple[str, bytes]]:
    yield "claims.csv", to_csv(claims)
    for (id, settings), table in tables.items():
        stem = f"{id}_{settings}"
        yield f"{stem}.csv", to_csv(table)
        yield f"{stem}.md", paper_tables.to_markdown(table)
        yield f"{stem}.tex", paper_tables.to_latex(table, printed_title(id), f"tab:{stem}")


def _figures(sections: Sequence[Section]) -> Iterator[tuple[str, bytes]]:
    for section in sections:
        for part in section.parts:
            for picture in part.pictures:
                for extension, content in picture.files.items():
                    yield f"figures/{picture.name}.{extension}", content


def _ranking(folder: Path) -> pd.DataFrame:
    """The candidates that an audit kept, the best first; empty before an audit."""
    path = folder / "ranking.csv"
    return pd.read_csv(path) if path.is_file() else pd.DataFrame()


def _html(
    sections: Sequence[Section],
    claims: pd.DataFrame,
    found: Sequence[str],
    finished: pd.DataFrame,
    conditions: Mapping[str, Sequence[str]],
) -> str:
    return (
        markup.environment()
        .get_template("page.html.j2")
        .render(
            counts=verdict_counts(claims),
            findings=[*found, *refuted(claims)],
            sections=sections,
            conditions=conditions,
            runs=len(finished),
            seeds=sorted(map(int, finished["seed"].unique())),
        )
    )
