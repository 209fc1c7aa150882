"""Files of published numbers: the format, and one clear line for any text of another format."""

import re
import string

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fmnist_lab.comparison.parsing import KNOWN_BASES
from fmnist_lab.comparison.table_format import (
    LARGEST,
    METRICS,
    ROW_KEYS,
    PublishedTable,
    parse_table,
    read_table,
    shipped,
)
from fmnist_lab.comparison.verdict_statistics import Published
from fmnist_lab.config.schema import constraints, groups
from fmnist_lab.errors import InputError
from fmnist_lab.reproduction.claims import METRICS as OF_CLAIMS

KNOWN = [*constraints(), *groups()]
GOOD = """
title: Wide or narrow?
source: A. Author, 2024, Table 2
runs: 3
optimizer: adam
lr: 1e-3
rows:
  - {architecture.hidden: [8], published: 0.8}
  - architecture.hidden: [64, 8]
    model: torch
    published: 0.85
    sd: 0.002
    reading_error: 0.0005
    margin: 0.02
    mark: digitised
    name: wide & narrow
  - {lr: 0.1, metric: validation_loss, at_epoch: 2, published: 1.25, fitted: true, note: read off Figure 3}
  - {name: people, published: 0.835, not_testable: nobody is asked here}
"""
ROW = "  - {architecture.hidden: [8], published: 0.8}\n"


def parse(text: str) -> PublishedTable:
    return parse_table("mine.yaml", text, KNOWN)


def refusal(text: str) -> str:
    with pytest.raises(InputError) as refused:
        parse(text)
    line = str(refused.value)
    assert line.startswith("mine.yaml: ")
    assert line.isprintable()  # so one line, without control characters
    return line.removeprefix("mine.yaml: ")


def test_keys_above_the_rows_apply_to_all_of_them():
    table = parse(GOOD)
    first, second, third, people = table.entries
    assert (table.title, table.source, table.text) == ("Wide or narrow?", "A. Author, 2024, Table 2", GOOD)
    assert first.settings == {"optimizer": "adam", "lr": 0.001, "architecture.hidden": [8]}
    assert first.published == Published(0.8, runs=3)
    assert (first.metric, first.at_epoch, first.basis, first.fitted) == ("test_accuracy", None, "stated", False)
    assert second.published == Published(0.85, 3, 0.002, 0.0005, 0.02)
    assert (second.name, second.basis) == ("wide & narrow", "digitised")
    assert (third.settings["lr"], third.metric, third.at_epoch, third.fitted) == (0.1, "validation_loss", 2, True)
    assert third.published.margin == 0.05
    assert people.not_testable == "nobody is asked here"


def test_null_in_a_row_takes_back_a_key_above_the_rows():
    assert parse(GOOD.replace("published: 0.8}", "published: 0.8, runs: null}")).entries[0].published == Published(0.8)


def test_numbers_are_those_of_yaml_1_2():
    assert parse(GOOD.replace("1e-3", "1e+0")).entries[0].settings["lr"] == 1.0
    assert parse(GOOD.replace("[8]", "[010]")).entries[0].settings["architecture.hidden"] == [10]
    assert parse(GOOD.replace("Wide or narrow?", "2024-01-31")).title == "2024-01-31"
    assert parse(GOOD.replace("optimizer: adam", "optimizer: no")).entries[0].settings["optimizer"] == "no"


def test_the_shipped_tables_have_this_format():
    assert {*shipped()} == {"quickstart", "zalando"}
    for name in shipped():
        table = read_table(name, KNOWN)
        assert table.name == name
        assert shipped()[name].startswith(f"# python -m fmnist_lab compare {name}\n")


def test_the_shipped_tables_have_the_printed_numbers():
    quickstart, zalando = (read_table(name, KNOWN) for name in ("quickstart", "zalando"))
    assert quickstart.entries[0].published == Published(0.6481, 49, 0.0042)
    assert quickstart.entries[2].published == Published(1.0848, 49, 0.0095, 0.0005, 0.05)
    assert [entry.published.value for entry in quickstart.entries[4:]] == [0.389, 0.552, 0.620, 0.635]
    assert [entry.published.value for entry in zalando.entries] == [0.871, 0.870, 0.850, 0.848, 0.868, 0.835]
    assert {entry.published.runs for entry in zalando.entries if not entry.not_testable} == {5}


def test_the_metrics_of_tables_are_metrics_of_claims():
    assert METRICS.items() <= OF_CLAIMS.items()


@pytest.mark.parametrize(
    ("found", "spoilt", "named"),
    [
        ("published: 0.8}", "published: 87}", "row 1: published=87: should be .* from 0 to 1; 0.87 if 87 %"),
        ("published: 0.8}", "published: 87.5 %}", "row 1: published=87.5 %: should be .* 0.875 if 87.5 % is meant"),
        ("published: 0.8}", "published: -0.1}", "row 1: published=-0.1: should be an accuracy, a number from 0 to 1"),
        ("published: 0.8}", "published: most}", "row 1: published=most: should be an accuracy, a number"),
        ("published: 0.8}", "published: .nan}", "row 1: published=.nan: should be an accuracy"),
        ("published: 0.8}", "published: 1e999}", "row 1: published=inf: should be an accuracy"),
        ("published: 0.8}", "published: [0.8, 0.9]}", "row 1: published=.*: should be one number; each number has a"),
        ("published: 0.8}", "published: {a: 1}}", "row 1: published=.*: should be an accuracy"),
        ("published: 0.8}", "publishd: 0.8}", "row 1: publishd: there is no such key; did you mean published"),
        (", published: 0.8}", "}", "row 1: published: is missing"),
        ("published: 1.25", "published: -1", "row 3: published=-1: should be a number of at least 0"),
        ("architecture.hidden: [8]", "architecture.hiden: [8]", "did you mean architecture.hidden"),
        ("architecture.hidden: [8]", "architecture.hidden: {a: 8}", "row 1: architecture.hidden=.*: should be"),
        ("architecture.hidden: [8]", "architecture.hidden: [[8]]", "row 1: architecture.hidden=.*: should be"),
        ("lr: 0.1", "lr: '${oc.env:HOME}'", "row 3: lr=.*: should be a number, a word"),
        ("lr: 0.1", "lr: '0.1,0.2'", "row 3: lr=0.1,0.2: should be a number, a word"),
        ("runs: 3", "runs: 0", "row 1: runs=0: should be a whole number"),
        ("runs: 3", "runs: true", "row 1: runs=True: should be a whole number"),
        ("runs: 3", "runs: 1", "row 2: runs=1: a standard deviation needs two runs"),
        ("sd: 0.002", "sd: 0", "row 2: sd=0: should be a number above 0"),
        ("margin: 0.02", "margin: wide", "row 2: margin=wide"),
        ("reading_error: 0.0005", "reading_error: -1", "row 2: reading_error=-1"),
        ("mark: digitised", "mark: hearsay", "row 2: mark=hearsay: should be one of stated, digitised"),
        ("metric: validation_loss", "metric: loss", "row 3: metric=loss: should be one of test_accuracy, test_loss"),
        ("metric: validation_loss", "metric: test_loss", "row 3: at_epoch=2: test_loss is of the whole run"),
        ("at_epoch: 2", "at_epoch: last", "row 3: at_epoch=last: should be a whole number"),
        ("fitted: true", "fitted: 3", "row 3: fitted=3: should be true or false"),
        ("name: people", "name: [people]", "row 4: name=.*: should be a text"),
        ("name: people", 'name: "a\\e[31mb"', "row 4: name=.*: should be a text of at most 500 printable characters"),
        ("title: Wide or narrow?", "", "title=None: should be a text"),
        ("source: A. Author, 2024, Table 2", "source: {a: b}", "source=.*: should be a text"),
        ("rows:\n", "rows:\n  - 0.8\n", "row 1: 0.8: should have keys"),
        ("rows:\n", "lines:\n", "rows: should be a list"),
        ("rows:\n", "rows: []\nlines:\n", "rows: should be a list"),
        ("runs: 3\n", "runs: 3\nruns: 4\n", "line 5: runs: appears twice"),
        ("runs: 3\n", "runs: 3\n? [a]\n: b\n", "a key should be a word"),
        ("title: Wide or narrow?", "title: !!python/object/apply:os.system [echo]", "line 2: anchors, aliases"),
        ("title: Wide or narrow?", "title: !!int ''", "line 2: anchors, aliases"),
        (ROW, ROW + ROW, "row 2: has the settings, metric and name of row 1"),
        ("title: Wide or narrow?", "title: &t narrow", "line 2: anchors, aliases"),
        ("runs: 3", "<<: {runs: 3}", "<<: there is no such key"),
        ("rows:\n", "rows: [\n", "while parsing"),
        ("rows:\n", "...\n---\nrows:\n", "expected a single document"),
        ("lr: 1e-3", f"lr: {'9' * 5000}", "integer string conversion|digits"),
    ],
)  # fmt: skip
def test_a_wrong_entry_gives_one_clear_line(found, spoilt, named):
    assert found in GOOD
    line = refusal(GOOD.replace(found, spoilt, 1))
    assert re.search(named, line), line
    assert len(line) < 400


@pytest.mark.parametrize("text", ["", "- a", "5", "rows", "null", "{}", "\0", "\x1b[2J", "[" * 50_000, "{a: " * 5000])
def test_a_file_of_another_kind_gives_one_clear_line(text):
    refusal(text)


def test_aliases_do_not_multiply():
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    assert "anchors, aliases and tags" in refusal(f"a0: &a0 [x]\n{levels}{GOOD}")


WORDS = st.sampled_from([0.8, 3, *METRICS, *KNOWN_BASES])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | WORDS
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=5)
KEYS = st.sampled_from([*ROW_KEYS, "lr", "architecture.hidden", "model", "experiment", "outputs"]) | st.text(max_size=5)
ROWS = st.dictionaries(KEYS, TREES, max_size=5).map(lambda row: {"published": 0.8, **row})


def message_of(text: str) -> str:
    """Return the line that refuses a text; empty for one that is a table."""
    try:
        return "" if parse(text).entries else "a table without entries"
    except InputError as refused:
        return str(refused)


def is_clear(line: str) -> bool:
    return line == "" or (line.startswith("mine.yaml: ") and line.isprintable() and len(line) < 400)


@given(st.text() | st.text(string.printable) | st.text("{}[]&*!:-#'\"\n a1.|>%@`,?<"))
@settings(max_examples=300)
def test_any_text_is_a_table_or_one_clear_line(text):
    assert is_clear(message_of(text))


@pytest.mark.promise
@given(TREES, TREES, st.lists(ROWS, min_size=1, max_size=3) | TREES, ROWS)
@settings(max_examples=300)
def test_any_tree_is_a_table_or_one_clear_line(title, source, rows, common):
    assert is_clear(message_of(yaml.safe_dump({**common, "title": title, "source": source, "rows": rows})))


@given(st.integers(0, len(GOOD)), st.integers(0, 20), st.text(max_size=5))
@settings(max_examples=300)
def test_a_spoilt_table_is_a_table_or_one_clear_line(at, cut, put):
    assert is_clear(message_of(GOOD[:at] + put + GOOD[at + cut :]))


# The file.


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"title: caf\xe9", "should be a text in UTF-8 (byte 10 is not)"),
        (b"#" * (LARGEST + 1), f"is too large; a table has at most {LARGEST} bytes"),
        (None, "there is no such file; it should be a YAML file, or one of quickstart, zalando"),
    ],
)
def test_a_wrong_file_gives_one_clear_line(tmp_path, content, named):
    file = tmp_path / "mine.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=r"mine\.yaml: ") as refused:
        read_table(str(file), KNOWN)
    assert named in str(refused.value)


@pytest.mark.parametrize("file", ["", ".", "/", "\0", "nowhere/../mine", "a\x1b[2Jb", "/dev/zero"])
def test_no_file_gives_one_clear_line(file):
    with pytest.raises(InputError) as refused:
        read_table(file, KNOWN)
    assert str(refused.value).isprintable()


def test_a_table_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "mine.yaml").write_bytes(b"\xef\xbb\xbf" + GOOD.strip().encode())
    assert read_table(str(tmp_path / "mine.yaml"), KNOWN).name == "mine"
