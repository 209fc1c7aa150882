"""The tables of the report have the same values in every format, and no text in them becomes markup."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fmnist_lab.reproduction import tables as entry_tables
from fmnist_lab.reproduction.tables import readable, to_latex, to_markdown
from fmnist_lab.results import tables
from fmnist_lab.results.html import to_html
from fmnist_lab.results.latex import escape_latex
from support.made_up_reproduction import NASTY, make_entries

TEXTS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1)
ASCII = "".join(map(chr, range(33, 127)))


class Entries(HTMLParser):
    """The texts of a table's body, and every tag there is."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.entries = set[str](), list[str]()
        self.feed(str(html))

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "td":
            self.entries.append("")

    def handle_data(self, data):
        if self.entries and self.lasttag not in ("tr", "table", "tbody", "div"):
            self.entries[-1] += data


def markdown_entries(text: bytes) -> list[str]:
    """Return the entries of the body as a Markdown renderer shows them."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text.decode())
    body = tokens[[token.type for token in tokens].index("tbody_open") :]
    inline = [one for one, before in zip(body[1:], body, strict=False) if before.type == "td_open"]
    return ["".join(child.content for child in one.children) for one in inline]


def test_entries_are_percentages_and_seconds_in_the_order_of_the_report():
    first = readable(make_entries("table1")).iloc[0]
    assert list(first[:-1]) == [
        "8-128",
        "custom (NumPy)",
        "83.29",
        "82.29",
        "81.49 to 83.09",
        "−1.00",
        "2",
        "published higher",
        "307",
        "8.0",
        "0.8 points above PyTorch [0.5, 1.1]; 0.7 of its time",
    ]


def test_what_was_not_measured_is_blank():
    entries = make_entries("table1")
    unknown = ["test_accuracy_mean", "low", "high", "difference", "n", "seconds_median"]
    entries[unknown] = np.nan
    text = readable(entries)
    blank = ["measured (%)", "prediction interval (%)", "difference (points)", "n", "time (s)"]
    assert (text[blank] == "").all(axis=None)
    assert (text["printed test accuracy (%)"] != "").all()
    for format in (to_markdown(entries), to_latex(entries, "T", "t"), entry_tables.to_html(entries, "T").encode()):
        assert b"nan" not in format.replace(b"prediction", b"")


def test_a_changed_printed_value_changes_every_format():
    entries = make_entries("table2")
    changed = entries.assign(published_accuracy=entries["published_accuracy"].replace(0.8460, 0.1234))
    for write in (
        to_markdown,
        lambda entries: to_latex(entries, "T", "t"),
        lambda entries: entry_tables.to_html(entries, "T"),
    ):
        before, after = str(write(entries)), str(write(changed))
        assert "84.60" in before
        assert "12.34" not in before
        assert "84.60" not in after
        assert "12.34" in after


def test_markdown_names_a_network_once():
    assert to_markdown(make_entries("table1")).count(b"1024-128") == 1


@given(TEXTS)
def test_markdown_shows_any_text_as_it_is(text):
    written = tables.to_markdown(pd.DataFrame({"a": [text], "b": ["end"]}), numbers=())
    assert markdown_entries(written) == [text, "end"]


@given(TEXTS)
def test_html_shows_any_text_as_it_is(text):
    found = Entries(to_html(pd.DataFrame({"a": [text], "verdict": [f"{text} verdict"]}), (), text))
    assert found.tags == {"div", "table", "caption", "thead", "tbody", "tr", "th", "button", "td", "span"}
    assert found.entries[0].strip() == text
    assert found.entries[1].split(maxsplit=1)[1].strip() == f"{text} verdict"


@given(st.text(st.sampled_from(ASCII)))
def test_latex_leaves_no_sign_that_is_a_command(text):
    rest = re.sub(r"\\(?:text\w+\{\}|[_%&#${}])", "", escape_latex(text))
    assert not re.search(r"[\\_%&#$~^<>|\"]", rest)
    assert not re.search(r"(?<!\{)\[|\](?!\})", rest)


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex (Debian: texlive-latex-recommended)")
def test_latex_compiles_and_prints_what_it_was_given(tmp_path):
    entries = make_entries("table1")
    entries.loc[0, "published_note"] = " ".join(ASCII)
    entries.loc[1, "hidden"] = "[1] begins its row"  # not an argument of the row before
    floats = [to_latex(entries, f"Table 1 {NASTY}", "tab:1"), to_latex(make_entries("table3"), "Table 3", "tab:3")]
    document = "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage[T1]{fontenc}",
            r"\usepackage{array,booktabs,graphicx}",
            r"\begin{document}",
            *(text.decode() for text in floats),
            r"\end{document}",
        ]
    )
    (tmp_path / "paper.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    outcome = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert outcome.returncode == 0, outcome.stdout
    assert "Missing character" not in outcome.stdout
    if shutil.which("pdftotext"):
        shown = subprocess.run(["pdftotext", "-raw", "paper.pdf", "-"], cwd=tmp_path, capture_output=True, check=True)
        printed = "".join(shown.stdout.decode().split())
        assert ASCII in printed
        assert "[1]beginsitsrow" in printed
