"""Sweeps through the real command line, on the real data."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from fmnist_lab import run
from fmnist_lab.sweep import default_name

ROOT = Path(__file__).parents[1]
TIMES = ["train_seconds", "fit_seconds", "threads", "workers"]
KINDS = (".png", ".svg")


def results(lab):
    return pd.read_csv(lab.sweep() / "results.csv")


def files(lab):
    return {path.relative_to(lab.sweep()).as_posix() for path in lab.sweep().rglob("*") if path.is_file()}


def stamps(lab):
    return {path: path.stat().st_mtime_ns for path in (lab.folder / "outputs" / "runs").glob("*/summary.json")}


def figures(*names):
    return {f"figures/{name}{kind}" for name in names for kind in KINDS}


SWEEPS = [
    (
        ["-m", "lr=0.001,0.1"],
        {"table_lr.csv", "table_lr.md"} | figures("lr", "curves_lr=0.001", "curves_lr=0.1"),
        4,
    ),
    (
        ["-m", "architecture.hidden=[8,128],[64,128]", "model=custom"],
        {"table_hidden.csv", "table_hidden.md"} | figures("hidden", "curves_hidden=8-128", "curves_hidden=64-128"),
        2,
    ),
    (
        ["-m", "architecture=one_layer,two_layer", "model=custom"],
        {"table_hidden.csv", "table_hidden.md"} | figures("hidden", "curves_hidden=256", "curves_hidden=256-128"),
        2,
    ),
    (
        ["-m", "optimizer=sgd,adam", "model=torch"],
        {"table_optimizer.csv", "table_optimizer.md"} | figures("optimizer", "curves_optimizer=sgd"),
        2,
    ),
    (["-m", "seed=0,1,2", "model=custom"], {"table.csv", "table.md"} | figures("seed", "curves"), 3),
    (["-m"], {"table.csv", "table.md"} | figures("curves"), 2),
    (["model=custom"], {"table.csv", "table.md"} | figures("curves"), 1),
]


def small_but(arguments):
    """What makes a run small, except for what the sweep itself sets."""
    small = ["epochs=2", "data.validation=58000", "data.split=last"]
    return small if any("architecture" in argument for argument in arguments) else [*small, "architecture.hidden=[8]"]


@pytest.mark.parametrize(
    ("arguments", "expected", "count"), SWEEPS, ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else ""
)
def test_a_sweep_writes_what_suits_it_and_is_not_repeated(lab, arguments, expected, count):
    command = [*arguments, *small_but(arguments)]
    first = lab(*command)
    assert first.returncode == 0, first.stderr
    assert first.stderr == ""
    assert expected | {"results.csv", "curves.csv", "log.txt"} <= files(lab)
    assert first.stdout.splitlines()[-1] == str(lab.sweep().relative_to(lab.folder))
    table, before = results(lab), stamps(lab)
    assert len(table) == count
    assert (table.status == "finished").all()
    assert len(pd.read_csv(lab.sweep() / "curves.csv")) == 2 * count

    again = lab(*command)
    assert again.returncode == 0
    assert "nothing to train" in again.stdout
    assert stamps(lab) == before
    pd.testing.assert_frame_equal(results(lab), table)


def test_a_run_alone_equals_the_same_run_in_any_sweep_and_launcher(lab, small, tmp_path):
    alone = {}
    for model in ("custom", "torch"):
        record = run.train(small("lr=0.05", f"model={model}", f"outputs={tmp_path.as_posix()}/alone"))
        alone[record.run] = (record.folder / "weights.safetensors").read_bytes()
    for place, arguments in enumerate((["lr=0.1,0.05"], ["lr=0.05,0.2"], ["lr=0.2,0.1,0.05", "hydra/launcher=joblib"])):
        outcome = lab.small("-m", *arguments, f"outputs=sweep{place}")
        assert outcome.returncode == 0, outcome.stderr
        for fingerprint, weights in alone.items():
            written = lab.folder / f"sweep{place}" / "runs" / fingerprint / "weights.safetensors"
            assert written.read_bytes() == weights


def test_launchers_give_the_same_table_but_for_the_times(lab):
    tables = []
    for launcher in ("basic", "joblib"):
        outcome = lab.small("-m", "lr=0.1,0.01", f"hydra/launcher={launcher}", f"outputs={launcher}")
        assert outcome.returncode == 0, outcome.stderr
        (folder,) = (lab.folder / launcher / "sweeps").iterdir()
        tables.append(pd.read_csv(folder / "results.csv"))
    assert (tables[0].workers == 1).all()
    assert (tables[1].workers == min(4, len(os.sched_getaffinity(0)))).all()
    pd.testing.assert_frame_equal(*(table.drop(columns=TIMES) for table in tables))


def test_overlapping_sweeps_share_their_runs(lab):
    lab.small("-m", "lr=0.1,0.01", "model=custom")
    outcome = lab.small("-m", "lr=0.02,0.01", "model=custom", "name=second")
    assert "2 runs: 1 finished before and reused (force=true trains anew), 1 to train" in outcome.stdout
    assert len(stamps(lab)) == 3


def test_equal_runs_are_done_once(lab):
    outcome = lab.small("-m", "lr=0.1,1e-1", "model=custom")
    assert outcome.stdout.startswith("1 run to train")


def test_divergence_is_reported_and_is_no_failure(lab):
    outcome = lab.small("-m", "lr=0.1,1e6", "model=custom")
    assert outcome.returncode == 0
    assert outcome.stderr == ""
    assert "diverged in epoch 1" in outcome.stdout
    assert list(results(lab).status) == ["finished", "diverged"]
    assert results(lab).test_accuracy.notna().tolist() == [True, False]


CRASH = """
import sys
from fmnist_lab import run
honest = run.fit
def crash(model, *arguments, **keywords):
    if keywords["batch_size"] == 77:
        raise RuntimeError("the planted crash")
    return honest(model, *arguments, **keywords)
run.fit = crash
sys.argv = ["fmnist_lab", *sys.argv[1:]]
from fmnist_lab.door import run
sys.exit(run())
"""


@pytest.mark.parametrize("mode", [["-m", "batch_size=64,77,128"], ["batch_size=77"]])
def test_a_crash_is_listed_and_the_rest_goes_on(lab, mode):
    arguments = [*mode, "model=custom", "epochs=1", "architecture.hidden=[8]", "data.validation=58000"]
    command = [sys.executable, "-c", CRASH, *arguments]
    outcome = subprocess.run(command, cwd=lab.folder, capture_output=True, text=True)
    assert outcome.returncode == 1, outcome
    assert "RuntimeError: the planted crash" in outcome.stdout
    assert "Traceback" not in outcome.stdout + outcome.stderr
    assert (results(lab).status == "failed").sum() == 1
    repaired = lab(*arguments)
    assert repaired.returncode == 0
    assert "1 to train" in repaired.stdout or "1 run to train" in repaired.stdout
    assert (results(lab).status == "finished").all()


def test_a_dry_run_says_what_would_be_done_and_does_nothing(lab):
    outcome = lab.small("-m", "lr=0.1,0.01", "dry_run=true")
    assert outcome.returncode == 0
    assert outcome.stdout.count("to train  ") == 4
    assert list(lab.folder.iterdir()) == []
    lab.small("-m", "lr=0.1", "model=custom")
    outcome = lab.small("-m", "lr=0.1,0.01", "dry_run=true")
    assert outcome.stdout.count("finished  ") == 1
    assert "s of training" in outcome.stdout


def test_force_trains_anew(lab):
    lab.small("model=custom", "name=once")
    before = stamps(lab)
    outcome = lab.small("model=custom", "name=once", "force=true")
    assert outcome.stdout.startswith("1 run to train")
    assert stamps(lab) != before


def test_without_validation_images_the_output_says_so(lab):
    outcome = lab("epochs=1", "architecture.hidden=[8]", "data.validation=0", "model=custom")
    assert "no validation images" in outcome.stdout


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        (["lr=0.0001,0.002,0.1"], "lr=0.0001,0.002,0.1"),
        (["experiment=table1"], "table1"),
        (["seed=0,1", "experiment=table1", "hydra/launcher=joblib", "data.root=/x"], "table1_seed=0,1"),
        (["architecture.hidden=[8, 128],[64, 128]"], "architecture.hidden=[8,128],[64,128]"),
        ([], "default"),
        (["+x='../../etc'"], "+x=-..-..-etc-"),
        (["lr=choice(0.1,0.2)"], "lr=choice-0.1,0.2-"),
    ],
)
def test_a_sweep_is_named_after_what_was_swept(overrides, name):
    assert default_name(overrides) == name


def test_a_long_name_is_cut_and_stays_its_own():
    names = {default_name([f"lr={','.join(str(n) for n in range(100))},{last}"]) for last in (1, 2)}
    assert len(names) == 2
    assert all(len(name) < 125 for name in names)
