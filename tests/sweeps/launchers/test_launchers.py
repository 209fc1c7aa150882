"""Launchers, as far as they can be tested without a cluster; test_contract.py tests their promises."""

import dataclasses
import subprocess
import threading
import time
from types import SimpleNamespace

import pytest
import submitit
import yaml
from hydra.core.config_store import ConfigStore
from hypothesis import given
from hypothesis import strategies as st
from joblib.externals.loky.backend.queues import Queue

from fmnist_lab.compose import compose, launcher_options
from fmnist_lab.config.paths import conf_folder
from fmnist_lab.errors import InputError
from fmnist_lab.runs import run
from fmnist_lab.runs.record import Record
from fmnist_lab.sweeps.launchers import base, joblib, registry, slurm, submitit_local

LAUNCHERS = pytest.mark.parametrize("name", registry.LAUNCHERS)


def presets():
    from pathlib import Path

    return {file.stem: file for file in Path(conf_folder(), "hydra", "launcher").glob("*.yaml")}


@pytest.fixture
def everything_installed(monkeypatch):
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(registry.shutil, "which", lambda name: f"/usr/bin/{name}")


@LAUNCHERS
def test_every_launcher_has_a_file_with_its_options_and_when_to_use_it(name, everything_installed):
    text = presets()[name].read_text()
    values = yaml.safe_load(text)
    assert text.startswith("# ")
    assert values.pop("launcher") == name
    assert values.pop("_target_").startswith("hydra_plugins.")
    assert set(values) == {field.name for field in dataclasses.fields(registry.LAUNCHERS[name])}
    assert vars(registry.build_launcher(name, values)) == values
    assert set(presets()) == set(registry.LAUNCHERS)


@LAUNCHERS
def test_a_missing_extra_is_answered_with_what_to_type(name, monkeypatch):
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: None)
    extra = {"joblib": "joblib", "submitit_local": "slurm", "slurm": "slurm", "ray": "ray"}[name]
    with pytest.raises(InputError) as refused:
        registry.choose_launcher(f"hydra/launcher={name}")
    package = registry.LAUNCHERS[name].package
    assert str(refused.value) == f'hydra/launcher={name}: needs {package}: pip install "fmnist-lab[{extra}]"'


def test_a_missing_extra_ends_the_command_before_anything_is_written(lab, tmp_path_factory):
    """The package is hidden through sitecustomize, so that it is missing wherever the tests run."""
    hidden = tmp_path_factory.mktemp("hidden")
    (hidden / "sitecustomize.py").write_text("import sys\nsys.modules['ray'] = None\n")
    import os

    path = os.pathsep.join([str(hidden), os.environ.get("PYTHONPATH", "")])
    outcome = lab.small("-m", "hydra/launcher=ray", PYTHONPATH=path)
    assert outcome.returncode == 2, outcome
    assert outcome.stderr == 'fmnist_lab: hydra/launcher=ray: needs ray: pip install "fmnist-lab[ray]"\n'
    assert list(lab.folder.iterdir()) == []


def test_slurm_is_used_where_slurm_is(monkeypatch):
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(registry.shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="needs the command sbatch"):
        registry.choose_launcher("hydra/launcher=slurm")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("hydra.launcher.timeout_min=0", "hydra.launcher.timeout_min=0: must be a whole number of at least 1"),
        ("hydra.launcher.timeout_min=1h", "hydra.launcher.timeout_min=1h: must be a whole number of at least 1"),
        ("hydra.launcher.mem_gb=-1", "hydra.launcher.mem_gb=-1.0: must be a number above 0"),
        ("hydra.launcher.setup=module", "hydra.launcher.setup=module: must be a list of shell commands"),
    ],
)
def test_a_wrong_option_is_answered_with_one_line(override, message, everything_installed):
    with pytest.raises(InputError) as refused:
        registry.choose_launcher("hydra/launcher=slurm", override)
    assert str(refused.value) == message


def test_any_option_of_sbatch_can_be_given(everything_installed):
    launcher = registry.choose_launcher("hydra/launcher=slurm", "+hydra.launcher.additional_parameters.constraint=amd")
    assert launcher.additional_parameters == {"constraint": "amd"}


def test_experiments_are_trained_with_joblib_by_default():
    assert registry.choose_launcher("lr=0.1") == joblib.Joblib(n_jobs=-1)
    assert registry.choose_launcher("hydra/launcher=joblib", "hydra.launcher.n_jobs=3") == joblib.Joblib(n_jobs=3)
    with pytest.raises(InputError, match="must be one of joblib, "):
        registry.choose_launcher("hydra/launcher=basic")


def test_a_plugin_of_the_same_name_does_not_replace_the_launcher():
    ConfigStore.instance().store(group="hydra/launcher", name="joblib", node={"theirs": 1}, provider="a plugin")
    assert launcher_options("hydra/launcher=joblib").launcher == "joblib"


@pytest.mark.promise
@given(
    threads=st.lists(st.integers(1, 64), min_size=1, max_size=9), limit=st.integers(-1, 99), cores=st.integers(1, 64)
)
def test_no_more_threads_than_cores(threads, limit, cores):
    config = compose()
    configs = [dataclasses.replace(config, threads=count) for count in threads]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "cores", lambda: cores)
        at_once = base.runs_at_once(configs, limit or -1)
    assert 1 <= at_once <= len(configs)
    assert at_once == 1 or at_once * max(threads) <= cores
    if limit > 0:
        assert at_once <= limit


def test_a_reason_is_written_only_where_there_is_none(small):
    record = run.locate(small())
    base.write_reason(record, "first")
    base.write_reason(record, "second")
    assert record.reason() == "first"
    run.train(small())
    base.write_reason(record, "third")
    assert record.error() is None


def test_a_run_that_does_not_fit_its_machine_leaves_the_reason(small, monkeypatch):
    config = small("threads=3")
    monkeypatch.setattr(run.provenance, "cores", lambda: 2)
    base.train_run(config, 1)
    assert run.locate(config).reason() == "threads=3: must be at most 2, the number of cores here"


def test_a_run_that_fails_before_it_begins_leaves_the_reason(small, monkeypatch):
    def failing(record):
        raise OSError(5, "the lock cannot be had")

    record = run.locate(run.bind_to_machine(small()))
    monkeypatch.setattr(Record, "lock", failing)
    base.train_run(run.bind_to_machine(small()), 1)
    assert record.reason() == "OSError: [Errno 5] the lock cannot be had"


def test_a_full_disk_loses_the_reason_and_raises_nothing(small, monkeypatch):
    def full(path, text):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fmnist_lab.runs.record.write_text", full)
    base.write_reason(run.locate(small()), "first")


@pytest.mark.promise
def test_joblib_stopped_early_leaves_no_thread_that_feeds_its_workers(small, tmp_path, monkeypatch):
    """Such a thread would end with the interpreter, and loky then warns of a leaked semlock."""
    feed = Queue._feed

    def feed_and_end_late(*arguments):
        feed(*arguments)
        time.sleep(1)

    monkeypatch.setattr(Queue, "_feed", feed_and_end_late)
    monkeypatch.setattr(joblib.Path, "cwd", lambda: tmp_path / "gone")  # so that the run fails to start in the worker
    with pytest.raises(FileNotFoundError):
        joblib.Joblib(n_jobs=1).train([run.bind_to_machine(small())])
    assert joblib.FEEDER not in {thread.name for thread in threading.enumerate()}


# SLURM, as far as it can be tested without one.


class Clock:
    """Replaces the module `time`: a pause takes no time, but counts."""

    strftime = staticmethod(time.strftime)

    def __init__(self, meanwhile=lambda: None):
        self.seconds, self.meanwhile = 0, meanwhile

    def monotonic(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds
        self.meanwhile()


@pytest.fixture
def cluster(monkeypatch):
    """Return the launcher of a SLURM that takes every job and reports each as COMPLETED."""
    paths = SimpleNamespace(stderr="log")
    submitted = lambda executor, configs, at_once: [  # noqa: E731
        SimpleNamespace(job_id=f"7_{place}", paths=paths) for place in range(len(configs))
    ]
    monkeypatch.setattr(slurm.Slurm, "_executor", lambda self, folder, cpus: None)
    monkeypatch.setattr(slurm, "_submit", submitted)
    monkeypatch.setattr(slurm, "_wait", lambda arrays: None)
    monkeypatch.setattr(slurm, "_states", lambda: {f"7_{place}": "COMPLETED" for place in range(9)})
    return slurm.Slurm(60, 2, None, None, None, 256, 30, 0, [], {})


def test_a_record_that_another_machine_wrote_is_waited_for(small, cluster, monkeypatch):
    config = run.bind_to_machine(small())
    late = Clock(meanwhile=lambda: run.locate(config).write_error("the real reason"))
    monkeypatch.setattr(slurm, "time", late)
    cluster.train([config])
    assert run.locate(config).reason() == "the real reason"


def test_records_that_never_come_are_waited_for_together(small, cluster, monkeypatch):
    configs = [run.bind_to_machine(small(f"seed={seed}")) for seed in range(5)]
    clock = Clock()
    monkeypatch.setattr(slurm, "time", clock)
    cluster.train(configs)
    assert clock.seconds == slurm.PATIENCE
    assert all("COMPLETED; its log" in run.locate(config).reason() for config in configs)


def test_an_interrupt_while_jobs_are_submitted_removes_them_from_the_queue(small, cluster, monkeypatch):
    """By name, as their numbers are not known yet."""

    def interrupted(executor, configs, at_once):
        raise KeyboardInterrupt

    commands, folders = [], []
    monkeypatch.setattr(slurm, "_submit", interrupted)
    monkeypatch.setattr(slurm.Slurm, "_executor", lambda self, folder, cpus: folders.append(folder))
    monkeypatch.setattr(slurm.subprocess, "run", lambda command, check: commands.append(command))
    with pytest.raises(KeyboardInterrupt):
        cluster.train([run.bind_to_machine(small())])
    ((scancel, *options),) = commands
    assert scancel == "scancel"
    assert f"--name=fmnist-lab-{folders[0].name}" in options


# Jobs of submitit on this machine.


@pytest.mark.parametrize(("device", "gpus"), [("cuda", 1), ("cpu", 0)])
def test_submitit_gets_the_number_of_gpus(small, monkeypatch, device, gpus):
    given_parameters = {}

    class Executor:
        def __init__(self, folder, max_num_timeout):
            pass

        def update_parameters(self, **parameters):
            given_parameters.update(parameters)
            raise KeyboardInterrupt

    monkeypatch.setattr(submitit, "LocalExecutor", Executor)
    with pytest.raises(KeyboardInterrupt):
        submitit_local.SubmititLocal(n_jobs=1, timeout_min=1).train([dataclasses.replace(small(), device=device)])
    assert given_parameters["gpus_per_node"] == gpus


def test_a_busy_controller_is_asked_again(monkeypatch):
    """A failed answer is ignored; a job that is not in the list any more has ended."""
    outputs = [(1, ""), (0, "7\n8\n"), (0, "8\n")]
    given = lambda *_, **__: subprocess.CompletedProcess([], *outputs.pop(0))  # noqa: E731
    monkeypatch.setattr(slurm.subprocess, "run", given)
    monkeypatch.setattr(slurm.time, "sleep", lambda seconds: None)
    slurm._wait({"7"})
    assert outputs == []


def test_workers_are_given_the_costly_runs_first():
    configs = [
        compose(f"epochs={epochs}", f"architecture.hidden=[{width}]") for epochs, width in [(2, 8), (1, 512), (2, 64)]
    ]
    assert [config.architecture.hidden for config in base.costly_first(configs)] == [[512], [64], [8]]
