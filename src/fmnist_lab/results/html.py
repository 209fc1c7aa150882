"""What the page is made of: escaped tables, images that travel inside it, and verdicts that need no colour."""

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
    """A figure: its files by extension, what it shows for those who cannot see it, and its caption."""

    name: str
    files: Mapping[str, bytes]
    alt: str
    caption: str

    @property
    def uri(self) -> str:
        """The picture as an address that holds the picture itself."""
        return data_uri(self.files["png"])


@dataclass(frozen=True)
class Block:
    """A heading with what stands below it; the commands make it anew."""

    title: str
    text: str = ""
    pictures: Sequence[Picture] = ()
    tables: Sequence[Markup] = ()
    commands: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    text: str
    blocks: Sequence[Block]


class Badge(NamedTuple):
    """How a verdict looks: a style of the page, and a sign for readers who see no colours."""

    style: str
    sign: str


CONDITIONS = {  # of the provenance, in the words of the page
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
    """How to show a verdict; one without a style of its own looks like one not tested."""
    return BADGES.get(verdict, UNTESTED)


def verdict_badge(verdict: str) -> Markup:
    """The verdict with its sign, in the style of its badge."""
    style, sign = badge(verdict)
    return Markup('<span class="badge {}"><span aria-hidden="true">{}</span> {}</span>').format(style, sign, verdict)


def to_html(text: pd.DataFrame, numbers: Collection[str], caption: str, *, cards: bool = False) -> Markup:
    """A table of texts that the page's script can sort.

    Args:
        text: one column a heading, left out where it is blank throughout; `verdict` is shown as badges.
        numbers: the headings of columns aligned to the right.
        cards: on a narrow screen each row becomes a card, for rows of sentences.
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
    """A page that holds everything and asks nothing of the network.

    Args:
        counts: how often each verdict was given.
        runs: those that the page is of, with the columns of `results.csv`.
        conditions: under which they were made, as `provenance` gives them.
        command: builds the page anew.
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
    """Under which conditions the finished runs were made: every value that occurs, by what it is of.

    Args:
        folder: where their records lie.
        runs: with the columns of `results.csv`.
    """
    found: dict[str, dict[str, None]] = {}
    for run in runs.loc[runs["status"] == "finished", "run"]:
        told = (Record(folder / run).summary() or {}).get("provenance", {})
        versions = told.get("versions", {})
        for name, value in {**{word: told.get(key) for key, word in CONDITIONS.items()}, **versions}.items():
            if value is not None:
                shown = ("yes" if value else "no") if isinstance(value, bool) else str(value)
                found.setdefault(name, {})[shown] = None
    return {name: list(values) for name, values in found.items()}


def data_uri(png: bytes) -> str:
    """A PNG image as an address that holds the image itself."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


@cache
def environment() -> Environment:
    """The templates beside this module; whatever they are given is escaped."""
    package, _, _ = __name__.rpartition(".")
    loader = PackageLoader(package, package_path=".")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals |= {"badge": badge, "verdict_badge": verdict_badge, "zip": zip}
    return made
