"""Studies: real presets made small, on the real data."""

import contextlib
import functools
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import pandas as pd
import pytest

from fmnist_lab.cli import audit, reproduce
from fmnist_lab.compose import expand
from fmnist_lab.reproduction.reproduce import PRESETS
from fmnist_lab.runs.record import Record
from fmnist_lab.sweeps import experiments, outcome, plan
from fmnist_lab.sweeps.experiments import compose_preset, forecast, plan_seeds, union
from fmnist_lab.sweeps.launchers import base
from support.paths import ROOT

SMALL = ("epochs=1", "architecture.hidden=[8]", "data.validation=58000", "data.split=last")
RUNS = 14  # of the paper and a seed at that size: figures 6, tables 2 at another rate, swapped initialisations 6
EXPERIMENTS = ROOT / "conf" / "experiment"


@pytest.fixture(scope="module", autouse=True)
def composed_once():
    """Compose equal overrides once: the commands of these tests repeat them, and it takes seconds a command."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "expand", functools.cache(expand))
        yield


def reproduce_small(folder, seeds, *overrides, status=0):
    """Reproduce the report in `folder`, made small and two runs at once; return what was printed."""
    arguments = ["--seeds", str(seeds), *SMALL, "outputs=.", *overrides]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as printed:
        patch.chdir(folder)  # not as an absolute path in `outputs`, so that the overrides of all tests are equal
        patch.setattr(base, "cores", lambda: 2)
        assert reproduce.main(arguments) == status
    return printed.getvalue()


@pytest.fixture
def paper(tmp_path):
    """Return a function that reproduces the report in an empty folder of the test's own."""
    return functools.partial(reproduce_small, tmp_path)


@pytest.fixture(scope="module")
def reproduced_once(tmp_path_factory):
    """Reproduce the report with one seed, once for all tests; return the folder and what was printed."""
    folder = tmp_path_factory.mktemp("reproduced")
    return folder, reproduce_small(folder, 1)


@pytest.fixture
def reproduced(reproduced_once, tmp_path):
    """Copy a reproduction with one seed, time stamps included, into the test's folder; return what it printed."""
    folder, printed = reproduced_once
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return printed


def stamps(folder, pattern):
    return {path: path.stat().st_mtime_ns for path in folder.glob(pattern)}


def seeds_of(folder, preset):
    return sorted(set(pd.read_csv(folder / "sweeps" / preset / "results.csv").seed))


def test_every_experiment_of_a_reproduction_has_its_preset():
    presets = {path.stem for path in EXPERIMENTS.glob("*.yaml")}
    assert {preset for names in PRESETS.values() for preset in names} <= presets


@pytest.mark.promise
def test_a_reproduction_trains_each_run_once_writes_each_experiment_and_repeats_nothing(reproduced, paper, tmp_path):
    assert reproduced.startswith(f"{RUNS} runs to train; about ")
    runs, outcomes = stamps(tmp_path, "runs/*/summary.json"), stamps(tmp_path, "sweeps/*/*")
    assert len(runs) == RUNS
    assert {path.parent.name for path in outcomes} == set(PRESETS["paper"])
    assert all(seeds_of(tmp_path, preset) == [0] for preset in PRESETS["paper"])

    assert paper(1).startswith(
        f"{RUNS} runs: {RUNS} finished before and reused (force=true trains them again), nothing"
    )
    assert stamps(tmp_path, "runs/*/summary.json") == runs
    assert stamps(tmp_path, "sweeps/*/*") == outcomes

    printed = paper(2)
    assert f"{2 * RUNS} runs: {RUNS} finished before" in printed
    assert "estimated from the finished runs" in printed
    assert "seed 0:" not in printed
    assert runs.items() <= stamps(tmp_path, "runs/*/summary.json").items()
    assert all(seeds_of(tmp_path, preset) == [0, 1] for preset in PRESETS["paper"])


@pytest.mark.promise
def test_a_finished_run_is_hashed_once_a_call(reproduced, paper, monkeypatch):
    hashed, original = Counter(), Record.damage
    monkeypatch.setattr(Record, "damage", lambda record: hashed.update([record.run]) or original(record))
    paper(1)
    assert list(hashed.values()) == [1] * RUNS


@pytest.mark.slow
def test_an_outcome_that_another_command_replaced_is_written_again(reproduced, paper, tmp_path):
    configs = expand("experiment=table3", *SMALL, "seed=7", f"outputs={tmp_path.as_posix()}")
    outcome.write_outcome(plan.plan_runs(configs, [""] * len(configs)), tmp_path / "sweeps" / "table3")
    before = stamps(tmp_path, "sweeps/*/results.csv")
    paper(1)
    after = stamps(tmp_path, "sweeps/*/results.csv")
    assert {path.parent.name for path in before if before[path] != after[path]} == {"table3"}
    assert seeds_of(tmp_path, "table3") == [0]


@pytest.mark.promise
def test_a_failed_run_does_not_stop_the_others(reproduced, paper, tmp_path):
    """Neither another of its seed, nor those of the next."""
    (job, other, *_) = union({"figures": compose_preset("figures", [*SMALL, f"outputs={tmp_path.as_posix()}"])}, [0])
    for record in (job.record, other.record):
        shutil.rmtree(record.folder)
    obstacle = job.record.folder / "config.yaml"  # a folder where the run writes a file
    obstacle.mkdir(parents=True)
    printed = paper(2, status=1)
    (line,) = [line for line in printed.splitlines() if line.startswith("failed: ")]
    assert job.record.run in line
    assert len(stamps(tmp_path, "runs/*/summary.json")) == 2 * RUNS - 1
    obstacle.rmdir()
    paper(2)
    assert len(stamps(tmp_path, "runs/*/summary.json")) == 2 * RUNS


def test_runs_go_seed_by_seed_the_costly_first():
    jobs = union({preset: compose_preset(preset, []) for preset in ("table1", "table2")}, range(2))
    assert len(jobs) == 2 * 18  # 256-128 stands in both
    assert [job.place for job in jobs] == list(range(36))
    assert [job.config.seed for job in jobs] == [0] * 18 + [1] * 18
    costs = [job.cost for job in jobs[:18]]
    assert costs == sorted(costs, reverse=True)
    assert len({job.label for job in jobs}) == 36


def test_several_runs_go_at_once_as_the_cores_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(base, "cores", lambda: 4)
    monkeypatch.setattr("fmnist_lab.runs.provenance.cores", lambda: 8)
    jobs = plan_seeds(compose_preset("figures", ["threads=2", f"outputs={tmp_path.as_posix()}"]), [0])
    assert experiments.runs_at_once(jobs) == 2
    assert experiments.runs_at_once(jobs[:1]) == 1
    assert experiments.runs_at_once(plan_seeds(compose_preset("figures", ["threads=8"]), [0])) == 1
    assert "with 2 at once (a rough guess" in forecast(jobs, jobs)


@pytest.mark.promise
def test_a_dry_run_prints_what_would_be_done_and_does_nothing(paper, tmp_path):
    assert paper(3, "dry_run=true").startswith(f"{3 * RUNS} runs to train; about ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.promise
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--seeds", "0"], "--seeds=0: must be a whole number of at least 1"),
        (["seed=3"], "seed=3: must be left out: --seeds gives their number"),
        (["train=false"], "train=False: must be true; only a sweep (-m) writes its outcome without training"),
        (["lr=-1"], "lr=-1.0: must be a number above 0"),
        (["learning_rate=1"], "learning_rate: there is no such key"),
        (["data.root=/nowhere"], "data.root=/nowhere"),
    ],
)
def test_wrong_input_gets_one_line(words, line, tmp_path, capsys):
    assert reproduce.main([f"outputs={tmp_path.as_posix()}/new", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"fmnist_lab: {line}")
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for a child alone")
def test_an_interrupted_reproduction_prints_how_to_continue_and_continues(paper, tmp_path):
    words = ["--seeds", "1", *SMALL, "epochs=20", f"outputs={tmp_path.as_posix()}"]
    process = subprocess.Popen(
        [sys.executable, "-m", "fmnist_lab", "reproduce", *words],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not stamps(tmp_path, "runs/*/summary.json"):
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "the same command continues" in printed
    done = stamps(tmp_path, "runs/*/summary.json")
    assert 0 < len(done) < RUNS
    paper(1, "epochs=20")
    assert done.items() <= stamps(tmp_path, "runs/*/summary.json").items()


AUDIT = (
    "architecture.hidden=[16,128]",
    "lr=0.05,0.1",
    "batch_size=64",
    "epochs=2",
    "data.validation=58000",
    "data.split=last",
)


@pytest.mark.promise
def test_the_audit_measures_chooses_and_measures_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(base, "cores", lambda: 2)
    words = [*AUDIT, f"outputs={tmp_path.as_posix()}"]
    assert audit.main([*words, "--seeds", "2"]) == 0
    printed = capsys.readouterr().out
    assert "then at most 32 runs at the 4 settings that fit best" in printed
    assert "\ntable1: best fit lr " in printed
    runs = stamps(tmp_path, "runs/*/summary.json")
    assert len(runs) == 2 * 2 * 2  # models, rates, seeds: the finalists are what was run already
    candidates = pd.read_csv(tmp_path / "audit" / "candidates.csv")
    assert sorted(set(candidates["epochs"])) == [1, 2]
    assert set(candidates["seeds"]) == {2}
    assert "Which settings would explain the tables?" in (tmp_path / "paper" / "index.html").read_text("utf-8")

    before = stamps(tmp_path, "audit/*.csv")
    assert audit.main([*words, "--seeds", "2"]) == 0  # nothing to train: nothing is computed again
    again = capsys.readouterr().out
    assert "\ntable1: best fit lr " in again
    assert stamps(tmp_path, "audit/*.csv") == before

    assert audit.main([*words, "--seeds", "2", "force=true"]) == 0
    ends = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert len(ends) == len(runs)  # each run is trained again once

    runs = stamps(tmp_path, "runs/*/summary.json")
    assert audit.main([*words, "--seeds", "3"]) == 0
    assert runs.items() < stamps(tmp_path, "runs/*/summary.json").items()
    assert set(pd.read_csv(tmp_path / "audit" / "planted.csv")["table"]) == {"table1"}


@pytest.mark.promise
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--seeds", "1"], "--seeds=1: must be at least 2 for the audit"),
        (["train=false"], "train=False: must be true; only a sweep (-m) writes its outcome without training"),
        (["architecture.hidden=[8,128]"], "architecture.hidden=[8, 128]: must be a network of the tables: [16, 128], "),
    ],
)
def test_the_audit_refuses_one_seed_and_what_it_cannot_train(words, line, tmp_path, capsys):
    assert audit.main([*words, f"outputs={tmp_path.as_posix()}"]) == 2
    assert line in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
