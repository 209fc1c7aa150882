"""Sweeps through the real command line, on the real data."""

import functools
import os
import shlex
import subprocess
import sys
import time

import pandas as pd
import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl

from fmnist_lab import compose
from fmnist_lab.runs import run
from fmnist_lab.runs.record import Record
from fmnist_lab.sweeps import execute, plan
from fmnist_lab.sweeps.console import Console
from fmnist_lab.sweeps.plan import command_line, default_name, estimate, plan_runs
from support.planted import DEADLY

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


def small_except(arguments):
    """Return the overrides that make a run small, except for the settings that the sweep sets itself."""
    small = ["epochs=2", "data.validation=58000", "data.split=last"]
    return small if any("architecture" in argument for argument in arguments) else [*small, "architecture.hidden=[8]"]


@pytest.mark.promise
@pytest.mark.parametrize(
    ("arguments", "expected", "count"), SWEEPS, ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else ""
)
def test_a_sweep_writes_tables_and_figures_for_its_settings_and_is_not_repeated(lab, arguments, expected, count):
    command = [*arguments, *small_except(arguments)]
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


@pytest.mark.promise
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


def test_a_run_that_ends_without_a_reason_does_not_keep_an_older_one(small):
    jobs = plan_runs([small()], [""])
    jobs[0].record.begin("lr: 1")
    jobs[0].record.write_error("of an earlier attempt")
    execute.train(jobs, lambda jobs: None, Console(None))
    assert jobs[0].record.reason() == "it ended without an error message (killed?)"


@pytest.mark.promise
def test_overlapping_sweeps_share_their_runs(lab):
    lab.small("-m", "lr=0.1,0.01", "model=custom")
    outcome = lab.small("-m", "lr=0.02,0.01", "model=custom", "name=second")
    assert "2 runs: 1 finished before and reused (force=true trains them again), 1 to train" in outcome.stdout
    assert len(stamps(lab)) == 3


def test_equal_runs_are_done_once(lab):
    outcome = lab.small("-m", "lr=0.1,1e-1", "model=custom")
    assert outcome.stdout.startswith("1 run to train")


def test_divergence_is_shown_and_is_no_failure(lab):
    outcome = lab.small("-m", "lr=0.1,1e6", "model=custom")
    assert outcome.returncode == 0
    assert outcome.stderr == ""
    assert "diverged in epoch 1" in outcome.stdout
    assert "diverged (epoch 1)" in " ".join(outcome.stdout.split())
    assert list(results(lab).status) == ["finished", "diverged"]
    assert results(lab).test_accuracy.notna().tolist() == [True, False]


@pytest.fixture
def crashing(monkeypatch):
    """Make every run with 77 images a batch crash, until the test ends."""
    original = run.fit

    def crash(model, *arguments, **keywords):
        if keywords["batch_size"] == 77:
            raise RuntimeError("the planted crash")
        return original(model, *arguments, **keywords)

    monkeypatch.setattr(run, "fit", crash)


@pytest.mark.promise
@pytest.mark.parametrize("mode", [["-m", "batch_size=64,77,128"], ["batch_size=77"]])
def test_a_crash_is_listed_and_the_rest_goes_on(lab, mode, crashing, monkeypatch):
    arguments = [*mode, "model=custom", "epochs=1", "architecture.hidden=[8]", "data.validation=58000"]
    outcome = lab(*arguments)
    assert outcome.returncode == 1, outcome
    assert "RuntimeError: the planted crash" in outcome.stdout
    assert "Traceback" not in outcome.stdout + outcome.stderr
    assert (results(lab).status == "failed").sum() == 1
    alone = next(line.split("alone: ")[1] for line in outcome.stdout.splitlines() if "alone: " in line)
    assert shlex.split(alone)[:3] == ["python", "-m", "fmnist_lab"]
    preview = lab(*shlex.split(alone)[3:], "dry_run=true").stdout
    assert preview.count("  to train  ") == 1
    assert "failed before: RuntimeError: the planted crash" in preview
    monkeypatch.undo()
    repaired = lab(*arguments)
    assert repaired.returncode == 0
    assert "1 to train" in repaired.stdout or "1 run to train" in repaired.stdout
    assert (results(lab).status == "finished").all()


@pytest.mark.promise
@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_each_run_is_composed_once(lab, launcher, monkeypatch):
    """Hydra takes long for it."""
    calls = []
    for owner, name in ((ConfigLoaderImpl, "load_sweep_config"), (compose, "_compose_job")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name), calls))
    outcome = lab("-m", "seed=0,1,2", "model=custom", *small_except([]), f"hydra/launcher={launcher}")
    assert (outcome.returncode, len(stamps(lab))) == (0, 3), outcome
    assert calls == ["_compose_job", "load_sweep_config", "_compose_job", "_compose_job"]


def counted(function, calls):
    """Return `function` with its name added to `calls` at each call."""

    @functools.wraps(function)
    def count(*arguments):
        calls.append(function.__name__)
        return function(*arguments)

    return count


@pytest.mark.promise
def test_a_dry_run_prints_what_would_be_done_and_does_nothing(lab):
    outcome = lab.small("-m", "lr=0.1,0.01", "dry_run=true")
    assert outcome.returncode == 0
    assert outcome.stdout.count("to train  ") == 4
    assert list(lab.folder.iterdir()) == []
    lab.small("-m", "lr=0.1", "model=custom")
    outcome = lab.small("-m", "lr=0.1,0.01", "dry_run=true")
    assert outcome.stdout.count("finished  ") == 1
    assert "the same settings, data and numerics, trained 20" in outcome.stdout
    assert outcome.stdout.count("(new)") == 3
    assert "s of training" in outcome.stdout


def test_a_finished_run_is_read_once_for_all_forecasts(small, monkeypatch):
    run.train(small())
    read, original = [], plan.from_yaml
    monkeypatch.setattr(plan, "from_yaml", lambda text: read.append(text) or original(text))
    todo = plan_runs([small("seed=1")], [""])
    assert estimate(todo) == estimate(todo) > 0
    assert len(read) == 1
    run.train(small("force=true"))
    assert estimate(todo) > 0
    assert len(read) == 2


@pytest.mark.promise
def test_force_trains_again(lab):
    lab.small("model=custom", "name=once")
    before = stamps(lab)
    outcome = lab.small("model=custom", "name=once", "force=true")
    assert outcome.stdout.startswith("1 run to train")
    assert stamps(lab) != before


@pytest.mark.promise
def test_runs_on_disk_are_shown_without_training(lab):
    outcome = lab.small("-m", "seed=0,1,2", "model=custom", "name=half", "train=false")
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert "train=False: must be true, as none of these runs is on disk" in outcome.stderr
    assert list(lab.folder.iterdir()) == []
    lab.small("-m", "seed=0,1", "model=custom", "name=whole")
    before = stamps(lab)
    outcome = lab.small("-m", "seed=0,1,2", "model=custom", "name=half", "train=false")
    assert outcome.returncode == 0, outcome.stderr
    assert "shown: 2 of 3 runs" in outcome.stdout
    assert stamps(lab) == before
    assert list(pd.read_csv(lab.folder / "outputs" / "sweeps" / "half" / "results.csv").seed) == [0, 1]


@pytest.mark.promise
def test_figures_of_an_earlier_sweep_of_the_same_name_are_removed(lab):
    lab.small("-m", "lr=0.1,0.01", "model=custom", "name=same")
    (lab.sweep() / "figures" / "mine.png").write_text("the user's own")
    lab.small("-m", "seed=0,1", "model=custom", "name=same")
    kept = {"figures/mine.png"} | figures("seed", "curves")
    assert {name for name in files(lab) if name.startswith("figures/")} == kept
    assert not (lab.sweep() / "table_lr.csv").exists()


@pytest.mark.promise
def test_damaged_records_are_noticed_and_done_again(lab):
    command = ["-m", "seed=0,1,2,3,4,5", "model=custom", "name=damaged"]
    lab.small(*command)
    table = results(lab)
    victims = [lab.folder / "outputs" / "runs" / name for name in table.run]
    (victims[0] / "weights.safetensors").write_bytes(b"")
    (victims[1] / "history.csv").write_text("epoch\n1\n")
    (victims[2] / "summary.json").write_text("{")
    summary = (victims[3] / "summary.json").read_text()
    (victims[3] / "summary.json").write_text(summary.replace('"format": 2', '"format": 1'))
    accuracy = Record(victims[4]).summary()["test_accuracy"]
    (victims[4] / "summary.json").write_text(
        (victims[4] / "summary.json").read_text().replace(repr(accuracy), "0.9999")
    )
    outcome = lab.small(*command)
    assert outcome.returncode == 0
    assert "Traceback" not in outcome.stdout + outcome.stderr
    lines = [line for line in outcome.stdout.splitlines() if line.startswith("damaged: ")]
    assert len(lines) == 5
    assert "it is of format 1, not 2" in lines[3]
    assert all(f"{victim}.damaged-1" in line for victim, line in zip(table.run, lines, strict=False))
    assert set(lines) <= {line[26:] for line in (lab.sweep() / "log.txt").read_text().splitlines()}
    pd.testing.assert_frame_equal(results(lab).drop(columns=TIMES), table.drop(columns=TIMES))


def start(lab, *arguments):
    """Start the command line in the background."""
    command = [sys.executable, "-m", "fmnist_lab", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=lab.folder, start_new_session=True, **pipes)


@pytest.mark.promise
def test_two_identical_sweeps_at_once_train_each_run_once(lab):
    command = ["-m", "seed=0,1,2,3", "model=custom", "name=twice", "epochs=1", "data.validation=58000"]
    both = [start(lab, *command) for _ in range(2)]
    stamps_seen = {}
    while any(process.poll() is None for process in both):
        for path, stamp in stamps_if_there(lab).items():
            assert stamps_seen.setdefault(path, stamp) == stamp, "trained twice"
        time.sleep(0.02)
    printed = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], printed
    tables = [stdout[stdout.index("model") :] for stdout, _ in printed]
    assert tables[0] == tables[1]
    assert len(results(lab)) == 4
    assert stamps(lab) == stamps_seen


def stamps_if_there(lab):
    try:
        return stamps(lab)
    except FileNotFoundError:
        return {}


@pytest.mark.promise
@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes without signals")
def test_a_run_that_kills_its_worker_ends_no_other(lab):
    """The code that kills is planted in the workers through sitecustomize, as nothing in the product does it."""
    (lab.folder / "sitecustomize.py").write_text(
        f"import sys\nif any('Loky' in word for word in sys.orig_argv):\n    exec({DEADLY!r})\n"
    )
    path = os.pathsep.join([str(lab.folder), os.environ.get("PYTHONPATH", "")])
    joblib = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    command = ["-m", "batch_size=64,77,100,128,150", "model=custom", "epochs=1", "data.validation=58000", *joblib]
    outcome = lab.process(*command, PYTHONPATH=path)
    assert outcome.returncode == 1, outcome
    assert "the launcher stopped: TerminatedWorkerError" in outcome.stdout
    assert "Traceback" not in outcome.stdout + outcome.stderr
    table = results(lab).set_index("batch_size").status
    assert table[77] == "failed"
    assert (table.drop(77) == "finished").all()
    (lab.folder / "repaired").touch()
    outcome = lab.process(*command, PYTHONPATH=path)
    assert outcome.returncode == 0, outcome
    assert (results(lab).status == "finished").all()


def test_force_discards_once_and_a_worker_without_parent_trains_nothing_again(small):
    """The jobs of a sweep never force: one that comes late finds the finished run."""
    config = small("force=true")
    record = run.train(config)
    stamp = (record.folder / "summary.json").stat().st_mtime_ns
    run.train(small())
    assert (record.folder / "summary.json").stat().st_mtime_ns == stamp


@pytest.mark.parametrize(
    ("overrides", "command"),
    [
        (["lr=0.1", "model=torch", "name=x", "force=true", "hydra/launcher=joblib"], "lr=0.1 model=torch"),
        (["+hydra.launcher.additional_parameters.nice=1", "~hydra.verbose", "lr=0.1"], "lr=0.1"),
        (["architecture.hidden=[8,128]"], '"architecture.hidden=[8,128]"'),
        (["lr=1", "lr=2"], "lr=2"),
        (["outputs='a b'"], "\"outputs='a b'\""),
        (['outputs=$(touch x)`y`"z'], '"outputs=\\$(touch x)\\`y\\`\\"z"'),
    ],
)
def test_the_command_of_one_run(overrides, command):
    assert command_line(overrides, sweep=True) == f"python -m fmnist_lab -m {command}"
    assert command_line(overrides, sweep=False) == f"python -m fmnist_lab {command}"


@pytest.mark.promise
def test_the_command_of_one_run_finds_presets_of_the_user(lab, small):
    """The run is made to fail: there is a folder where its history should be written."""
    (lab.folder / "my own" / "experiment").mkdir(parents=True)
    (lab.folder / "my own" / "experiment" / "mine.yaml").write_text("# @package _global_\nlr: 0.05\n")
    record = run.locate(small("lr=0.05"))
    (record.folder / "history.csv").mkdir(parents=True)
    outcome = lab.small("-m", "--config-dir", "my own", "experiment=mine", "model=custom")
    assert outcome.returncode == 1, outcome
    (alone,) = (line.split("alone: ")[1] for line in outcome.stdout.splitlines() if "alone: " in line)
    (record.folder / "history.csv").rmdir()
    outcome = lab(*shlex.split(alone)[3:])
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert record.summary()


def test_the_output_names_missing_validation_images(lab):
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
        (["lr=0.1,0.2", "+hydra.launcher.additional_parameters.nice=1"], "lr=0.1,0.2"),
        (["lr=choice(0.1,0.2)"], "lr=choice-0.1,0.2-"),
    ],
)
def test_a_sweep_is_named_after_what_was_swept(overrides, name):
    assert default_name(overrides) == name


def test_a_long_name_is_cut_and_stays_unique():
    names = {default_name([f"lr={','.join(str(n) for n in range(100))},{last}"]) for last in (1, 2)}
    assert len(names) == 2
    assert all(len(name) < 125 for name in names)
