"""What the page is made of: escaped tables, images that travel inside it, and verdicts that need no colour."""

import base64
from collections.abc import Collection
from functools import cache
from typing import NamedTuple

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


class Badge(NamedTuple):
    """How a verdict looks: a style of the page, and a sign for readers who see no colours."""

    style: str
    sign: str


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
