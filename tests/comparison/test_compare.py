"""Tables compared from the command line: real runs, made small, on the real data."""

import json
import re
from pathlib import Path
from statistics import mean

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fmnist_lab.cli.compare import main
from fmnist_lab.comparison.compare import configure, configured
from fmnist_lab.comparison.table_format import ROW_KEYS, PublishedEntry, parse_table, read_table, shipped
from fmnist_lab.comparison.verdict_statistics import Published
from fmnist_lab.compose import composing, expand
from fmnist_lab.config.identity import identity
from fmnist_lab.config.schema import Config, constraints, groups
from fmnist_lab.errors import InputError
from fmnist_lab.reproduction import reproduce
from support.paths import ROOT

KNOWN = [*constraints(), *groups()]
NASTY = "_ % & < > # $ { } ~ ^ \\ | [x] * ` \" ' </table><script>fail()</script> é"
TABLE = """
title: Wide or narrow?
source: A. Author, 2024, Table 2
data.validation: 59000
epochs: 2
rows:
  - {architecture.hidden: [8], published: 0.99}
  - {architecture.hidden: [16], model: torch, lr: 0.1, published: 0.7, runs: 3, sd: 0.2, margin: 1}
  - {architecture.hidden: [16], metric: validation_accuracy, at_epoch: 1, published: 0.2, margin: 1, fitted: true}
  - {architecture.hidden: [16], metric: train_loss, published: 2, margin: 9, reading_error: 0.1}
  - {name: people, published: 0.835, not_testable: nobody is asked here}
"""


@pytest.fixture
def mine(tmp_path, capsys, monkeypatch):
    """Return a function that compares a table in the test's folder, and returns its output and its folder."""
    monkeypatch.chdir(tmp_path)

    def compared(text, *words, status=0, name="mine.yaml"):
        Path(name).write_text(text, encoding="utf-8")
        assert main([name, *words]) == status
        captured = capsys.readouterr()
        return captured.err if status == 2 else captured.out, tmp_path / "outputs" / "checks" / Path(name).stem

    return compared


def table_of(folder):
    return pd.read_csv(folder / "table.csv", keep_default_na=False, dtype=str)


@pytest.mark.promise
def test_each_number_is_compared_with_the_runs_of_its_settings(mine):
    output, folder = mine(TABLE, "--seeds", "3")
    assert output.startswith("9 runs to train")  # of the five numbers two are of the same runs, and one of none
    table = table_of(folder)
    assert list(table["n"]) == ["3", "3", "3", "3", "0"]
    assert list(table["verdict"]) == ["published higher", "reproduced", "explained", "reproduced", "not testable"]
    assert table["reason"][4] == "nobody is asked here"
    assert measured(table) == pytest.approx(means(folder.parents[1]))
    assert (folder / "table.yaml").read_text("utf-8") == TABLE
    assert "python -m fmnist_lab compare mine.yaml --seeds 3" in (folder / "index.html").read_text("utf-8")
    for name in ("table.md", "table.tex", "figures/differences.png", "figures/differences.svg"):
        assert (folder / name).stat().st_size > 0

    output, _ = mine(TABLE, "--seeds", "3")
    assert "nothing to train" in output
    output, _ = mine(TABLE, "--seeds", "4")
    assert "3 to train" in output
    assert list(table_of(folder)["n"]) == ["4", "4", "4", "4", "0"]


def measured(table):
    return [float(text) for text in table["measured"] if text]


def means(outputs):
    """Return what the table should have measured, read from the files of the runs."""
    summaries, histories = {}, {}
    for path in outputs.glob("runs/*/summary.json"):
        config = yaml.safe_load((path.parent / "config.yaml").read_text())
        of = config["model"]["name"], config["architecture"]["hidden"][0]
        summaries.setdefault(of, []).append(json.loads(path.read_text())["test_accuracy"])
        histories.setdefault(of, []).append(pd.read_csv(path.parent / "history.csv").set_index("epoch"))
    of_epochs = pd.concat(histories["custom", 16]).groupby("epoch").mean()
    accuracies = [mean(summaries[of]) for of in (("custom", 8), ("torch", 16))]
    return [*accuracies, of_epochs["validation_accuracy"][1], of_epochs["train_loss"][2]]


@pytest.mark.promise
def test_a_changed_number_changes_verdict_table_and_page(mine):
    _, folder = mine(TABLE, "--seeds", "2")
    before = (folder / "index.html").read_text("utf-8")
    mine(TABLE.replace("0.99", "0.12345"), "--seeds", "2")
    after = (folder / "index.html").read_text("utf-8")
    assert "99.00" in before
    assert "12.35" not in before
    assert "12.35" in after
    assert "99.00" not in after


@pytest.mark.promise
def test_special_characters_are_escaped_in_page_and_latex(mine):
    row = {"architecture.hidden": [8], "published": 0.8, "note": NASTY, "name": NASTY}
    table = {"title": NASTY, "source": NASTY, "data.validation": 59000, "epochs": 1, "rows": [row]}
    _, folder = mine(yaml.safe_dump(table, allow_unicode=True), "--seeds", "1")
    page, tex = ((folder / name).read_text("utf-8") for name in ("index.html", "table.tex"))
    assert "<script>fail()" not in page
    assert "&lt;script&gt;fail()" in page
    assert r"\_ \% \& \textless{}" in tex
    assert set(table_of(folder)["number"]) == {NASTY}


def test_a_dry_run_does_nothing(mine, tmp_path):
    output, _ = mine(TABLE, "dry_run=true")
    assert output.startswith("15 runs to train; about ")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


@pytest.mark.promise
def test_diverged_runs_are_counted_in_the_reason(mine):
    text = TABLE.replace("lr: 0.1", "lr: 1e6").replace("epochs: 2", "epochs: 1")
    _, folder = mine(text.replace("at_epoch: 1, ", ""), "--seeds", "2")
    assert "2 of 2 runs diverged" in table_of(folder)["reason"][1]


@pytest.mark.promise
@pytest.mark.parametrize(
    ("found", "spoilt", "line"),
    [
        ("epochs: 2", "epochs: many", "mine.yaml: row 1: epochs=many: must be a whole number of at least 1"),
        ("epochs: 2", "epochs: [2, 3]", "mine.yaml: row 1: epochs=[2,3]: must be"),
        ("lr: 0.1", "lr: -1", "mine.yaml: row 2: lr=-1.0: must be a number above 0"),
        ("lr: 0.1", "lr: nan", "mine.yaml: row 2: lr=nan: must be a number above 0"),
        ("lr: 0.1", "optimizer: rmsprop", "mine.yaml: row 2: optimizer=rmsprop: must be one of adam, sgd"),
        ("lr: 0.1", "experiment: table9", "mine.yaml: row 2: experiment=table9: must be one of audit_grid"),
        (
            "lr: 0.1",
            "batch_size: 1001",
            "mine.yaml: row 2: batch_size=1001: must be at most 1000, the number",
        ),
        ("lr: 0.1", "seed: 3", "mine.yaml: row 2: seed=3: must be left out of a table: the command line gives it"),
        ("lr: 0.1", "outputs: elsewhere", "mine.yaml: row 2: outputs=elsewhere: must be left out of a table"),
        ("at_epoch: 1", "at_epoch: 3", "mine.yaml: row 3: at_epoch=3: must be at most 2, the epochs of the run"),
        ("model: torch", "model: 3", "mine.yaml: row 2: "),
        ("model: torch", "model: [custom, torch]", "mine.yaml: row 2: model=['custom', 'torch']: must be one name"),
        ("published: 0.7", "published: 70", "mine.yaml: row 2: published=70: should be an accuracy"),
    ],
)
def test_a_wrong_row_gives_one_line_and_nothing_is_written(mine, tmp_path, found, spoilt, line):
    assert found in TABLE
    output, _ = mine(TABLE.replace(found, spoilt, 1), status=2)
    assert output.startswith(f"fmnist_lab: {line}")
    assert output.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


@pytest.mark.promise
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--seeds", "0"], "--seeds=0: must be a whole number of at least 1"),
        (["lr=-1"], "lr=-1.0: must be a number above 0"),
        (["train=false"], "train=False: must be true; only a sweep (-m) writes its outcome without training"),
        (["seed=3"], "seed=3: must be left out: --seeds gives their number"),
        (["name=other"], "name=other: must be left out: a table's folder has the name of its file"),
        (["+hydra.launcher.partition=x"], "hydra.launcher.partition: there is no such key"),
        (["--config-dir", "nowhere"], "--config-dir=nowhere: must be a folder"),
        (["nowhere.yaml"], "nowhere.yaml: there is no such file"),
        (["other/mine.yaml"], "mine.yaml: the file names a folder of its own"),
    ],
)
def test_wrong_arguments_give_one_line_and_nothing_is_written(mine, tmp_path, words, line):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.yaml").write_text(TABLE)
    output, _ = mine(TABLE, *words, status=2)
    assert output.startswith(f"fmnist_lab: {line}")
    assert output.count("\n") == 1
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize("name", ["..yaml", "...yaml", "a b.yaml", "$(echo).yaml", "-é.yaml"])
def test_a_name_that_cannot_be_a_folder_is_refused(mine, tmp_path, name):
    output, _ = mine(TABLE, status=2, name=name) if not name.startswith("-") else mine(TABLE, status=2, name=f"x{name}")
    assert "must be a folder name" in output
    assert not (tmp_path / "outputs").exists()


def test_a_table_without_any_testable_number_is_refused():
    text = "title: t\nsource: s\nrows: [{name: people, published: 0.8, not_testable: nobody is asked}]"
    with pytest.raises(InputError, match="each is not_testable"):
        configure(parse_table("mine.yaml", text, KNOWN), [])


WORDS = st.from_regex(r"[a-z0-9_.+-]{1,8}", fullmatch=True) | st.sampled_from(["1e3", "nan", "inf", "auto", "zeros"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS


def test_any_settings_give_a_configuration_or_one_clear_line():
    @given(st.dictionaries(st.sampled_from(KNOWN), VALUES | st.lists(VALUES, max_size=3), max_size=3))
    def check_settings(settings):
        try:
            outcome = configured(PublishedEntry(settings, Published(0.8), "test_accuracy"), compose, [])
        except InputError as refused:
            assert str(refused).isprintable()  # noqa: PT017
        else:
            assert isinstance(outcome, Config)

    with composing() as compose:
        check_settings()


# The tables that come with the lab.


@pytest.mark.promise
@pytest.mark.parametrize("name", shipped())
def test_the_runs_of_a_shipped_table_are_those_of_its_preset(name):
    preset = [identity(config) for config in expand(f"experiment={name}")]
    configs = [config for config in configure(read_table(name, KNOWN), []) if config]
    assert configs
    assert all(identity(config) in preset for config in configs)


@pytest.mark.promise
def test_without_a_file_the_shipped_tables_are_compared_and_shown_on_the_page(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(reproduce, "on_disk", lambda overrides: [])
    small = ("epochs=4", "data.validation=59000", "architecture.hidden=[4]", "batch_size=500", "dtype=float32")
    assert main(["--seeds", "1", *small, f"outputs={tmp_path.as_posix()}"]) == 0
    assert {path.parent.name for path in tmp_path.glob("checks/*/table.csv")} == {*shipped()}
    page = (tmp_path / "paper" / "index.html").read_text("utf-8")
    assert "Other published tables" in page
    assert "PyTorch&#39;s Quickstart" in page
    assert "python -m fmnist_lab compare zalando" in page
    assert "64.81" in page
    assert "all runs with epochs=4 data.validation=59000" in page  # the page states how the settings differ


# The documentation of the format.


def documented():
    return (ROOT / "docs" / "your-own-table.md").read_text("utf-8")


def test_every_key_of_a_row_is_documented():
    assert set(re.findall(r"^\| `(\w+)` \|", documented(), re.MULTILINE)) == {"title", "source", "rows", *ROW_KEYS}


@pytest.mark.promise
def test_the_documented_example_runs(mine):
    (example,) = re.findall(r"```yaml\n(.*?)```", documented(), re.DOTALL)
    assert len(example.splitlines()) <= 20
    small = ("epochs=3", "data.validation=59000", "architecture.hidden=[4]")
    _, folder = mine(example, "--seeds", "1", *small)
    assert len(table_of(folder)) == 6
