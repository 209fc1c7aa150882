"""Where the runs of a sweep are trained: processes of this machine, jobs of a SLURM cluster, tasks of a Ray cluster.

An engine starts every run and returns when all have ended, one way or another. It brings nothing back: what became of
a run is in its record, on a disk that all share. So all that the lab promises holds on every engine alike, and an
engine adds only a reason for a run that ended without leaving one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
import importlib.util
import io
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import traceback
import warnings
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, ClassVar

from fmnist_lab.compose import launcher_options, typed
from fmnist_lab.config.schema import TEXT, Config, Rule, key, rules, whole, wrong
from fmnist_lab.errors import InputError, Terminated
from fmnist_lab.runs.provenance import cores
from fmnist_lab.runs.record import Record
from fmnist_lab.runs.run import locate, train
from fmnist_lab.sweeps.job import epoch_cost

if TYPE_CHECKING:
    import submitit

COUNT = Rule("a whole number above 0, or -1 for as many as the cores hold", lambda value: value == -1 or value > 0)
LARGEST_ARRAY = 1000  # jobs; SLURM's own default limit is MaxArraySize=1001
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")  # read when a worker first imports NumPy
IDLE = 300  # seconds until a joblib worker without work ends, as joblib's own
PATIENCE = 60  # seconds until the records that other machines wrote must be seen here


class Engine(ABC):
    """Fields of the engines are the options of `conf/hydra/launcher/<name>.yaml`."""

    package: ClassVar[str]  # what must be installed
    extra: ClassVar[str]  # of the project, that installs it
    program: ClassVar[str | None] = None  # what must be on the path

    @abstractmethod
    def train(self, configs: Sequence[Config]) -> None:
        """Train settled configurations. Returns when each run has an outcome, or a reason for having none.

        Interrupted, it ends what it started. Raises InputError when the engine refuses the runs.
        """


def build(name: str, options: Mapping[str, Any]) -> Engine:
    """The engine of this name with these options; InputError when one is wrong or something is not installed."""
    kind = ENGINES[name]
    if importlib.util.find_spec(kind.package) is None:
        raise InputError(f'hydra/launcher={name}: needs {kind.package}: pip install "fmnist-lab[{kind.extra}]"')
    if kind.program and shutil.which(kind.program) is None:
        raise InputError(f"hydra/launcher={name}: needs the command {kind.program}: use it where the cluster has it")
    try:
        return typed(kind, options)
    except InputError as error:
        raise InputError(f"hydra.launcher.{error}") from None
    except ValueError as error:  # of the wrong type
        option = str(getattr(error, "full_key", "")).split("[")[0]
        raise wrong(f"hydra.launcher.{option}", options[option], rules(kind)[option].words) from None


def choose(*overrides: str) -> Engine:
    """The engine that `overrides` such as `hydra/launcher=slurm` choose; joblib when they choose none."""
    options = launcher_options("hydra/launcher=joblib", *overrides)
    if "engine" not in options:
        raise InputError(f"hydra/launcher: must be one of {', '.join(ENGINES)}, which train without Hydra")
    return build(options.engine, own_options(options))


def own_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Of a launcher's file, what the engine itself wants to know."""
    return {name: value for name, value in options.items() if name not in ("_target_", "engine")}


def attempt(config: Config, at_once: int) -> None:
    """Train one settled run; if it crashes, its record says why, and the others go on."""
    try:
        train(dataclasses.replace(config, force=False), workers=at_once)  # taken back once, by `sweeps.train`
    except InputError as error:  # of the machine it came to: too few cores, say
        explain(locate(config), str(error))
    except Exception as error:
        explain(locate(config), "".join(traceback.format_exception(error)))


def in_turn(configs: Sequence[Config]) -> None:
    """Train settled configurations in this process, one after another."""
    for config in configs:
        attempt(config, 1)


def explain(record: Record, reason: str) -> None:
    """Leave a reason in the record of a run that ended without one, if the disk takes it."""
    if not record.tellable():
        with contextlib.suppress(OSError):
            record.write_error(reason)


def costly_first(configs: Sequence[Config]) -> list[Config]:
    """In an order in which workers that take run after run end nearly together: no long run is left to last."""
    return sorted(configs, key=lambda config: -epoch_cost(config) * config.epochs)


def threads(configs: Sequence[Config]) -> int:
    """How many cores the hungriest run takes."""
    return max(config.threads for config in configs)


def here(configs: Sequence[Config], asked: int = -1) -> int:
    """How many runs may go on at once on this machine without their threads getting into each other's way."""
    most = room(configs)
    return min(asked if asked > 0 else most, most, len(configs))


def room(configs: Sequence[Config]) -> int:
    """How many such runs the cores of this machine hold."""
    return max(1, cores() // threads(configs))


@dataclass
class Joblib(Engine):
    """Worker processes of this machine, used again from run to run."""

    package, extra = "joblib", "joblib"

    n_jobs: int = key(COUNT)

    def train(self, configs: Sequence[Config]) -> None:
        # joblib.Parallel would train in the command itself where one worker is enough: a run that is killed, for its
        # memory say, would take the command along.
        from joblib.externals.loky import get_reusable_executor

        at_once = here(configs, self.n_jobs)
        environment = dict.fromkeys(THREADS, str(threads(configs)))
        workers = get_reusable_executor(max_workers=at_once, env=environment, kill_workers=True, timeout=IDLE)
        with warnings.catch_warnings():
            # A worker that comes to import PyTorch grows, is taken to leak, and is replaced: no reason to complain.
            warnings.filterwarnings("ignore", "A worker stopped while some jobs were given to the executor")
            try:
                told = [workers.submit(attempt_in, Path.cwd(), config, at_once) for config in costly_first(configs)]
                for ended in told:
                    ended.result()
            except BaseException:
                workers.shutdown(kill_workers=True)
                raise


class Attempt:
    """`attempt` as submitit calls it: preempted, the run is put into the queue again, where it begins anew."""

    def __call__(self, config: Config, at_once: int) -> None:
        attempt(config, at_once)

    def checkpoint(self, config: Config, at_once: int) -> submitit.helpers.DelayedSubmission:
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, config, at_once)


@contextlib.contextmanager
def job_folder(configs: Sequence[Config]) -> Iterator[Path]:
    """Where submitit keeps scripts, pickles and logs. Removed when every run has finished; else the logs are wanted.

    Readable for this user alone, as what is unpickled from there must be.
    """
    parent = Path(configs[0].outputs).absolute() / "submitit"
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=time.strftime("%Y-%m-%d-"), dir=parent))
    try:
        yield folder
    finally:
        if all(locate(config).summary() for config in configs) or not any(folder.iterdir()):
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):
                parent.rmdir()  # when it is empty


@dataclass
class SubmititLocal(Engine):
    """What `Slurm` does, on this machine: a job a run, a process of its own, with a time limit."""

    package, extra = "submitit", "slurm"

    n_jobs: int = key(COUNT)
    timeout_min: int = key(whole(1))

    def train(self, configs: Sequence[Config]) -> None:
        from submitit import LocalExecutor

        at_once = here(configs, self.n_jobs)
        with job_folder(configs) as folder:
            executor = LocalExecutor(folder, max_num_timeout=0)
            # submitit hides every GPU that is not asked for, and gives all runs the same: the first.
            gpus = int(any(config.device == "cuda" for config in configs))
            executor.update_parameters(timeout_min=self.timeout_min, gpus_per_node=gpus)
            running: dict[submitit.Job[None], Config] = {}
            try:
                for config in costly_first(configs):
                    self._wait(running, at_once - 1)
                    with _saying_to(folder / "controllers.txt"):
                        job = executor.submit(Attempt(), config, at_once)
                    running[job] = config
                self._wait(running, 0)
            finally:
                for job in running:
                    job.cancel()
                for job in running:
                    job.wait()

    def _wait(self, running: dict[submitit.Job[None], Config], most: int) -> None:
        """Wait until at most so many jobs are running, and let go of those that have ended."""
        while len(running) > most:
            for job in [job for job in running if job.done()]:
                explain(locate(running.pop(job)), f"job {job.job_id} ended without a word; its log: {job.paths.stderr}")
            time.sleep(0.05)


@contextlib.contextmanager
def _saying_to(log: Path) -> Iterator[None]:
    """What starts meanwhile complains to `log`: a submitit controller that is ended does so where we do."""
    ours = os.dup(2)
    with log.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(ours, 2)
        os.close(ours)


@dataclass
class Slurm(Engine):
    """A job array on a SLURM cluster: a job a run, on as many cores as the run has threads.

    Only squeue is asked how the jobs are, as it answers with and without accounting.
    """

    package, extra, program = "submitit", "slurm", "sbatch"

    timeout_min: int = key(whole(1))
    mem_gb: float = key(Rule("a number above 0", lambda value: value > 0))
    partition: str | None = key(TEXT)
    account: str | None = key(TEXT)
    qos: str | None = key(TEXT)
    array_parallelism: int = key(whole(1))
    signal_delay_s: int = key(whole(1))
    max_num_timeout: int = key(whole(0))
    setup: list[str] = key(Rule("a list of shell commands", lambda value: True))
    additional_parameters: dict[str, Any] = key(Rule("options of sbatch, as {name: value}", lambda value: True))

    def train(self, configs: Sequence[Config]) -> None:
        at_once = min(self.array_parallelism, len(configs))
        with job_folder(configs) as folder:
            executor = self._executor(folder, threads(configs))
            jobs: dict[str, submitit.Job[None]] = {}
            try:
                for start in range(0, len(configs), LARGEST_ARRAY):
                    part = configs[start : start + LARGEST_ARRAY]
                    jobs |= {job.job_id: job for job in _submit(executor, part, at_once)}
                _wait({number.split("_")[0] for number in jobs})
            except BaseException:
                _cancel(_name(folder))
                raise
            states, deadline = _states(), time.monotonic() + PATIENCE
            for (number, job), config in zip(jobs.items(), configs, strict=True):
                state = states.get(number, "ended")
                _conclude(locate(config), f"SLURM's job {number}", state, job.paths.stderr, deadline)

    def _executor(self, folder: Path, cpus: int) -> submitit.SlurmExecutor:
        from submitit import SlurmExecutor

        executor = SlurmExecutor(folder, max_num_timeout=self.max_num_timeout)
        given = {"partition": self.partition, "account": self.account, "qos": self.qos}
        executor.update_parameters(
            job_name=_name(folder),
            time=self.timeout_min,
            mem=f"{round(self.mem_gb * 1024)}MB",
            cpus_per_task=cpus,
            srun_args=[f"--cpus-per-task={cpus}"],  # since SLURM 22.05 a step no longer inherits it from its job
            array_parallelism=self.array_parallelism,
            signal_delay_s=self.signal_delay_s,
            setup=list(self.setup),
            additional_parameters=dict(self.additional_parameters),
            **{name: value for name, value in given.items() if value is not None},
        )
        return executor


def _submit(executor: submitit.SlurmExecutor, configs: Sequence[Config], at_once: int) -> Sequence[submitit.Job[None]]:
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        with contextlib.redirect_stderr(io.StringIO()):  # where submitit repeats what sbatch says
            return executor.map_array(Attempt(), configs, [at_once] * len(configs))
    except (FailedJobError, FailedSubmissionError) as error:
        lines = [line for line in str(error).splitlines() if line.startswith("sbatch:")] or str(error).splitlines()
        raise InputError(f"hydra/launcher=slurm: {lines[0]}") from None


def _name(folder: Path) -> str:
    """What the jobs of one command are called, and no others."""
    return f"fmnist-lab-{folder.name}"


def _cancel(name: str) -> None:
    """Take the jobs of this name from the queue; of those that are just being submitted, the number is not known."""
    subprocess.run(["scancel", "--quiet", f"--user={getpass.getuser()}", f"--name={name}"], check=False)


def _squeue(*arguments: str) -> list[list[str]] | None:
    """The words of each line that SLURM says of this user's jobs; None while it does not answer."""
    command = ["squeue", "--me", "--noheader", *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if answer.returncode else [line.split() for line in answer.stdout.splitlines()]


def _wait(arrays: Collection[str]) -> None:
    """Wait until SLURM lists no job of these arrays as queued or running."""
    start = time.monotonic()
    while (listed := _squeue("--format=%F")) is None or any(words[0] in arrays for words in listed):
        # A busy controller serves everybody: the longer the sweep, the rarer the questions.
        time.sleep(min(30, max(1, (time.monotonic() - start) / 10)))


def _states() -> Mapping[str, str]:
    """How the jobs that have ended lately did so, such as TIMEOUT, by their numbers."""
    return {words[0]: words[1] for words in _squeue("--array", "--states=all", "--format=%i %T") or []}


def _conclude(record: Record, job: str, state: str, log: Path, deadline: float) -> None:
    """Say how a job ended that left no outcome. The record of one that did well may be seen here a little later."""
    if state == "COMPLETED":
        while not record.tellable() and time.monotonic() < deadline:
            time.sleep(1)
    explain(record, f"{job}: {state}; its log: {log}")


@dataclass
class Ray(Engine):
    """Tasks of a Ray cluster: one started here, on all cores, or one that is running already."""

    package, extra = "ray", "ray"

    address: str | None = key(TEXT)

    def train(self, configs: Sequence[Config]) -> None:
        with self._cluster() as ray:
            cpus = threads(configs)
            nodes = [int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]]
            if cpus > max(nodes):
                raise wrong("threads", cpus, f"at most {max(nodes)}, the cores of the cluster's largest node")
            at_once = min(len(configs), sum(cores // cpus for cores in nodes))
            task = ray.remote(num_cpus=cpus)(attempt_in)
            started = [task.remote(Path.cwd(), config, at_once) for config in configs]
            for config, its_task in zip(configs, started, strict=True):
                try:
                    ray.get(its_task)
                except ray.exceptions.RayError as error:
                    explain(locate(config), f"ray: {type(error).__name__}")

    @contextlib.contextmanager
    def _cluster(self) -> Iterator[Any]:
        """Ray, connected. Started here, it keeps to this machine and reports to nobody."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # the future default, without its warning
        os.environ.setdefault("RAY_worker_niceness", "0")  # not 15: other work on the machine would show in the times
        import ray

        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        handler, received = signal.getsignal(signal.SIGTERM), []

        def terminate(number: int, frame: FrameType | None) -> None:
            received.append(number)
            raise Terminated

        try:
            if self.address is None:
                ray.init("local", num_cpus=cores(), include_dashboard=False, **quiet)
            else:
                _knock(self.address)
                ray.init(self.address, **quiet)
            signal.signal(signal.SIGTERM, terminate)  # in place of Ray's, which ends the process without a word
            yield ray
        except ConnectionError:
            words = "a Ray cluster that answers (RAY_AUTH_MODE=token, if it wants a token)"
            raise wrong("hydra.launcher.address", self.address, words) from None
        except KeyboardInterrupt:  # which Ray makes of all that a handler raises
            if received:
                raise Terminated from None
            raise
        finally:
            signal.signal(signal.SIGTERM, handler)
            ray.shutdown()


def _knock(address: str) -> None:
    """Raise ConnectionError when nobody listens at host:port: Ray itself would knock for many minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if port.isdecimal():
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except OSError as error:
            raise ConnectionError(address) from error


def attempt_in(folder: Path, config: Config, at_once: int) -> None:
    """`attempt` in the folder of the command: a worker that is used again, or was started by a node, is elsewhere."""
    with contextlib.chdir(folder):
        attempt(config, at_once)


ENGINES: dict[str, type[Engine]] = {
    "joblib": Joblib,
    "submitit_local": SubmititLocal,
    "slurm": Slurm,
    "ray": Ray,
}
