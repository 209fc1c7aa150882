"""The functions for Python: the same runs, records and results as the command line, on the real data."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fmnist_lab
from fmnist_lab import InputError, Run, configure, load, sweep, train
from fmnist_lab.compose import compose, override
from fmnist_lab.config.schema import constraints
from fmnist_lab.results.style import applied, render
from fmnist_lab.runs.record import Record
from fmnist_lab.runs.run import bind_to_machine, locate

SMALL = {"epochs": 1, "architecture.hidden": [8], "data.validation": 58000, "data.split": "last"}
SWEPT = {**SMALL, "architecture.hidden": [[8]]}  # in a sweep a list holds the values to try
RATES = {"lr": [0.1, 0.02], **SWEPT}
TIMES = ["train_seconds", "fit_seconds", "workers"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Work in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stamps():
    return {path: path.stat().st_mtime_ns for path in Path("outputs/runs").glob("*/summary.json")}


# A run.


def test_a_run_has_its_summary_history_weights_and_predictions(capsys):
    run = train(configure(SMALL, lr=0.1, epochs=2))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 run to train"
    assert [line.split(":")[0] for line in lines[1:]] == ["epoch 1/2", "epoch 2/2", "[1/1] custom"]
    assert run.folder == Path("outputs/runs") / run.summary["run"]
    assert run.config == configure(SMALL, lr=0.1, epochs=2)
    assert list(run.history.index) == [1, 2]
    assert run.history.validation_accuracy[2] == run.summary["validation_accuracy"]
    assert [weight.shape for weight, _ in run.weights] == [(8, 784), (10, 8)]
    assert run.test_predictions.shape == (10_000,)
    assert f"<td>{run.summary['test_accuracy']}</td>" in run._repr_html_()
    before = stamps()
    assert train(configure(SMALL, lr=0.1, epochs=2)) == run
    assert "reused" in capsys.readouterr().out
    assert stamps() == before


def test_a_run_that_crashed_has_its_reason(monkeypatch):
    config = configure(SMALL)

    def crash(*_, **__):
        raise ValueError("the <planted> crash")

    monkeypatch.setattr("fmnist_lab.runs.run.fit", crash)
    with pytest.raises(ValueError, match="planted"):
        train(config)
    (folder,) = (path for path in Path("outputs/runs").iterdir() if path.is_dir())
    run = Run(Record(folder))
    assert run.summary == {"status": "failed", "reason": "ValueError: the <planted> crash"}
    assert run.history.empty
    assert "the &lt;planted&gt; crash" in run._repr_html_()


# A sweep.


@pytest.mark.promise
@pytest.mark.parametrize("name", [None, "both"])
def test_the_command_line_finds_what_python_trained(lab, name):
    ours = sweep(RATES, name=name)
    before = stamps()
    words = [f"name={name}"] if name else []
    outcome = lab.small("-m", "lr=0.1,0.02", "architecture.hidden=[8]", *words)
    assert outcome.stdout.startswith("4 runs: 4 finished before and reused"), outcome
    assert stamps() == before
    shown = pd.read_csv(lab.sweep() / "results.csv") if name else None
    if shown is not None:
        pd.testing.assert_frame_equal(shown, ours.results, check_dtype=False)


@pytest.mark.promise
def test_python_finds_what_the_command_line_trained(lab, capsys):
    words = [f"{key}={value}".replace(" ", "") for key, value in SMALL.items()]
    assert lab("-m", "lr=0.1,0.02", *words).returncode == 0
    before, folder = stamps(), lab.sweep().relative_to(lab.folder)
    ours = sweep(RATES)
    assert capsys.readouterr().out.startswith("4 runs: 4 finished before and reused")
    assert stamps() == before
    assert ours.folder == folder


@pytest.mark.promise
def test_a_sweep_has_its_results_curves_table_and_figures(capsys):
    ours = sweep({"lr": np.array([0.1, 0.02]), "seed": range(2)}, **SWEPT)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "8 runs to train"
    assert lines[-1] == str(ours.folder)
    assert len(lines) == 10  # a line a run, and no table: the sweep shows that itself
    assert set(ours.results.status) == {"finished"}
    assert len(ours.curves) == len(ours.runs) == 8
    assert list(ours.table.n) == [2] * 4
    assert {run.summary["run"] for run in ours.runs} == set(ours.results.run)
    assert set(ours.figures) == {"curves_lr=0.02", "curves_lr=0.1", "lr"}
    assert all(figure._repr_png_().startswith(b"\x89PNG") for figure in ours.figures.values())


@pytest.mark.promise
def test_a_loaded_sweep_draws_the_figures_that_were_written():
    """They are equal byte for byte, although one run was trained under another sweep's name."""
    train(configure(SMALL, lr=0.1, name="another"))
    loaded = load(sweep(RATES, name="loaded").folder)
    with applied():
        drawn = {(name, kind): file for name, each in loaded.figures.items() for kind, file in render(each).items()}
    files = loaded.folder.glob("figures/*")
    assert drawn == {(path.stem, path.suffix[1:]): path.read_bytes() for path in files}
    for name, frame in (("results.csv", loaded.results), ("curves.csv", loaded.curves)):
        pd.testing.assert_frame_equal(pd.read_csv(loaded.folder / name), frame, check_dtype=False)
    pd.testing.assert_frame_equal(
        pd.read_csv(loaded.folder / "table_lr.csv").drop(columns="notes"),
        loaded.table.drop(columns="notes").astype({"lr": float}),
        check_dtype=False,
    )


@pytest.mark.promise
def test_several_runs_at_once_give_the_same_table(monkeypatch):
    monkeypatch.setattr("fmnist_lab.sweeps.launchers.base.cores", lambda: 2)
    alone, together = (sweep(RATES, outputs=str(n), workers=n).results for n in (1, 2))
    assert set(together.workers) == {2}
    pd.testing.assert_frame_equal(alone.drop(columns=TIMES), together.drop(columns=TIMES))


def test_a_launcher_gets_runs_as_they_are_recorded(monkeypatch):
    """So each run's outcome is read from its own record."""
    given = []
    monkeypatch.setattr("fmnist_lab.sweeps.launchers.joblib.Joblib.train", lambda self, configs: given.extend(configs))
    ours = sweep(SWEPT, model="custom", device="auto")
    assert [locate(config) for config in given] == [run.record for run in ours.runs]


@pytest.mark.promise
def test_a_run_that_crashes_does_not_end_a_sweep(capsys):
    """A folder in place of the history file makes it crash in any process, without a change of the code."""
    record = locate(bind_to_machine(configure(SMALL, batch_size=77)))
    (record.folder / "history.csv").mkdir(parents=True)
    ours = sweep(SWEPT, batch_size=[64, 77], model="custom")
    assert list(ours.results.status) == ["finished", "failed"]
    alone = 'alone: python -m fmnist_lab model=custom "architecture.hidden=[8]" '
    assert alone in capsys.readouterr().out
    assert [run.summary["status"] for run in load(ours.folder).runs] == ["finished", "failed"]
    assert len(ours.table) == 1  # the other run has no epoch


@pytest.mark.promise
def test_what_a_notebook_shows_is_escaped():
    from dataclasses import replace

    ours = sweep(RATES, model="custom", outputs="<b>&amp;")
    shown = ours._repr_html_()
    assert "&lt;b&gt;&amp;amp;" in shown
    assert "<b>" not in shown + ours.runs[0]._repr_html_()
    hostile = replace(ours)
    hostile._analysis[1]["diverged_epoch"] = None
    hostile.__dict__["table"] = ours.table.assign(notes="<script>")
    assert "<script>" not in hostile._repr_html_()


@pytest.mark.promise
def test_without_training_a_sweep_has_the_runs_on_disk():
    sweep(RATES, model="custom")
    half = sweep(RATES, train=False, name="half")
    assert len(half.runs) == 2


# Wrong input.

WRONG = [
    ({"lr": -1}, "lr=-1.0: must be a number above 0"),
    ({"lr": [0.1, 0.2]}, "lr=[0.1,0.2]: must be a number above 0"),
    ({"lr": object}, "lr=<class 'object'>: must be text, a number, true or false, None, or a list of these"),
    ({"batchsize": 3}, "batchsize: there is no such key; did you mean batch_size?"),
    ({"lr=0.1 epochs": 3}, "lr=0.1 epochs: there is no such key; "),
    ({"hydra/launcher": "joblib"}, "hydra/launcher: there is no such key; --help lists them all"),
    ({"model": "jax"}, "model=jax: must be one of custom, torch"),
    ({"model.init": "null"}, "model.init=null: must be one of glorot_uniform, "),
    ({"epochs": True}, "epochs=true: must be a whole number of at least 1"),
    ({"architecture.hidden": 8}, "architecture.hidden=8: must be a list of one or more whole numbers"),
    ({"name": "a'\n\"b"}, "must be a folder name"),
    ({"experiment": "table1"}, "experiment=table1: is a sweep: give it to sweep()"),
]
WRONG_SWEEPS = [
    ({"lr": [0.1, -1]}, "lr=-1.0: must be a number above 0"),
    ({"lr": []}, "lr=[]: must be one value or more to sweep over"),
    ({"architecture.hidden": [64]}, "architecture.hidden=64: must be a list of one or more whole numbers"),
    ({"experiment": "table9"}, "experiment=table9: must be one of audit_grid, "),
    ({"name": ["a", "b"]}, "name=a,b: must be one value for the whole sweep"),
    ({"dry_run": True}, "dry_run=True: must be false from Python"),
    ({"train": False}, "train=False: must be true, as none of these runs is on disk"),
    ({"batch_size": 48001}, "batch_size=48001: must be at most 48000"),
    ({"data.root": "missing"}, "data.root=missing: "),
]


def assert_refused(call, line):
    with pytest.raises(InputError) as refused:
        call()
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value._render_traceback_() == [f"InputError: {refused.value}"]
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(("wrong", "line"), WRONG, ids=str)
def test_a_wrong_setting_gets_one_line(wrong, line):
    assert_refused(lambda: configure(wrong), line)


@pytest.mark.parametrize(("wrong", "line"), WRONG_SWEEPS, ids=str)
def test_a_wrong_sweep_gets_one_line_before_anything_is_written(wrong, line):
    assert_refused(lambda: sweep(wrong), line)


@pytest.mark.parametrize("workers", [0, 4096, 1.5, "2"])
def test_wrong_workers_get_one_line(workers):
    assert_refused(lambda: sweep(RATES, workers=workers), f"workers={workers}: must be a whole number from 1 to ")


@pytest.mark.parametrize("idle", [{"train": False}, {"dry_run": True}], ids=str)
def test_train_trains(idle):
    assert_refused(lambda: train(configure(idle)), "to train a run from Python")


def test_what_is_not_a_finished_sweep_gets_one_line(folder):
    assert_refused(lambda: load("outputs/sweeps/none"), "no such folder")
    ours = sweep(RATES, model="custom")
    (ours.folder / ".reported").write_text("../../etc 1\nr0123456789ab 1\n")
    with pytest.raises(InputError, match="the records of its runs are not in outputs"):
        load(ours.folder).figures  # noqa: B018
    with pytest.raises(InputError, match="r0123456789ab: holds no run"):
        load(ours.folder).runs[0].config  # noqa: B018


# The words given to Hydra.

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\n\r$"), min_size=1)


@pytest.mark.promise
@settings(max_examples=20)
@given(text=TEXTS)
def test_any_text_reaches_the_configuration_unchanged(text):
    assert compose(override("data.root", text)).data.root == text


@pytest.mark.promise
@settings(max_examples=10)
@given(rate=st.floats(min_value=0, exclude_min=True, allow_infinity=False), seed=st.integers(0, 10**9))
def test_any_number_reaches_the_configuration_unchanged(rate, seed):
    config = compose(override("lr", np.float64(rate)), override("seed", seed), override("data.root", None))
    assert (config.lr, config.seed, config.data.root) == (rate, seed, None)


# The package.


def test_every_public_name_is_there_typed_and_documented():
    for name in fmnist_lab.__all__:
        assert getattr(fmnist_lab, name).__doc__, name
    assert set(fmnist_lab.__all__) == set(fmnist_lab.api.__all__) <= set(dir(fmnist_lab))
    assert (Path(fmnist_lab.__file__).parent / "py.typed").exists()
    with pytest.raises(AttributeError, match="no attribute 'swep'"):
        fmnist_lab.swep  # noqa: B018


def test_importing_the_package_loads_nothing_of_it():
    code = "import fmnist_lab, sys, json; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "pandas", "matplotlib", "scipy", "numpy", "hydra", "omegaconf", "rich"}
    assert not heavy & set(json.loads(outcome.stdout))
    code = "from fmnist_lab import configure, load, sweep, train" + code.removeprefix("import fmnist_lab")
    code = code.replace("import configure, load, sweep, train, sys", "import configure, load, sweep, train; import sys")
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "pandas", "matplotlib", "scipy"} & set(json.loads(outcome.stdout))


def test_the_keys_are_those_of_the_command_line():
    config = configure()
    assert {name for name in constraints() if override(name, "x").startswith(f"{name}=")} == set(constraints())
    assert config == compose()
