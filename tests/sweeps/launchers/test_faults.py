"""Faults of clusters, caused on real ones: `make test-launchers`."""

import contextlib
import os
import re
import secrets
import subprocess
import sys
import time

import pandas as pd
import pytest

from fmnist_lab.compose import compose
from fmnist_lab.runs import run
from fmnist_lab.sweeps.launchers import registry
from support.waiting import wait_for

TINY = ("architecture.hidden=[8]", "data.validation=59000", "data.split=last", "model=custom")
pytestmark = pytest.mark.launchers


@pytest.fixture
def slurm(request):
    request.getfixturevalue("require")("slurm")


@pytest.fixture
def ray(request):
    request.getfixturevalue("require")("ray")


def stamps(lab):
    return {path: path.stat().st_mtime_ns for path in (lab.folder / "outputs" / "runs").glob("*/summary.json")}


def stamp(path):
    """Return when a file was written; None while it does not exist."""
    with contextlib.suppress(FileNotFoundError):
        return path.stat().st_mtime_ns


def failures(outcome):
    """Return the lines about failed runs, without the numbers that change from time to time."""
    lines = [line for line in outcome.splitlines() if line.startswith("failed: ")]
    return re.sub(r"(/|outputs/)[^\s)]+", "…", re.sub(r"job \d+", "job 7", "; ".join(lines)))


def states(lab):
    return pd.read_csv(lab.sweep() / "results.csv").set_index("epochs").status.to_dict()


def shell(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def epochs_done(lab, epochs):
    """Return how many epochs the run with this number of epochs has done."""
    return len(run.locate(compose(f"epochs={epochs}", f"outputs={lab.folder.as_posix()}/outputs", *TINY)).history())


def running(lab):
    """Return the numbers of the command's SLURM jobs that are running, in the order of the sweep."""
    (folder,) = (lab.folder / "outputs" / "submitit").iterdir()
    name = f"--name=fmnist-lab-{folder.name}"
    return shell("squeue", "--me", "--noheader", "--array", "--states=running", name, "--format=%i").split()


def assert_continued(lab, command, line):
    """Assert that the same command, without the run that was too long, does only the missing run."""
    before = stamps(lab)
    outcome = lab(*command)
    assert (outcome.returncode, line in outcome.stdout) == (0, True), outcome
    assert before.items() <= stamps(lab).items()
    assert set(states(lab).values()) == {"finished"}


@pytest.mark.parametrize("launcher", ["slurm", "submitit_local"])
def test_a_job_past_its_time_limit(lab, require, launcher, record_property):
    require(launcher)
    command = ["-m", "epochs=1,1000000,2", "name=limit", *TINY, f"hydra/launcher={launcher}"]
    outcome = lab(*command, "hydra.launcher.timeout_min=1")
    assert outcome.returncode == 1, outcome
    assert re.search("failed: custom epochs=1000000: .*timed-out", outcome.stdout), outcome.stdout
    record_property("seen", failures(outcome.stdout))
    assert states(lab) == {1: "finished", 1000000: "failed", 2: "finished"}
    assert_continued(lab, ["-m", "epochs=1,3,2", *command[2:]], "2 finished before")


def test_a_job_that_slurm_kills_at_its_time_limit(lab, slurm, record_property):
    """Without a warning that submitit reacts to, so that only SLURM knows what happened."""
    command = ["-m", "epochs=1,1000000", "name=limit", *TINY, "hydra/launcher=slurm"]
    outcome = lab(*command, "hydra.launcher.timeout_min=1", "+hydra.launcher.additional_parameters.signal=CONT@1")
    assert outcome.returncode == 1, outcome
    assert re.search(r"failed: custom epochs=1000000: SLURM's job \d+_1: TIMEOUT; its log", outcome.stdout)
    record_property("seen", failures(outcome.stdout))
    assert states(lab) == {1: "finished", 1000000: "failed"}


def test_a_job_that_is_cancelled(lab, slurm, start, record_property):
    command = ["-m", "epochs=1,1000000,2", "name=cancelled", *TINY, "hydra/launcher=slurm"]
    process = start(*command)
    wait_for(lambda: epochs_done(lab, 1000000), process)
    (job,) = (job for job in running(lab) if job.endswith("_1"))
    shell("scancel", job)
    stdout, stderr = process.communicate(timeout=180)
    assert (process.returncode, stderr) == (1, ""), stdout
    assert f"failed: custom epochs=1000000: SLURM's job {job}: CANCELLED; its log" in stdout
    record_property("seen", failures(stdout))
    assert states(lab) == {1: "finished", 1000000: "failed", 2: "finished"}
    assert_continued(lab, ["-m", "epochs=1,3,2", *command[2:]], "2 finished before")


PATIENT = """
import os, time
from fmnist_lab.runs import run
original = run.fit
def fit(*arguments, **keywords):
    while keywords["epochs"] == 3 and not os.path.exists("go"):
        time.sleep(0.1)
    return original(*arguments, **keywords)
run.fit = fit
"""


@pytest.mark.parametrize("way", ["by signal", "pushed aside"])
def test_a_preempted_run_begins_again_in_the_same_command(lab, slurm, start, plant, way, monkeypatch, record_property):
    """By the signal that submitit reacts to, or pushed aside by SLURM itself for a more urgent job."""
    monkeypatch.setenv("PYTHONPATH", plant(PATIENT).environment["PYTHONPATH"])
    process = start("-m", "epochs=1,3", "name=preempted", *TINY, "hydra/launcher=slurm")
    record = run.locate(compose("epochs=3", f"outputs={lab.folder.as_posix()}/outputs", *TINY))
    begun = record.folder / "config.yaml"
    wait_for(begun.exists, process)
    first = stamp(begun)
    (job,) = (job for job in running(lab) if job.endswith("_1"))
    if way == "by signal":
        shell("scancel", "--signal=USR2", job)
    else:
        shell("sbatch", "--partition=urgent", "--exclusive", "--output=/dev/null", "--wrap=sleep 5")
    wait_for(lambda: stamp(begun) not in (None, first), process, 400)
    (lab.folder / "go").touch()
    stdout, stderr = process.communicate(timeout=180)
    assert (process.returncode, stderr) == (0, ""), stdout
    assert states(lab) == {1: "finished", 3: "finished"}
    record_property("seen", "queued again by itself, begun again, finished; status 0")


def test_a_sweep_larger_than_an_array_becomes_several(small, slurm, monkeypatch, tmp_path, record_property):
    monkeypatch.setattr("fmnist_lab.sweeps.launchers.slurm.LARGEST_ARRAY", 2)
    monkeypatch.chdir(tmp_path)
    configs = [run.bind_to_machine(small(f"seed={seed}", "data.validation=59000")) for seed in range(5)]
    registry.choose_launcher("hydra/launcher=slurm").train(configs)
    assert all(run.locate(config).summary() for config in configs)
    record_property("seen", "5 runs in arrays of at most 2: all finished")


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ("hydra.launcher.partition=none", "sbatch: error: invalid partition specified: none"),
        ("hydra.launcher.mem_gb=1e6", "sbatch: error: "),
    ],
)
def test_what_slurm_refuses_is_answered_with_one_line(lab, slurm, option, line, record_property):
    outcome = lab("-m", "epochs=1", *TINY, "hydra/launcher=slurm", option)
    assert (outcome.returncode, outcome.stderr.count("\n")) == (2, 1), outcome
    assert outcome.stderr.startswith(f"fmnist_lab: hydra/launcher=slurm: {line}")
    record_property("seen", f"{outcome.stderr.strip()}; status 2")


@pytest.fixture
def head(ray, tmp_path_factory, monkeypatch):
    """Start a Ray cluster that wants a token, and return its address."""
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    folder = tmp_path_factory.mktemp("cluster")
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--port=0", "--num-cpus=2"]
    command += ["--include-dashboard=false", "--disable-usage-stats", f"--temp-dir={folder}"]
    with (folder / "output.txt").open("w+") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=output, env=os.environ | {"NO_COLOR": "1"}
        )
        try:
            found = None
            deadline = time.monotonic() + 120
            while not found:
                assert process.poll() is None, (folder / "output.txt").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.5)
                found = re.search(r"--address='([\d.:]+)'", (folder / "output.txt").read_text())
            yield found[1]
        finally:
            process.terminate()
            process.wait(60)


def test_a_ray_cluster_that_is_there_is_used_by_its_address(lab, head, record_property):
    command = ["-m", "epochs=1,2", "name=there", *TINY, "hydra/launcher=ray"]
    outcome = lab(*command, f"hydra.launcher.address={head}")
    assert (outcome.returncode, outcome.stderr) == (0, ""), outcome
    assert states(lab) == {1: "finished", 2: "finished"}  # in the folder of the command, not in that of the cluster
    (lab.folder / "outputs").rename(lab.folder / "first")
    outcome = lab(*command, f"hydra.launcher.address={head}")
    assert outcome.returncode == 0, "the cluster is not taken down with the command"
    record_property("seen", "two sweeps, one after the other; their records in the folder of the command")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no.such.host.invalid:6379", "auto"])
def test_a_ray_cluster_that_is_not_there_gets_one_line(lab, ray, address, record_property):
    outcome = lab("-m", "epochs=1", *TINY, "hydra/launcher=ray", f"hydra.launcher.address={address}")
    assert outcome.returncode == 2, outcome
    line = f"fmnist_lab: hydra.launcher.address={address}: must be a Ray cluster that answers"
    assert (outcome.stderr.startswith(line), outcome.stderr.count("\n")) == (True, 1)
    record_property("seen", f"{outcome.stderr.strip()}; status 2")
