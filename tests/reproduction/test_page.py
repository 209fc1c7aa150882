"""The page is complete, written from data, escaped, and needs no other file."""

import base64
import io
import re
from html.parser import HTMLParser
from itertools import pairwise

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from fmnist_lab import data
from fmnist_lab.comparison.table_output import verdict_counts
from fmnist_lab.comparison.verdict_statistics import VERDICTS
from fmnist_lab.reproduction import sections
from fmnist_lab.reproduction.figures import initialization_differences
from fmnist_lab.reproduction.findings import findings, refuted
from fmnist_lab.reproduction.report import load_report, printed_title
from fmnist_lab.reproduction.sections import at_report
from fmnist_lab.results.html import BADGES
from fmnist_lab.saddle.figures import FIGURES
from support.made_up_reproduction import CANDIDATE, NASTY, PROVENANCE, Reproduction, make_claims, make_entries

SILENT = {"script", "style"}


class Document(HTMLParser):
    """A page's elements with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements, self.words, self.open = list[tuple[str, dict]](), list[str](), ""
        self.feed(html)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open = tag

    def handle_endtag(self, tag):
        self.open = ""

    def handle_data(self, data):
        if self.open not in SILENT:
            self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def read(page):
    return Document(page.read_text("utf-8"))


@pytest.fixture(scope="module")
def page(outputs):
    return read(outputs / "paper" / "index.html")


@pytest.fixture
def quick(monkeypatch):
    """Draw figures but do not render them, for tests about the text."""
    monkeypatch.setattr(sections, "render", lambda figure: {"png": b"a picture"})


# Its contents.


@pytest.mark.promise
def test_every_claim_has_its_row(page):
    for row in make_claims().itertuples(index=False):
        assert " ".join(f"{row.kind} {row.verdict} {NASTY}".split()) in page.text
        assert row.reason in page.text


def test_the_summary_counts_the_verdicts(page, reproduction):
    counts = verdict_counts(reproduction.claims)
    assert list(counts) == list(VERDICTS)
    assert sum(counts.values()) == len(reproduction.claims)
    for verdict, count in counts.items():
        assert f"{count} {BADGES[verdict].sign} {verdict}" in page.text


def test_every_verdict_has_a_badge_with_a_sign():
    assert set(BADGES) == set(VERDICTS)
    assert all(badge.sign for badge in BADGES.values())


TITLES = [*(f"Figure {n}" for n in (1, 2, 3)), *(f"Table {n}" for n in (1, 2, 3)), "Initialisations swapped"]


@pytest.mark.parametrize("title", TITLES)
def test_every_figure_and_table_is_there(page, title):
    assert title in page.text


def test_every_picture_is_whole_and_described(page):
    images = page.all("img")
    assert len(images) == 13
    for image in images:
        assert len(image["alt"]) > 10
        kind, content = image["src"].split(",")
        assert kind == "data:image/png;base64"
        assert matplotlib.image.imread(io.BytesIO(base64.b64decode(content))).size


def test_a_picture_from_a_folder_is_described_by_what_it_shows(page):
    descriptions = [image["alt"] for image in page.all("img")]
    custom = "79.0 % (custom (NumPy), dtype float64)"
    assert f"Test accuracy of both models against dtype, from {custom} to {custom}." in descriptions
    assert sections.HEAT_MAP in descriptions


def test_every_figure_of_the_saddle_is_described():
    assert set(sections.SADDLE) == set(FIGURES)


def test_the_page_has_the_commands(page):
    for command in (
        "python -m fmnist_lab -m experiment=figures seed=0,1",
        "python -m fmnist_lab -m experiment=table2 seed=0,1",
        "python -m fmnist_lab -m experiment=table2_inferred seed=0,1",
        "python -m fmnist_lab -m experiment=initialization seed=0,1",
        "python -m fmnist_lab -m experiment=precision",
        "python -m fmnist_lab saddle",
        "python scripts/audit.py",
        "python scripts/paper.py",
    ):
        assert command in page.text


def test_the_provenance_names_every_condition_that_occurred(page):
    one, other = PROVENANCE[0]["cpu"], PROVENANCE[1]["cpu"]
    assert f"processor {one}; {other}" in page.text or f"processor {other}; {one}" in page.text
    assert f"SHA-256 of the data {data.shipped('fashion_mnist').checksum}" in page.text
    assert "numpy 2.4.6" in page.text
    assert "runs at once 2" in page.text
    assert "BLAS openblas 0.3.31 SkylakeX" in page.text
    assert "as locked yes" in page.text
    assert "None" not in page.text


def test_further_experiments_audit_and_saddle_have_sections_if_their_folders_exist(page, reproduction, tmp_path, quick):
    sections = {attributes["id"] for attributes in page.all("section")}
    assert sections >= {"studies", "audit", "saddle"}
    assert "The network 8-128 of Table 1 is left out: run on other hardware and with more epochs" in page.text
    assert "Printed accuracies outside the interval of every candidate" in page.text
    assert "80.00 ± 1.00" in page.text
    assert "✗ does not hold" in page.text.partition("Predictions of the theory")[2]
    alone = read(reproduction.build(tmp_path))
    left = {attributes["id"] for attributes in alone.all("section")}
    assert sections - left == {"studies", "audit", "saddle"}
    assert not {link["href"] for link in alone.all("a")} - {f"#{id}" for id in left} - {"#content"}


def test_the_files_lie_beside_the_page(outputs):
    folder = outputs / "paper"
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    tables = {f"table{n}_{s}.{e}" for n in (1, 2, 3) for s in ("stated", "inferred") for e in ("csv", "md", "tex")}
    figures = {f"figures/figure{n}.{e}" for n in (1, 2, 3) for e in ("png", "svg")}
    assert written >= {"index.html", "claims.csv"} | tables | figures
    assert not [name for name in written if "/." in name or name.startswith(".")]
    pd.testing.assert_frame_equal(pd.read_csv(folder / "table1_stated.csv"), make_entries("table1"))


# It is computed from the data.


def test_a_changed_printed_value_changes_the_page(reproduction, tmp_path, page, quick):
    changed = make_entries("table1").assign(published_accuracy=0.1234)
    tables = reproduction.tables | {("table1", "stated"): changed}
    assert "12.34" not in page.text
    assert "12.34" in read(reproduction.but(tables=tables).build(tmp_path)).text


def test_the_findings_are_those_of_the_frames(reproduction):
    runs = at_report(reproduction.runs, lr=None, init=None)
    found = findings(reproduction.claims, reproduction.tables, runs, ranking=pd.DataFrame())
    assert len(found) <= 5
    [entries] = [one for one in found if one.startswith("The printed test accuracies")]
    assert "At the settings that the report states (18 comparisons): 18 published higher" in entries
    assert "published minus measured is +1.0 to +1.0 points" in entries
    assert "At settings inferred from the tables (18 comparisons): 18 explained." in entries
    [swapped] = [one for one in found if one.startswith("Custom minus PyTorch")]
    for figure in load_report().figures.values():
        own = runs[runs["lr"] == figure.lr].set_index(["model", "init", "seed"])["validation_accuracy"]
        difference = 100 * (own["custom", "glorot_uniform"] - own["torch", "torch_linear"]).mean()
        shown = f"{difference:+.2f}".replace("-", "−")
        assert re.search(
            rf"each with its own initialisation: .*{re.escape(shown)}[^,]* at learning rate {figure.lr:g}", swapped
        )
    pairs = [(rate, init) for rate in runs["lr"].unique() for init in ("glorot_uniform", "torch_linear")]
    same = initialization_differences(runs).query("start != 'each its own'")
    assert len(same) == len(pairs)
    assert f"by at most {100 * (same['mean'].abs() + same['half_width']).max():.2f} points at any" in swapped
    assert "not the code" not in swapped


def test_the_findings_of_one_seed_have_no_interval_and_no_band(reproduction):
    runs = at_report(reproduction.runs[reproduction.runs["seed"] == 0], lr=None, init=None)
    series = reproduction.claims[reproduction.claims["kind"] == "series"].assign(verdict="inconclusive")
    text = " ".join(findings(series.assign(half_width=np.nan), {}, runs, ranking=pd.DataFrame()))
    assert "With the same initial weights" in text
    assert "interval" not in text
    assert "band" not in text
    assert "all lie inside the 95 % band" in " ".join(findings(series, {}, runs, ranking=pd.DataFrame()))


def test_the_initialisation_is_named_as_the_cause_if_the_claim_holds(reproduction):
    runs = at_report(reproduction.runs, lr=None, init=None)
    for verdict, is_cause in (("holds", True), ("inconclusive", False), ("does not hold", False)):
        claims = reproduction.claims.assign(claim="same-start", verdict=verdict)
        (swapped, *_) = findings(claims, reproduction.tables, runs, ranking=pd.DataFrame())
        assert ("The initialisation causes the difference, not the code" in swapped) is is_cause


def test_the_findings_name_the_settings_that_fit_best(reproduction):
    ranking = pd.DataFrame([CANDIDATE, CANDIDATE | {"lr": 0.01}])
    found = findings(
        reproduction.claims, reproduction.tables, at_report(reproduction.runs, lr=None, init=None), ranking
    )
    [best] = [one for one in found if one.startswith("Settings that would explain the tables")]
    assert "Table 1 could come from 2 of the settings that we tried" in best
    assert "lr 0.02, batch 128, 7 epochs, with 7 of 8 printed accuracies inside their 95 % intervals" in best
    assert "lr 0.01" not in best


def test_sentences_that_do_not_hold_are_listed_with_their_reason(reproduction):
    listed = refuted(reproduction.claims)
    assert any(one.endswith("(Table 1, in our words): does not hold; the reason of does not hold.") for one in listed)
    assert not refuted(reproduction.claims.assign(mark="inferred"))


def test_the_page_of_one_seed_explains_that_it_has_no_intervals(reproduction, tmp_path, quick):
    runs = reproduction.runs[reproduction.runs["seed"] == 0]
    page = read(reproduction.but(runs=runs).build(tmp_path))
    assert "With one seed nothing has an interval" in page.text
    assert "nan" not in re.findall(r"\w+", page.text.lower())


def test_without_any_run_the_page_is_built(reproduction, tmp_path, quick):
    empty: Reproduction = reproduction.but(runs=reproduction.runs.iloc[:0], curves=reproduction.curves.iloc[:0])
    page = read(empty.build(tmp_path))
    assert "0 runs, seed none yet" in page.text
    assert {attributes["id"] for attributes in page.all("section")} == {"summary", "claims", "tables", "provenance"}


def test_with_failed_and_diverged_runs_the_page_is_built(reproduction, tmp_path, quick):
    runs = reproduction.runs.copy()
    lost = ["train_loss", "validation_accuracy", "test_accuracy", "fit_seconds"]
    for place, status in ((0, "failed"), (1, "diverged")):
        runs.loc[place, "status"] = status
        runs.loc[place, lost] = np.nan
    assert "Figure 3" in read(reproduction.but(runs=runs).build(tmp_path)).text


def test_at_report_chooses_the_runs_at_the_settings_of_the_report(reproduction):
    runs = reproduction.runs
    assert len(at_report(runs, lr=0.002)) == 4  # two models, two seeds
    assert len(at_report(runs, lr=0.002, init=None)) == 8
    assert len(at_report(runs, lr=None)) == 12
    others = {"epochs": 7, "batch_size": 64, "dtype": "float64", "data.validation": 0.1, "architecture.hidden": "[8]"}
    for key, value in others.items():
        assert at_report(runs.assign(**{key: value}), lr=None).empty


def test_titles_of_tables():
    assert printed_title("table12") == "Table 12"


# It loads nothing, and data cannot become markup.


def test_the_page_loads_nothing_from_the_network(page):
    for _, attributes in page.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    [policy] = [one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_text_of_the_data_is_never_markup(page):
    assert len(page.all("script")) == 1
    assert "<script>fail()</script>" in page.text


def test_headings_form_an_outline(page):
    assert len(page.all("h1")) == 1
    assert page.all("html")[0]["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.promise
def test_a_page_built_twice_is_the_same(outputs, reproduction):
    page = outputs / "paper" / "index.html"
    before = page.read_bytes()
    assert reproduction.build(outputs).read_bytes() == before
