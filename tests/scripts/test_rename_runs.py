"""Runs of an older version are renamed, and not trained again."""

import runpy

import numpy as np
import pytest

from fmnist_lab.runs import run
from fmnist_lab.runs.record import Record
from support.paths import ROOT


@pytest.fixture
def rename_runs():
    return runpy.run_path(str(ROOT / "scripts" / "maintenance" / "rename_runs.py"))["main"]


def make_old(record: Record) -> Record:
    """Turn a complete record into that of a version whose runs did not begin with a letter."""
    summary, old = record.summary(), Record(record.folder.with_name(record.run.removeprefix("r")))
    record.folder.rename(old.folder)
    (old.folder / "summary.json").unlink()
    old.finish({name: value for name, value in summary.items() if name not in ("format", "run", "files")})
    return old


def test_a_renamed_run_is_found_and_not_trained_again(small, rename_runs, capsys, monkeypatch):
    trained = run.train(small())
    summary, weights = trained.summary(), trained.weights()
    old = make_old(trained)
    assert run.locate(run.bind_to_machine(small())).summary() is None
    rename_runs(trained.folder.parents[1])
    assert capsys.readouterr().out.startswith("1 of 1 runs renamed")
    monkeypatch.delattr(run, "fit")
    record = run.train(small())
    assert record.summary() == summary
    np.testing.assert_array_equal(record.weights()[0][0], weights[0][0])
    assert not old.folder.exists()


def test_a_damaged_run_is_not_renamed(small, rename_runs, capsys):
    old = make_old(run.train(small()))
    (old.folder / "weights.safetensors").write_bytes(b"damaged")
    rename_runs(old.folder.parents[1])
    assert capsys.readouterr().out.startswith("0 of 1 runs renamed")
    assert old.damage() == "weights.safetensors is not as it was written"
