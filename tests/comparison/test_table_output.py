"""A table of published numbers, judged and shown: from made-up runs, whose numbers are known beforehand."""

import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from fmnist_lab.comparison.run_selection import Samples, join
from fmnist_lab.comparison.statistics import Published, compare, holm
from fmnist_lab.comparison.table_format import PublishedEntry, PublishedTable, parse_table
from fmnist_lab.comparison.table_output import (
    MOST_DRAWN,
    assess_table,
    cell_names,
    comparison_section,
    differences_figure,
    readable,
    write_comparison,
)
from fmnist_lab.config.schema import constraints, groups
from support.made_up_reproduction import NASTY, pretend_records

KNOWN = [*constraints(), *groups()]


@pytest.fixture(scope="module")
def samples(build):
    sweep = build({"lr": [0.01, 0.1], "seed": [*range(6)]})
    return Samples(join(sweep.results, sweep.settings), sweep.curves, {})


def check_of(*cells, title="A title", source="A source"):
    return PublishedTable("mine.yaml", title, source, cells, "title: A title")


def cell(value, lr=0.1, metric="test_accuracy", **known):
    own = {name: known.pop(name) for name in ("at_epoch", "fitted", "name", "not_testable") if name in known}
    return PublishedEntry({"lr": lr}, Published(value, **known), metric, **own)


def assessed(samples, *cells):
    settings = [None if one.not_testable else {"model": "torch", **one.settings} for one in cells]
    return assess_table(check_of(*cells), samples, settings)


def test_each_number_is_compared_as_the_statistics_say(samples):
    runs = samples.runs[(samples.runs["model"] == "torch") & (samples.runs["lr"] == 0.1)]
    ours = runs.set_index("seed")["test_accuracy"].sort_index()
    values = [Published(0.85), Published(0.85, 49, 0.004), Published(0.5, 3, None, 0.0005, 0.02)]
    table = assessed(samples, *(cell(**vars(value)) for value in values))
    alone = [compare(value, ours) for value in values]
    assert list(table["difference"]) == [one.difference for one in alone]
    assert list(table["half_width"]) == [one.half_width for one in alone]
    assert list(table["p"]) == pytest.approx(list(holm([one.p for one in alone])))
    assert list(table["measured"]) == pytest.approx([ours.mean()] * 3)
    assert list(table["n"]) == [6] * 3


def test_a_number_of_an_epoch_is_read_from_the_curves(samples):
    table = assessed(samples, cell(0.5, metric="validation_accuracy", at_epoch=3), cell(1.0, metric="validation_loss"))
    runs = set(samples.runs.loc[(samples.runs["model"] == "torch") & (samples.runs["lr"] == 0.1), "run"])
    curves = samples.curves[samples.curves["run"].isin(runs)].groupby("epoch")[
        ["validation_accuracy", "validation_loss"]
    ]
    means = curves.mean()
    expected = [means["validation_accuracy"][3], means["validation_loss"].iloc[-1]]
    assert list(table["measured"]) == pytest.approx(expected)
    assert list(table["unit"]) == ["accuracy", "loss"]


def test_runs_that_ended_early_count_as_far_as_they_came(samples):
    runs = samples.runs[(samples.runs["model"] == "torch") & (samples.runs["lr"] == 0.1)]
    short = samples.curves["run"].eq(runs["run"].iloc[0]) & (samples.curves["epoch"] > 4)
    cut = Samples(samples.runs, samples.curves[~short], {})
    cells = [cell(0.5, metric="validation_accuracy", at_epoch=at) for at in (4, 5, None)]
    table = assessed(cut, *cells)
    assert list(table["n"]) == [6, 5, 6]
    own = cut.curves[cut.curves["run"].isin(runs["run"])].sort_values("epoch")
    assert table["measured"][2] == pytest.approx(own.groupby("run")["validation_accuracy"].last().mean())
    assert assessed(cut, cell(0.5, metric="validation_accuracy", at_epoch=99))["n"][0] == 0


def test_settings_that_were_chosen_to_fit_explain_at_most(samples):
    mean = assessed(samples, cell(0.5))["measured"][0]
    table = assessed(samples, cell(mean, margin=1), cell(mean, margin=1, fitted=True), cell(0.1, fitted=True))
    assert list(table["verdict"]) == ["reproduced", "explained", "published lower"]


def test_what_is_not_testable_keeps_its_place_and_counts_for_nothing(samples):
    people = cell(0.835, name="people", not_testable="nobody is asked")
    alone, among = assessed(samples, cell(0.85)), assessed(samples, people, cell(0.85))
    assert among["verdict"][0] == "not testable"
    assert among["p"][1] == alone["p"][0]
    assert readable(among).iloc[0][["measured", "prediction interval", "difference"]].tolist() == ["", "", ""]


def test_a_number_is_called_by_what_tells_it_from_the_others():
    one = PublishedEntry({"epochs": 5, "architecture.hidden": [100, 10], "model": "torch"}, Published(0.8), "test_loss")
    other = PublishedEntry({"epochs": 5, "architecture.hidden": [100]}, Published(0.8), "test_loss", name="the second")
    assert cell_names([one, other]) == ["hidden 100-10, model torch", "the second"]
    assert cell_names([one]) == ["all rows"]


def test_accuracies_are_read_in_percent_and_losses_as_they_are(samples):
    text = readable(assessed(samples, cell(0.4, runs=49, sd=0.0042), cell(1.25, metric="test_loss")))
    assert list(text["published"]) == ["40.00", "1.2500"]
    assert list(text["known"]) == ["stated, 49 runs, sd 0.42", "stated, 1 run"]


def test_a_long_table_with_long_names_is_drawn_in_part(samples):
    table = assessed(samples, *(cell(0.5, name=f"{place} {'w' * 400}") for place in range(MOST_DRAWN + 40)))
    figure = differences_figure(table)
    (axes,) = figure.axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(labels) == MOST_DRAWN
    assert max(map(len, labels)) < 70


@pytest.fixture
def written(samples, tmp_path, monkeypatch):
    """A table with words that would break a page, as files."""
    pretend_records(monkeypatch)
    cells = [cell(0.8, name=NASTY), cell(1.0, metric="test_loss", name="[1] begins its row 漢字")]
    check = check_of(*cells, title=NASTY, source=NASTY)
    table = assessed(samples, *cells)
    return write_comparison(
        check, table, samples.runs, ["python -m fmnist_lab compare mine.yaml", "alone"], tmp_path
    ).parent


def test_the_page_of_the_paper_shows_the_same_numbers(written, samples):
    text = "title: The title\nsource: The source"
    (written / "table.yaml").write_text(text)
    assert not comparison_section(written.parent, {"mine": f"{text}, another"}).blocks
    section = comparison_section(written.parent, {"mine": text, "never checked": text})
    (part,) = section.blocks
    assert (part.title, part.text, part.commands) == ("The title", "The source", ["python -m fmnist_lab compare mine"])
    cells = [cell(0.8, name=NASTY), cell(1.0, metric="test_loss", name="[1] begins its row 漢字")]
    fresh = readable(assessed(samples, *cells))
    again = readable(pd.read_csv(written / "table.csv", keep_default_na=False, na_values={"published_sd": ""}))
    pd.testing.assert_frame_equal(fresh, again)
    for value in fresh[["measured", "prediction interval"]].to_numpy().flat:
        assert value in part.tables[0]


def test_nothing_leaves_the_page(written):
    page = (written / "index.html").read_text("utf-8")
    assert "<script>fail()" not in page
    assert not re.search(r"(?:src|href)=.(?!data:|#)", page)


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex (Debian: texlive-latex-recommended)")
def test_latex_compiles_whatever_the_words(written):
    tex = (written / "table.tex").read_text("utf-8")
    head = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{array,booktabs,graphicx}\begin{document}"
    (written / "paper.tex").write_text(f"{head}\n{tex}\n" + r"\end{document}", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    outcome = subprocess.run(command, cwd=written, capture_output=True, text=True, errors="replace")
    assert outcome.returncode == 0, outcome.stdout


def test_runs_without_any_outcome_leave_the_number_open():
    empty = Samples(pd.DataFrame(), pd.DataFrame(), {})
    table = assess_table(check_of(cell(0.8)), empty, [{"model": "torch", "lr": 0.1}])
    assert table["verdict"][0] == "inconclusive"
    assert table["n"][0] == 0
    assert np.isnan(table["measured"][0])


def test_the_table_of_a_text_is_judged_in_its_order(samples):
    rows = "".join(f"  - {{lr: {lr}, published: {value}}}\n" for lr, value in ((0.1, 0.5), (0.01, 0.6)))
    check = parse_table("mine.yaml", f"title: t\nsource: s\nmodel: torch\nrows:\n{rows}", KNOWN)
    table = assess_table(check, samples, [dict(cell.settings) for cell in check.cells])
    assert list(table["number"]) == ["lr 0.1", "lr 0.01"]
    assert list(table["published"]) == [0.5, 0.6]
