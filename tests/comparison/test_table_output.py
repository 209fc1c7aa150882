"""The comparison of a published table with made-up runs of known numbers, and its files."""

import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from fmnist_lab.comparison.assess import assess_table, entry_names
from fmnist_lab.comparison.run_selection import Samples, join
from fmnist_lab.comparison.table_format import PublishedEntry, PublishedTable, parse_table
from fmnist_lab.comparison.table_output import (
    MOST_DRAWN,
    comparison_section,
    differences_figure,
    readable,
    write_comparison,
)
from fmnist_lab.comparison.verdict_statistics import Published, compare, holm
from fmnist_lab.config.schema import constraints, groups
from support.made_up_reproduction import NASTY, pretend_records

KNOWN = [*constraints(), *groups()]


@pytest.fixture(scope="module")
def samples(build):
    sweep = build({"lr": [0.01, 0.1], "seed": [*range(6)]})
    return Samples(join(sweep.results, sweep.settings), sweep.curves, {})


def table_of(*entries, title="A title", source="A source"):
    return PublishedTable("mine.yaml", title, source, entries, "title: A title")


def entry(value, lr=0.1, metric="test_accuracy", **known):
    own = {name: known.pop(name) for name in ("at_epoch", "fitted", "name", "not_testable") if name in known}
    return PublishedEntry({"lr": lr}, Published(value, **known), metric, **own)


def assessed(samples, *entries):
    settings = [None if one.not_testable else {"model": "torch", **one.settings} for one in entries]
    return assess_table(table_of(*entries), samples, settings)


def test_each_number_is_compared_as_a_family_by_the_statistics(samples):
    runs = samples.runs[(samples.runs["model"] == "torch") & (samples.runs["lr"] == 0.1)]
    ours = runs.set_index("seed")["test_accuracy"].sort_index()
    values = [Published(0.85), Published(0.85, 49, 0.004), Published(0.5, 3, None, 0.0005, 0.02)]
    table = assessed(samples, *(entry(**vars(value)) for value in values))
    alone = [compare(value, ours) for value in values]
    assert list(table["difference"]) == [one.difference for one in alone]
    assert list(table["half_width"]) == [one.half_width for one in alone]
    assert list(table["p"]) == pytest.approx(list(holm([one.p for one in alone])))
    assert list(table["measured"]) == pytest.approx([ours.mean()] * 3)
    assert list(table["n"]) == [6] * 3


def test_a_number_of_an_epoch_is_read_from_the_curves(samples):
    table = assessed(
        samples, entry(0.5, metric="validation_accuracy", at_epoch=3), entry(1.0, metric="validation_loss")
    )
    runs = set(samples.runs.loc[(samples.runs["model"] == "torch") & (samples.runs["lr"] == 0.1), "run"])
    curves = samples.curves[samples.curves["run"].isin(runs)].groupby("epoch")[
        ["validation_accuracy", "validation_loss"]
    ]
    means = curves.mean()
    expected = [means["validation_accuracy"][3], means["validation_loss"].iloc[-1]]
    assert list(table["measured"]) == pytest.approx(expected)
    assert list(table["unit"]) == ["accuracy", "loss"]


def test_runs_that_ended_early_count_up_to_their_last_epoch(samples):
    runs = samples.runs[(samples.runs["model"] == "torch") & (samples.runs["lr"] == 0.1)]
    short = samples.curves["run"].eq(runs["run"].iloc[0]) & (samples.curves["epoch"] > 4)
    cut = Samples(samples.runs, samples.curves[~short], {})
    entries = [entry(0.5, metric="validation_accuracy", at_epoch=at) for at in (4, 5, None)]
    table = assessed(cut, *entries)
    assert list(table["n"]) == [6, 5, 6]
    own = cut.curves[cut.curves["run"].isin(runs["run"])].sort_values("epoch")
    assert table["measured"][2] == pytest.approx(own.groupby("run")["validation_accuracy"].last().mean())
    assert assessed(cut, entry(0.5, metric="validation_accuracy", at_epoch=99))["n"][0] == 0


def test_fitted_settings_explain_and_never_reproduce(samples):
    mean = assessed(samples, entry(0.5))["measured"][0]
    table = assessed(samples, entry(mean, margin=1), entry(mean, margin=1, fitted=True), entry(0.1, fitted=True))
    assert list(table["verdict"]) == ["reproduced", "explained", "published lower"]


def test_an_entry_that_is_not_testable_keeps_its_row_and_corrects_nothing(samples):
    people = entry(0.835, name="people", not_testable="nobody is asked")
    alone, among = assessed(samples, entry(0.85)), assessed(samples, people, entry(0.85))
    assert among["verdict"][0] == "not testable"
    assert among["p"][1] == alone["p"][0]
    assert readable(among).iloc[0][["measured", "prediction interval", "difference"]].tolist() == ["", "", ""]


def test_an_entry_is_named_by_the_settings_that_differ():
    one = PublishedEntry({"epochs": 5, "architecture.hidden": [100, 10], "model": "torch"}, Published(0.8), "test_loss")
    other = PublishedEntry({"epochs": 5, "architecture.hidden": [100]}, Published(0.8), "test_loss", name="the second")
    assert entry_names([one, other]) == ["hidden 100-10, model torch", "the second"]
    assert entry_names([one]) == ["all rows"]


def test_accuracies_are_shown_in_percent_and_losses_unchanged(samples):
    text = readable(assessed(samples, entry(0.4, runs=49, sd=0.0042), entry(1.25, metric="test_loss")))
    assert list(text["published"]) == ["40.00", "1.2500"]
    assert list(text["known"]) == ["stated, 49 runs, sd 0.42", "stated, 1 run"]


def test_of_a_long_table_only_the_first_rows_are_drawn(samples):
    table = assessed(samples, *(entry(0.5, name=f"{place} {'w' * 400}") for place in range(MOST_DRAWN + 40)))
    figure = differences_figure(table)
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(labels) == MOST_DRAWN
    assert max(map(len, labels)) < 70


@pytest.fixture
def written(samples, tmp_path, monkeypatch):
    """Return the folder of a table whose texts contain the special characters of HTML and LaTeX."""
    pretend_records(monkeypatch)
    entries = [entry(0.8, name=NASTY), entry(1.0, metric="test_loss", name="[1] begins its row 漢字")]
    published = table_of(*entries, title=NASTY, source=NASTY)
    table = assessed(samples, *entries)
    return write_comparison(
        published, table, samples.runs, ["python -m fmnist_lab compare mine.yaml", "alone"], tmp_path
    ).parent


def test_the_page_of_the_reproduction_shows_the_same_numbers(written, samples):
    text = "title: The title\nsource: The source"
    (written / "table.yaml").write_text(text)
    assert not comparison_section(written.parent, {"mine": f"{text}, another"}).blocks
    section = comparison_section(written.parent, {"mine": text, "never compared": text})
    (block,) = section.blocks
    assert (block.title, block.text) == ("The title", "The source")
    assert block.commands == ["python -m fmnist_lab compare mine"]
    entries = [entry(0.8, name=NASTY), entry(1.0, metric="test_loss", name="[1] begins its row 漢字")]
    fresh = readable(assessed(samples, *entries))
    again = readable(pd.read_csv(written / "table.csv", keep_default_na=False, na_values={"published_sd": ""}))
    pd.testing.assert_frame_equal(fresh, again)
    for value in fresh[["measured", "prediction interval"]].to_numpy().flat:
        assert value in block.tables[0]


def test_the_page_loads_and_runs_nothing_foreign(written):
    page = (written / "index.html").read_text("utf-8")
    assert "<script>fail()" not in page
    assert not re.search(r"(?:src|href)=.(?!data:|#)", page)


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex (Debian: texlive-latex-recommended)")
def test_latex_compiles_with_any_text(written):
    tex = (written / "table.tex").read_text("utf-8")
    head = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{array,booktabs,graphicx}\begin{document}"
    (written / "paper.tex").write_text(f"{head}\n{tex}\n" + r"\end{document}", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    outcome = subprocess.run(command, cwd=written, capture_output=True, text=True, errors="replace")
    assert outcome.returncode == 0, outcome.stdout


def test_without_runs_a_number_is_inconclusive():
    empty = Samples(pd.DataFrame(), pd.DataFrame(), {})
    table = assess_table(table_of(entry(0.8)), empty, [{"model": "torch", "lr": 0.1}])
    assert table["verdict"][0] == "inconclusive"
    assert table["n"][0] == 0
    assert np.isnan(table["measured"][0])


def test_a_parsed_table_is_compared_in_the_order_of_its_rows(samples):
    rows = "".join(f"  - {{lr: {lr}, published: {value}}}\n" for lr, value in ((0.1, 0.5), (0.01, 0.6)))
    published = parse_table("mine.yaml", f"title: t\nsource: s\nmodel: torch\nrows:\n{rows}", KNOWN)
    table = assess_table(published, samples, [dict(one.settings) for one in published.entries])
    assert list(table["number"]) == ["lr 0.1", "lr 0.01"]
    assert list(table["published"]) == [0.5, 0.6]
