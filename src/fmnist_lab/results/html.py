"""The HTML page: escaped tables, images embedded in the page, and verdicts legible without colour."""

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fmnist_lab.runs.record import Record


@dataclass(frozen=True)
class Picture:
    """A figure: its files by extension, a text alternative (`alt`) and its caption."""

    name: str
    files: Mapping[str, bytes]
    alt: str
    caption: str

    @property
    def uri(self) -> str:
        """Return the PNG file as a data URI."""
        return data_uri(self.files["png"])


@dataclass(frozen=True)
class Block:
    """A heading with its text, pictures and tables, and the commands that make them again."""

    title: str
    text: str = ""
    pictures: Sequence[Picture] = ()
    tables: Sequence[Markup] = ()
    commands: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """A section of the page: its anchor `id`, its heading, an introduction and its blocks."""

    id: str
    title: str
    text: str
    blocks: Sequence[Block]


class Badge(NamedTuple):
    """The look of a verdict: a CSS class, and a sign for readers who see no colours."""

    style: str
    sign: str


CONDITIONS = {  # keys of a record's provenance, and their labels on the page
    "cpu": "processor",
    "blas": "BLAS",
    "system": "system",
    "python": "Python",
    "locked": "as locked",
    "threads": "threads a run",
    "workers": "runs at once",
    "data_checksum": "SHA-256 of the data",
    "git_commit": "commit",
    "numerics": "numerics stamp",
}
AGREES, DIFFERS = Badge("agrees", "✓"), Badge("differs", "✗")
OPEN, UNTESTED = Badge("open", "?"), Badge("untested", "–")
BADGES = {
    "reproduced": AGREES,
    "holds": AGREES,
    "consistent": AGREES,
    "explained": Badge("noted", "≈"),
    "identical": Badge("noted", "="),
    "published higher": Badge("differs", "▲"),
    "published lower": Badge("differs", "▼"),
    "differs": DIFFERS,
    "does not hold": DIFFERS,
    "contradicted": DIFFERS,
    "inconclusive": OPEN,
    "not testable": UNTESTED,
}


def badge(verdict: str) -> Badge:
    """Return the look of `verdict`; an unknown one looks like `not testable`."""
    return BADGES.get(verdict, UNTESTED)


def verdict_badge(verdict: str) -> Markup:
    """Return the verdict as HTML, with its sign and style."""
    style, sign = badge(verdict)
    return Markup('<span class="badge {}"><span aria-hidden="true">{}</span> {}</span>').format(style, sign, verdict)


def to_html(text: pd.DataFrame, numbers: Collection[str], caption: str, *, cards: bool = False) -> Markup:
    """Return a table of texts as HTML, escaped, which the page's script can sort.

    Args:
        text: one column per heading; empty columns are left out, and `verdict` is shown as badges.
        numbers: the headings of columns aligned to the right.
        cards: show each row as a card on a narrow screen; meant for rows of sentences.
    """
    shown = text.loc[:, (text != "").any()] if len(text) else text
    template = environment().get_template("table.html.j2")
    rows = shown.to_numpy().tolist()
    return Markup(template.render(names=list(shown), rows=rows, numbers=numbers, caption=caption, cards=cards))


def page(
    title: str,
    lead: str,
    sections: Sequence[Section],
    *,
    counts: Mapping[str, int],
    findings: Sequence[str],
    runs: pd.DataFrame,
    conditions: Mapping[str, Sequence[str]],
    command: str,
) -> bytes:
    """Return an HTML page that contains its images, styles and script and loads nothing from the network.

    Args:
        counts: the number of verdicts of each kind.
        findings: sentences for the summary.
        runs: the runs that the page shows, with the columns of `results.csv`.
        conditions: the provenance of these runs, from `provenance`.
        command: the command that builds the page again.
    """
    finished = runs[runs["status"] == "finished"]
    text = (
        environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            lead=lead,
            counts=counts,
            findings=findings,
            sections=[section for section in sections if section.blocks],
            conditions=conditions,
            runs=len(finished),
            seeds=sorted(map(int, finished["seed"].unique())),
            command=command,
        )
    )
    return text.encode()


def provenance(folder: Path, runs: pd.DataFrame) -> dict[str, list[str]]:
    """Return the provenance of the finished runs: by label of the page, every value that occurs.

    Args:
        folder: the folder of the records.
        runs: one row per run, with the columns of `results.csv`.
    """
    found: dict[str, dict[str, None]] = {}
    for run in runs.loc[runs["status"] == "finished", "run"]:
        values = (Record(folder / run).summary() or {}).get("provenance", {})
        versions = values.get("versions", {})
        for name, value in {**{label: values.get(key) for key, label in CONDITIONS.items()}, **versions}.items():
            if value is not None:
                shown = ("yes" if value else "no") if isinstance(value, bool) else str(value)
                found.setdefault(name, {})[shown] = None
    return {name: list(values) for name, values in found.items()}


def data_uri(png: bytes) -> str:
    """Return a PNG image as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


@cache
def environment() -> Environment:
    """Return the templates of this package; they escape every value."""
    package, _, _ = __name__.rpartition(".")
    loader = PackageLoader(package, package_path=".")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals |= {"badge": badge, "verdict_badge": verdict_badge, "zip": zip}
    return made
