"""Records are whole or absent, and what was damaged is noticed."""

import os
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmnist_lab.errors import InputError
from fmnist_lab.runs import record as record_module
from fmnist_lab.runs.files import PARTIAL
from fmnist_lab.runs.record import FORMAT, Record, fingerprint


@pytest.fixture
def record(tmp_path):
    record = Record(tmp_path / "r0123456789ab")
    record.folder.mkdir()
    return record


@pytest.fixture
def complete(record):
    """Return a record as a run writes it."""
    record.begin("lr: 1\n")
    record.write_history([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
    record.write_weights([(np.ones((2, 3), np.float32), np.zeros(2, np.float32))])
    record.write_test_predictions(np.arange(10, dtype=np.uint8))
    record.finish({"status": "finished", "test_accuracy": np.float64(0.1), "nothing": None})
    return record


values = st.one_of(st.integers(), st.floats(allow_nan=False), st.text(), st.booleans(), st.none())


@given(st.dictionaries(st.text(), values, min_size=1))
def test_a_fingerprint_does_not_depend_on_order(identity):
    assert fingerprint(identity) == fingerprint(dict(reversed(identity.items())))
    assert re.fullmatch("r[0-9a-f]{12}", fingerprint(identity))


def test_a_fingerprint_sees_every_value():
    assert len({fingerprint({"a": value}) for value in (1, 2, "1", 1.5, None, True, [1], [])}) == 8


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_history_reads_back_exactly(tmp_path_factory, losses):
    record = Record(tmp_path_factory.mktemp("record"))
    record.write_history([{"epoch": n, "loss": loss} for n, loss in enumerate(losses)])
    assert [row["loss"] for row in record.history()] == losses


def test_nan_is_an_empty_entry(record):
    record.write_history([{"epoch": 1, "loss": float("nan")}])
    assert (record.folder / "history.csv").read_text() == "epoch,loss\n1,\n"
    assert np.isnan(record.history()[0]["loss"])


@pytest.mark.parametrize("content", ["", "{", "[]", '{"status": "finished"}', '{"format": 999}', "\x00\xff"])
def test_a_damaged_summary_is_not_read(record, content):
    (record.folder / "summary.json").write_text(content, encoding="latin-1")
    assert record.summary() is None
    assert record.damage()


def test_weights_come_back_as_they_were(record):
    weights = [(np.random.default_rng(n).normal(size=(3, 4)).T, np.arange(4.0)) for n in range(3)]
    record.write_weights(weights)
    record.finish({"status": "finished"})
    for (w, b), (w0, b0) in zip(record.weights(), weights, strict=True):
        np.testing.assert_array_equal(w, w0)
        np.testing.assert_array_equal(b, b0)


def test_a_new_attempt_removes_the_outcome_of_the_last_one(record):
    record.finish({"status": "finished"})
    record.write_error("Traceback\nValueError: no")
    record.begin("lr: 1\n")
    assert record.summary() is None
    assert record.error() is None
    assert record.reason() == "it ended without an error message (killed?)"


def test_a_complete_record_is_distinguished_from_one_that_is_not(complete):
    summary = complete.summary()
    assert (summary["status"], summary["test_accuracy"], summary["nothing"]) == ("finished", 0.1, None)
    assert (summary["format"], summary["run"]) == (FORMAT, "r0123456789ab")
    assert complete.damage() is None
    np.testing.assert_array_equal(complete.test_predictions(), np.arange(10))
    (complete.folder / "summary.json").unlink()
    assert complete.summary() is None
    assert complete.damage() is None  # not complete is not damaged
    with pytest.raises(InputError, match="no complete record"):
        complete.weights()


def test_a_run_that_diverged_predicts_nothing(record):
    record.write_weights([(np.ones((2, 3)), np.zeros(2))])
    record.finish({"status": "diverged"})
    assert record.test_predictions() is None


def empty(path):
    path.write_bytes(b"")


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path):
    path.write_bytes(path.read_bytes() + b"\n")


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def remove(path):
    path.unlink()


def make_a_folder_of_it(path):
    path.unlink()
    path.mkdir()


NAMES = ("config.yaml", "history.csv", "weights.safetensors", "predictions.safetensors", "summary.json")
DAMAGES = (empty, truncate, lengthen, flip_a_bit, remove, make_a_folder_of_it)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_to_every_file_is_noticed(complete, name, damage):
    damage(complete.folder / name)
    if name == "summary.json" and damage is remove:  # not complete is not damaged
        assert complete.damage() is None
        return
    assert complete.damage() is not None
    if name == "weights.safetensors":
        with pytest.raises(InputError):
            complete.weights()
    else:
        assert complete.summary() is None


@given(place=st.integers(0, 10**6), bit=st.integers(0, 7), name=st.sampled_from(NAMES))
def test_every_flipped_bit_is_noticed(tmp_path_factory, place, bit, name):
    record = Record(tmp_path_factory.mktemp("runs") / "r0123456789ab")
    record.begin("lr: 1\n")
    record.write_history([{"epoch": 1, "loss": 0.5}])
    record.write_weights([(np.ones((2, 3)), np.zeros(2))])
    record.write_test_predictions(np.arange(10, dtype=np.uint8))
    record.finish({"status": "finished", "test_accuracy": 0.1})
    path = record.folder / name
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)
    assert record.damage() is not None


def test_an_edited_number_is_noticed(complete):
    path = complete.folder / "summary.json"
    path.write_text(path.read_text().replace("0.1", "0.9"))
    assert complete.damage() == "summary.json is not as it was written"
    assert complete.summary() is None


def test_a_record_of_another_format_is_noticed(complete, monkeypatch):
    monkeypatch.setattr(record_module, "FORMAT", FORMAT + 1)
    assert complete.damage() == f"it is of format {FORMAT}, not {FORMAT + 1}"


def test_a_record_under_another_name_is_noticed(complete):
    moved = Record(complete.folder.with_name("rba9876543210"))
    complete.folder.rename(moved.folder)
    assert moved.damage() == "it is the record of r0123456789ab"


@pytest.mark.parametrize("content", ["[" * 100_000, "1" * 5000, '{"format": [[[]]]}', '{"format": NaN}'])
def test_hostile_json_is_only_damage(record, content):
    (record.folder / "summary.json").write_text(content)
    assert record.damage() is not None


@pytest.mark.parametrize("content", ["", "epoch,loss\n1,2,3\n", "epoch,loss\n1\n", "epoch\nabc\n", "\0", 'a\n"'])
def test_a_damaged_history_of_an_unfinished_run_is_no_error(record, content):
    (record.folder / "history.csv").write_text(content)
    assert isinstance(record.history(), list)


def test_a_damaged_record_is_set_aside_and_nothing_is_lost(complete):
    assert complete.set_aside() is None
    (complete.folder / "history.csv").write_text("edited")
    with complete.lock():
        aside, reason = complete.set_aside()
    assert (aside.name, reason) == ("r0123456789ab.damaged-1", "history.csv is not as it was written")
    assert (aside / "history.csv").read_text() == "edited"
    assert {path.name for path in aside.iterdir()} == set(NAMES)
    complete.folder.write_text("a file where the record should be")
    assert complete.set_aside()[0].name == "r0123456789ab.damaged-2"
    assert complete.set_aside() is None
    assert Record(aside).summary() is None  # not found under its new name


def test_a_new_attempt_removes_partial_files_of_a_killed_writer(record):
    (record.folder / f".history.csv-01234567{PARTIAL}").write_text("epoch,lo")
    (record.folder / "notes.txt").write_text("the user's own")
    record.begin("lr: 1\n")
    assert {path.name for path in record.folder.iterdir()} == {"config.yaml", "notes.txt"}


def test_discarding_removes_the_summary_first(complete, monkeypatch):
    """Stopped at any point, it leaves a record that is not complete, or the whole one."""
    honest, calls = os.unlink, []

    def stop_at_the_second(path, *arguments, **keywords):
        calls.append(path)
        if len(calls) == 2:
            raise KeyboardInterrupt
        honest(path, *arguments, **keywords)

    monkeypatch.setattr(os, "unlink", stop_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        complete.discard()
    assert not (complete.folder / "summary.json").exists()
    assert complete.damage() is None
