"""A run depends on its configuration alone, is recorded completely and is found again."""

import json
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from fmnist_lab.compose import compose
from fmnist_lab.config.identity import identity
from fmnist_lab.errors import InputError
from fmnist_lab.runs import files, run
from fmnist_lab.runs.numerics import numerics
from fmnist_lab.training import Subset, evaluate, fit

TIMES = {"train_seconds", "fit_seconds", "evaluate_seconds", "provenance", "files"}
METRICS = ("validation_accuracy", "test_accuracy", "train_accuracy", "test_loss")


@pytest.fixture(autouse=True)
def two_cores(monkeypatch):
    """Let runs take two threads also on a machine with one core."""
    monkeypatch.setattr("fmnist_lab.runs.provenance.cores", lambda: 2)


def result(record):
    return {name: value for name, value in record.summary().items() if name not in TIMES}


@pytest.mark.parametrize("model", ["custom", "torch"])
def test_the_same_run_twice_is_the_same_bit_for_bit(small, model):
    record = run.train(small(f"model={model}"))
    first, weights = result(record), record.weights()
    again = run.train(small(f"model={model}", "force=true"))
    assert result(again) == first
    for pair, other in zip(weights, again.weights(), strict=True):
        for one, two in zip(pair, other, strict=True):
            assert_array_equal(one, two)


@pytest.mark.promise
@pytest.mark.parametrize("model", ["custom", "torch"])
def test_a_run_is_independent_of_what_ran_before(small, model, tmp_path):
    alone = run.train(small(f"model={model}"))
    np.random.seed(5)  # noqa: NPY002 - the global state that no run may read
    run.train(small("model=torch", "lr=0.1", "threads=2", f"outputs={tmp_path}/other"))
    after = run.train(small(f"model={model}", f"outputs={tmp_path}/other"))
    assert result(after) == result(alone)
    assert (after.folder / "weights.safetensors").read_bytes() == (alone.folder / "weights.safetensors").read_bytes()


def test_a_finished_run_is_not_trained_again(small):
    record = run.train(small())
    stamp = (record.folder / "summary.json").stat().st_mtime_ns
    assert run.train(small()) == record
    assert (record.folder / "summary.json").stat().st_mtime_ns == stamp
    run.train(small("force=true"))
    assert (record.folder / "summary.json").stat().st_mtime_ns != stamp


def test_the_record_has_all_its_files_and_values(small):
    record = run.train(small("epochs=2"))
    assert {path.name for path in record.folder.iterdir()} == {
        "config.yaml",
        "history.csv",
        "weights.safetensors",
        "predictions.safetensors",
        "summary.json",
    }
    summary = record.summary()
    assert summary["status"] == "finished"
    assert all(summary[name] >= 0 for name in METRICS)
    provenance = summary["provenance"]
    assert provenance["threads"] == 1
    assert provenance["data_checksum"]
    assert provenance["versions"]["numpy"] == np.__version__
    assert [row["epoch"] for row in record.history()] == [1, 2]
    assert summary["train_seconds"] <= summary["fit_seconds"]
    assert summary["evaluate_seconds"] > 0


@pytest.mark.parametrize("model", ["custom", "torch"])
def test_the_predictions_are_those_of_the_test_accuracy(small, model):
    config = run.bind_to_machine(small(f"model={model}"))
    record = run.train(config)
    predicted = record.test_predictions()
    assert (predicted.shape, predicted.dtype) == ((10_000,), np.uint8)
    labels = run.load_data(config).test.labels
    assert np.mean(predicted == labels) == record.summary()["test_accuracy"]


@pytest.mark.promise
@pytest.mark.parametrize("trained_by", ["custom", "torch"])
def test_either_model_loads_the_weights(small, trained_by):
    record = run.train(small(f"model={trained_by}"))
    for name in ("custom", "torch"):
        config = run.bind_to_machine(small(f"model={name}"))
        model = run.initialize(config, record.weights())
        *_, test = run.feed_all(model, run.load_data(config))
        assert evaluate(model, test)[1] == pytest.approx(record.summary()["test_accuracy"], abs=2e-4)


@pytest.mark.parametrize("model", ["custom", "torch"])
def test_divergence_is_a_result(small, model):
    record = run.train(small(f"model={model}", "lr=1e6", "epochs=3"))
    summary = record.summary()
    assert summary["status"] == "diverged"
    assert summary["epochs"] == len(record.history()) < 3
    assert "test_accuracy" not in summary
    assert record.test_predictions() is None


# One update of all training images, whose loss is that of the initial weights.
ONE_UPDATE = ("data=digits", "epochs=1", "data.validation=0.2", "batch_size=718")


@pytest.mark.parametrize("model", ["custom", "torch"])
def test_a_last_update_to_infinite_weights_is_a_divergence(tmp_path, model):
    settings = (*ONE_UPDATE, f"model={model}", "lr=1e12", "architecture.hidden=[256,128,64,32]")
    record = run.train(compose(*settings, f"outputs={tmp_path.as_posix()}"))
    assert (record.summary()["status"], record.summary()["epochs"]) == ("diverged", 1)
    (epoch,) = record.history()
    assert epoch["train_loss"] < 3
    assert math.isnan(epoch["validation_loss"])
    assert math.isnan(epoch["validation_accuracy"])


def test_a_test_image_alone_may_have_no_loss(tmp_path):
    settings = (*ONE_UPDATE, "data.validation=1", "batch_size=897", "architecture.hidden=[8]", "lr=3e21")
    summary = run.train(compose(*settings, f"outputs={tmp_path.as_posix()}")).summary()
    assert (summary["status"], summary["test_loss"]) == ("finished", None)


def test_a_crash_leaves_its_reason_and_no_summary(small, monkeypatch):
    def crash(*arguments, **keywords):
        raise RuntimeError("the planted crash")

    monkeypatch.setattr(run, "fit", crash)
    with pytest.raises(RuntimeError, match="planted"):
        run.train(small())
    record = run.locate(run.bind_to_machine(small()))
    assert record.summary() is None
    assert record.reason() == "RuntimeError: the planted crash"
    monkeypatch.undo()
    assert run.train(small()).error() is None


def test_a_damaged_record_is_set_aside_and_the_run_done_again(small):
    record = run.train(small())
    before = result(record)
    (record.folder / "history.csv").write_text("epoch,loss\n1,0\n")
    assert result(run.train(small())) == before
    aside = record.folder.with_name(f"{record.run}.damaged-1")
    assert (aside / "history.csv").read_text() == "epoch,loss\n1,0\n"


def test_a_full_disk_leaves_no_record_and_is_logged(small, monkeypatch, caplog):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        run.train(small())
    assert "No space left on device" in caplog.text
    record = run.locate(run.bind_to_machine(small()))
    assert record.summary() is None
    assert list(record.folder.iterdir()) == []


def test_without_validation_images_the_test_set_is_used(small):
    summary = run.train(small("data.validation=0")).summary()
    assert summary["validation_accuracy"] == summary["test_accuracy"]


def test_test_accuracy_of_every_epoch_goes_to_a_file_of_its_own(small):
    record = run.train(small("test_every_epoch=true", "epochs=2"))
    lines = (record.folder / "test_history.csv").read_text().splitlines()
    assert lines[0] == "epoch,test_loss,test_accuracy"
    assert float(lines[-1].split(",")[2]) == record.summary()["test_accuracy"]
    assert "test" not in (record.folder / "history.csv").read_text()


@pytest.mark.promise
def test_patience_ends_a_run_whose_training_loss_no_longer_falls(small):
    epochs = 8
    through = run.train(small(f"epochs={epochs}")).history()
    losses = [epoch["train_loss"] for epoch in through]
    falls = [before - after for before, after in pairwise(losses)]
    assert min(falls) > 0
    enough = run.train(small(f"epochs={epochs}", "patience=2", f"tolerance={min(falls) / 2}"))
    assert len(enough.history()) == epochs
    ended = run.train(small(f"epochs={epochs}", "patience=2", f"tolerance={max(falls) * 2}"))
    assert [epoch["train_loss"] for epoch in ended.history()] == losses[:3]  # the first cannot be too late
    assert ended.summary()["epochs"] == 3


class FixedLosses:
    """A model whose losses are given, one per epoch."""

    def __init__(self, losses):
        self.losses = losses

    def step(self, images, labels):
        return next(self.losses)

    def logits(self, images):
        return np.zeros((len(images), 2))


@given(st.lists(st.floats(0, 3), min_size=1, max_size=12), st.integers(0, 4), st.floats(0, 0.5))
def test_patience_counts_epochs_in_a_row(losses, patience, tolerance):
    subset = Subset(lambda rows: (rows, rows), np.arange(1), np.zeros(1, np.int64))
    ended = fit(FixedLosses(iter(losses)), subset, subset, epochs=len(losses), batch_size=1, order=None,
                patience=patience, tolerance=tolerance)  # fmt: skip
    better = [loss <= min([math.inf, *losses[:place]]) - tolerance for place, loss in enumerate(losses)]
    ends = [last for last in range(patience, len(losses) + 1) if patience and not any(better[last - patience : last])]
    assert len(ended.history) == min(ends, default=len(losses))


def test_zeros_never_leave_zero(small):
    weights = run.train(small("model.init=zeros", "architecture.activation=identity")).weights()
    assert not weights[0][0].any()
    assert weights[-1][1].any()  # only the last bias learns


# Identity: what determines the result is in the fingerprint, and nothing else.
CHANGES = [
    "model=torch",
    "model.init=he_normal",
    "model.init_bias=same",
    "architecture.hidden=[9]",
    "architecture.hidden=[8,8]",
    "architecture.activation=tanh",
    "optimizer=adam",
    "optimizer.momentum=0.9",
    "optimizer.weight_decay=0.1",
    "data.scaling=unit",
    "data.validation=57000",
    "data.split=first",
    "data.shuffle=false",
    "lr=0.01",
    "epochs=2",
    "patience=1",
    "batch_size=64",
    "seed=1",
    "dtype=float64",
    "threads=2",
    "test_every_epoch=true",
]
NO_CHANGES = [
    "name=other",
    "outputs=other",
    "force=true",
    "train=false",
    "dry_run=true",
    "data.root=/nowhere",
    "model.init=glorot_uniform",
    "model.init_bias=zeros",
    "model.init_std=0.5",
    "optimizer.eps=1e-3",
    "optimizer.betas=[0.5,0.5]",
    "tolerance=0.5",
    "lr=2e-3",
]


def run_id(config):
    return run.locate(run.bind_to_machine(config)).run


@pytest.mark.parametrize("change", CHANGES)
def test_what_determines_the_result_changes_the_fingerprint(small, change):
    assert run_id(small(change)) != run_id(small())


@pytest.mark.promise
@pytest.mark.parametrize("change", NO_CHANGES)
def test_what_does_not_determine_the_result_leaves_the_fingerprint(small, change):
    assert run_id(small(change)) == run_id(small())


def test_every_key_is_in_the_lists_above(small):
    listed = {change.split("=")[0] for change in CHANGES + NO_CHANGES}
    listed |= {"model.name", "optimizer.name", "data.name", "optimizer.nesterov", "device"}
    assert set(identity(small())) <= listed


def test_another_stamp_of_the_numerics_changes_the_fingerprint(small, monkeypatch):
    before = run_id(small())
    monkeypatch.setattr(run, "numerics", lambda: numerics() + 1)
    assert run_id(small()) != before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("batch_size=2001", "batch_size=2001: must be at most 2000"),
        ("data.validation=60000", "data.validation=60000.0: must be 0, a count of images from 1 to 59999"),
    ],
)
def test_what_does_not_fit_the_data_is_refused(small, wrong, message):
    with pytest.raises(InputError, match=message):
        run.train(small(wrong))


def test_half_a_record_is_no_record(small):
    record = run.train(small())
    (record.folder / "summary.json").write_text(json.dumps(record.summary())[:40])
    assert record.summary() is None
    run.train(small())
    assert record.summary() is not None
