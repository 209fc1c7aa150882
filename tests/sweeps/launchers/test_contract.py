"""The promises about sweeps, for every launcher. `make test-launchers` tests all of them and writes the table."""

import json
import os
import signal
import subprocess
import time

import pandas as pd
import pytest

from fmnist_lab.compose import compose
from fmnist_lab.runs import run
from fmnist_lab.runs.provenance import cores
from fmnist_lab.runs.record import Record
from support.planted import DEADLY
from support.waiting import wait_for

pytestmark = pytest.mark.promise

TINY = ("epochs=1", "architecture.hidden=[8]", "data.validation=59000", "data.split=last")
TWELVE = ("-m", "model=custom,torch", "lr=0.01,1e9", "seed=0,1,2", "name=twelve", *TINY)
TIMES = ["train_seconds", "fit_seconds", "threads", "workers"]


class Swept:
    """The sweep of twelve runs, half of which diverge, on one launcher."""

    def __init__(self, lab, overrides):
        self.lab, self.overrides = lab, overrides
        self.outcome = lab(*TWELVE, *overrides)
        self.folder = lab.folder / "outputs" / "sweeps" / "twelve"

    def table(self, name="results.csv"):
        return pd.read_csv(self.folder / name).drop(columns=TIMES, errors="ignore")

    def weights(self):
        return {file.parent.name: file.read_bytes() for file in self.lab.folder.glob("outputs/runs/*/weights.*")}


@pytest.fixture(scope="module")
def sweep_of(lab_in, tmp_path_factory, choose):
    """Return a function that runs the sweep once on each launcher it is called with."""
    done = {}

    def sweep(name):
        if name not in done:
            done[name] = Swept(lab_in(tmp_path_factory.mktemp(name)), choose(name))
        return done[name]

    return sweep


@pytest.fixture
def swept(launcher, sweep_of):
    return sweep_of(launcher)


def stamps(lab):
    return {path: path.stat().st_mtime_ns for path in (lab.folder / "outputs" / "runs").glob("*/summary.json")}


def test_the_sweep_is_done_and_nothing_is_on_standard_error(swept):
    assert (swept.outcome.returncode, swept.outcome.stderr) == (0, ""), swept.outcome


def test_results_are_those_of_the_basic_launcher(swept, sweep_of):
    basic = sweep_of("basic")
    assert len(basic.weights()) == 12
    assert swept.weights() == basic.weights()
    for name in ("results.csv", "curves.csv"):
        pd.testing.assert_frame_equal(swept.table(name), basic.table(name))


def test_every_run_has_a_record_under_its_fingerprint(swept):
    settings = [(model, lr, seed) for model in ("custom", "torch") for lr in ("0.01", "1e9") for seed in range(3)]
    runs = [run.locate(compose(f"model={m}", f"lr={lr}", f"seed={seed}", *TINY)).run for m, lr, seed in settings]
    assert sorted(swept.table().run) == sorted(runs)
    assert all(Record(swept.lab.folder / "outputs" / "runs" / name).summary() for name in runs)


def test_a_divergence_is_a_result(swept):
    assert swept.table().groupby("lr").status.unique().map(list).to_dict() == {0.01: ["finished"], 1e9: ["diverged"]}


def test_figures_and_tables_come_at_the_end(swept):
    assert swept.outcome.stdout.splitlines()[-1] == str(swept.folder.relative_to(swept.lab.folder))
    assert {"table_lr.csv", "curves.csv", "figures/lr.png", "figures/curves_lr=0.01.png"} <= {
        file.relative_to(swept.folder).as_posix() for file in swept.folder.rglob("*.*")
    }


def test_the_command_prints_a_line_for_every_run_that_ends(swept):
    lines = [line for line in swept.outcome.stdout.splitlines() if line.startswith("[")]
    assert [line.split("]")[0] for line in lines] == [f"[{k}/12" for k in range(1, 13)]


def test_only_records_and_the_outcome_are_left(swept):
    assert sorted(path.name for path in swept.lab.folder.glob("*/*")) == ["runs", "sweeps"]


def test_a_finished_run_is_not_trained_again(swept):
    before = stamps(swept.lab)
    again = swept.lab(*TWELVE, *swept.overrides)
    assert "12 finished before and reused (force=true trains them again), nothing to train" in again.stdout, again
    assert stamps(swept.lab) == before


COUNT_THREADS = """
import json, os
from fmnist_lab.runs import run
original = run.fit
def fit(*arguments, **keywords):
    from threadpoolctl import threadpool_info
    pools = [pool["num_threads"] for pool in threadpool_info()]
    name = "torch" if "torch" in type(arguments[0]).__module__ else "custom"
    if name == "torch":
        import torch
        pools.append(torch.get_num_threads())
    with open(os.environ["THREAD_COUNTS"] + "-" + str(os.getpid()) + name, "w") as file:
        json.dump(pools, file)
    return original(*arguments, **keywords)
run.fit = fit
"""


@pytest.mark.parametrize("threads", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_run_has_the_threads_it_asks_for(lab, launcher, choose, plant, threads):
    if threads > cores():
        pytest.skip("needs two cores")
    environment = {"THREAD_COUNTS": str(lab.folder / "counts"), **plant(COUNT_THREADS).environment}
    overrides = [override for override in choose(launcher) if "n_jobs" not in override]
    outcome = lab("-m", "name=threads", f"threads={threads}", *TINY, *overrides, **environment)
    assert outcome.returncode == 0, outcome
    pools = [json.loads(file.read_text()) for file in lab.folder.glob("counts-*")]
    assert len(pools) == 2
    assert all(set(counts) == {threads} for counts in pools), pools
    results = pd.read_csv(lab.sweep() / "results.csv")
    assert (results.threads == threads).all()
    if launcher != "slurm":  # which counts the cores itself and starts no more runs than they hold
        assert (results.workers * threads <= cores()).all()


def test_a_crash_is_listed_and_the_others_go_on(lab, launcher, choose):
    """The run is made to crash: there is a folder where its history should be written."""
    command = ["-m", "seed=0,1,2", "model=custom", "name=three", *TINY, *choose(launcher)]
    record = run.locate(compose("seed=1", f"outputs={lab.folder.as_posix()}/outputs", *TINY))
    (record.folder / "history.csv").mkdir(parents=True)
    outcome = lab(*command)
    assert outcome.returncode == 1, outcome
    assert "failed: custom seed=1: IsADirectoryError" in outcome.stdout
    assert "Traceback" not in outcome.stdout + outcome.stderr
    assert list(pd.read_csv(lab.sweep() / "results.csv").status) == ["finished", "failed", "finished"]
    (record.folder / "history.csv").rmdir()
    before = stamps(lab)
    outcome = lab(*command)
    assert (outcome.returncode, "2 finished before" in outcome.stdout) == (0, True), outcome
    assert before.items() <= stamps(lab).items()


def test_a_run_whose_worker_is_killed_is_listed_and_done_by_the_next_command(lab, launcher, choose, plant):
    command = ["-m", "batch_size=64,77,100", "model=custom", "name=deadly", *TINY, *choose(launcher)]
    environment = plant(DEADLY).environment
    outcome = lab(*command, **environment)
    if launcher == "basic":  # the worker is the command itself
        assert outcome.returncode == -signal.SIGKILL
    else:
        assert outcome.returncode == 1, outcome
        assert "failed: custom batch_size=77: " in outcome.stdout
        table = pd.read_csv(lab.sweep() / "results.csv").set_index("batch_size").status
        assert table.to_dict() == {64: "finished", 77: "failed", 100: "finished"}
    before = stamps(lab)
    (lab.folder / "repaired").touch()
    outcome = lab(*command, **environment)
    assert outcome.returncode == 0, outcome
    assert before.items() <= stamps(lab).items()
    assert (pd.read_csv(lab.sweep() / "results.csv").status == "finished").all()


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes without signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_sweep_ends_all_it_started_and_is_continued(lab, start, launcher, choose, number, status):
    rest = ["model=custom", "name=long", *TINY[1:], *choose(launcher)]
    for epochs in (1, 2):  # here, as another command takes many times as long
        run.train(compose(f"epochs={epochs}", "model=custom", *TINY[1:], f"outputs={lab.folder.as_posix()}/outputs"))
    before = stamps(lab)
    process = start("-m", "epochs=1,2,200000,200001,200002", *rest)
    wait_for(lambda: one_trains(lab), process)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=120)
    assert (process.returncode, stderr) == (status, ""), stdout
    assert stdout.splitlines()[-1] == "interrupted: 2 of 5 runs finished; the same command continues"
    assert_quiet(lab, launcher)
    outcome = lab("-m", "epochs=1,2,3", *rest)
    assert (outcome.returncode, "2 finished before" in outcome.stdout) == (0, True), outcome
    assert before.items() <= stamps(lab).items()


def one_trains(lab):
    """Return whether some unfinished run has done an epoch; which one depends on the launcher."""
    histories = lab.folder.glob("outputs/runs/*/history.csv")
    return any(not file.with_name("summary.json").exists() for file in histories)


def assert_quiet(lab, launcher):
    """Assert that no run is still being trained: no history grows."""
    histories = lambda: [file.stat().st_mtime_ns for file in lab.folder.glob("outputs/runs/*/history.csv")]  # noqa: E731
    deadline = time.monotonic() + 60
    while True:
        before = histories()
        time.sleep(2)
        if histories() == before:
            break
        assert time.monotonic() < deadline, "a run is still being trained"
    if launcher == "slurm":
        listed = subprocess.run(["squeue", "--me", "--noheader"], capture_output=True, text=True).stdout
        assert all(line.split()[4] == "CG" for line in listed.splitlines()), listed
