"""Records are whole or absent."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmnist_lab.records import Record, fingerprint, write_bytes, write_csv


@pytest.fixture
def record(tmp_path):
    record = Record(tmp_path / "0123456789ab")
    record.folder.mkdir()
    return record


values = st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.booleans(), st.none())


@given(st.dictionaries(st.text(), values, min_size=1))
def test_a_fingerprint_does_not_depend_on_order(identity):
    assert fingerprint(identity) == fingerprint(dict(reversed(identity.items())))
    assert len(fingerprint(identity)) == 12


def test_a_fingerprint_sees_every_value():
    assert len({fingerprint({"a": value}) for value in (1, 2, "1", 1.5, None, True, [1], [])}) == 8


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_history_reads_back_exactly(tmp_path_factory, losses):
    record = Record(tmp_path_factory.mktemp("record"))
    record.write_history([{"epoch": n, "loss": loss} for n, loss in enumerate(losses)])
    assert [row["loss"] for row in record.history()] == losses


def test_what_is_not_a_number_is_an_empty_cell(record):
    record.write_history([{"epoch": 1, "loss": float("nan")}])
    assert (record.folder / "history.csv").read_text() == "epoch,loss\n1,\n"
    assert np.isnan(record.history()[0]["loss"])


@pytest.mark.parametrize("content", ["", "{", "[]", '{"status": "finished"}', '{"format": 999}', "\x00\xff"])
def test_a_damaged_summary_is_no_summary(record, content):
    (record.folder / "summary.json").write_text(content, encoding="latin-1")
    assert record.summary() is None


def test_weights_come_back_as_they_were(record):
    weights = [(np.random.default_rng(n).normal(size=(3, 4)).T, np.arange(4.0)) for n in range(3)]
    record.write_weights(weights)
    for (w, b), (w0, b0) in zip(record.weights(), weights, strict=True):
        np.testing.assert_array_equal(w, w0)
        np.testing.assert_array_equal(b, b0)


def test_beginning_anew_takes_back_what_was_said(record):
    record.finish({"status": "finished"})
    record.write_error("Traceback\nValueError: no")
    record.begin("lr: 1\n")
    assert record.summary() is None
    assert record.error() is None
    assert record.reason() == "it ended without a word (killed?)"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file.csv"
    write_csv(path, ["a"], [[1]])

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_bytes(path, b"new")
    assert path.read_text() == "a\n1\n"
    assert list(tmp_path.iterdir()) == [path]
