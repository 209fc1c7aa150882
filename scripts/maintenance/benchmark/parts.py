"""List the tasks of each part of the benchmark."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from benchmark.arithmetic import epoch_flops
from benchmark.tasks import Quantities, Setting, Task, execute, peer, peer_command, quantities

ARCHITECTURES = [
    "8,128", "16,128", "64,128", "256,128", "1024,128", "256,8", "256,16", "256,64", "256,1024", "256",
]  # fmt: skip
FEW = ["8,128", "256,128", "1024,128"]  # for what is slow
BASE = "256,128"

USUAL_RATE = 100e9  # floating-point operations a second, only to estimate the duration
USUAL_STEPS = 0.1  # seconds an epoch that are not products, only to estimate the duration


@dataclass(frozen=True)
class Contender:
    """A script in peers/ and its options. `start` (seconds) and `slowness` (a factor) only estimate the duration."""

    script: str
    options: dict[str, Any]
    start: float = 4.0
    slowness: float = 1.0
    extra: float = 0.0  # seconds an epoch that do not depend on the network
    warm_up: float = 1.0  # epochs

    def task(self, name: str, setting: Setting) -> Task:
        floor = epoch_flops(setting.hidden) / USUAL_RATE + USUAL_STEPS * 128 / setting.batch_size
        epochs = setting.epochs + self.warm_up
        expected = self.start + epochs * (self.slowness * floor + self.extra)
        return Task(name, setting, partial(self.measure, setting), expected)

    def measure(self, setting: Setting, kernels: str | None = None) -> Quantities:
        return quantities(peer(self.script, setting, kernels, warm_up=self.warm_up, **self.options))


CONTENDERS = {
    "peak": Contender("peak", {}, start=2, slowness=0),
    "gemms": Contender("gemms", {}, start=1),
    "custom": Contender("project", {"model": "custom"}, start=1.5),
    "torch": Contender("project", {"model": "torch"}, slowness=1.2),
    "torch_eager_float": Contender("torch_eager", {"resident": "float32"}, start=5, slowness=1.2),
    "torch_eager_bytes": Contender("torch_eager", {"resident": "uint8"}, start=5, slowness=1.2),
    "jax_jit": Contender("jax_jit", {}, start=3),
    "sklearn": Contender("sklearn_mlp", {}, start=3, slowness=1.5),
    "torch_compile": Contender("torch_compile", {}, start=26, slowness=1.3),
    # A tenth of an epoch wakes everything up; the clocked epoch is whole, nothing is scaled.
    "torch_dataloader_0": Contender("torch_dataloader", {"workers": 0}, extra=9, warm_up=0.1),
    "torch_dataloader_2": Contender("torch_dataloader", {"workers": 2}, extra=5.5, warm_up=0.1),
}
SLOW = {"sklearn": FEW, "torch_compile": [BASE], "torch_dataloader_0": [BASE], "torch_dataloader_2": [BASE]}
THREADED = ("peak", "custom", "torch", "torch_eager_float", "torch_eager_bytes", "jax_jit")


def epoch(quick: bool) -> list[Task]:
    """Seconds an epoch by contender and architecture, beside the peak rate and the matrix products alone."""
    return [
        contender.task(name, Setting(hidden))
        for hidden in ARCHITECTURES
        for name, contender in CONTENDERS.items()
        if hidden in SLOW.get(name, ARCHITECTURES)
    ]


def threads(quick: bool) -> list[Task]:
    """Seconds an epoch with one thread and with two."""
    return [CONTENDERS[name].task(name, Setting(threads=count)) for name in THREADED for count in (1, 2)]


def pieces(quick: bool) -> list[Task]:
    """Seconds of each step of an epoch of the hand-written model."""
    return [
        Task("custom", Setting(hidden), partial(peer, "pieces", Setting(hidden)), 6) for hidden in (*FEW, "256,1024")
    ]


def kernels(quick: bool) -> list[Task]:
    """Seconds with OpenBLAS's kernels of 256 bits and, where the processor has them, of 512 bits."""
    measured = ("peak", "gemms", "custom")
    return [
        Task(f"{name}, {bits} bits", Setting(), partial(CONTENDERS[name].measure, Setting(), kind), 5)
        for bits, kind in ((256, "Haswell"), (512, "SkylakeX"))
        for name in measured
    ]


def scaling(quick: bool) -> list[Task]:
    """Seconds of the custom model by width, batch size and epochs, and of a sweep by the number of runs."""
    widths = [Setting(f"{2**power},128") for power in range(3, 13)]
    sizes = [Setting(batch_size=2**power) for power in range(4, 13)]
    lengths = [Setting(epochs=count) for count in range(1, 9)]
    settings = dict.fromkeys([*widths, *sizes, *lengths])
    custom = [CONTENDERS["custom"].task("custom", setting) for setting in settings]
    counts = (1, 2, 4, 8)
    sweeps = [Task("custom sweep", Setting(runs=n), partial(custom_sweep, n), 4 + 1.5 * n) for n in counts]
    return [CONTENDERS["peak"].task("peak", Setting()), *custom, *sweeps]


def custom_sweep(runs: int) -> Quantities:
    """Measure a sweep of `runs` runs of one epoch, from the command to its output."""
    with tempfile.TemporaryDirectory() as folder:
        return timed(lab("-m", "model=custom", "epochs=1", f"seed=range(0,{runs})"), Path(folder))


def cold(quick: bool) -> list[Task]:
    """Seconds of the first epoch of a new process, and of its later ones."""
    return [
        Task("custom", Setting(hidden, epochs=4), partial(first_and_later, Setting(hidden, epochs=4)), 6)
        for hidden in ("8,128", BASE)
    ]


def first_and_later(setting: Setting) -> Quantities:
    first, *later = peer("project", setting, warm_up=0)["seconds"]
    return {"first_seconds": first, "later_seconds": sorted(later)[len(later) // 2]}


# One epoch of the narrowest network on few images: a run that takes hardly any time.
TINY = ("epochs=1", "architecture.hidden=[1]", "data.validation=58000", "data.split=last")


def startup(quick: bool) -> list[Task]:
    """Seconds that every command needs before it computes anything."""
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "import fmnist_lab": [sys.executable, "-c", "import fmnist_lab"],
        "--help": lab("--help"),
        "dry run": lab("dry_run=true"),
        "tiny run": lab("model=custom", *TINY),
    }
    return [Task(name, Setting(), partial(in_passing, command), 2) for name, command in commands.items()]


def in_passing(command: Sequence[str]) -> Quantities:
    """Return the seconds of a command in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        return timed(command, Path(folder))


def sweep(quick: bool) -> list[Task]:
    """Seconds of Table 1 with one worker and with two, and of the output of a finished sweep."""
    epochs = 1 if quick else 10
    settings = [Setting("table1", epochs=epochs, workers=workers) for workers in (1, 2)]
    tables = [Task("table1", each, partial(table1, each), (15 + 10 * epochs) / each.workers + 10) for each in settings]
    finished = Task("finished sweep", Setting("1", runs=200), rebuild_output, 20)
    return [*tables, finished]


def table1(setting: Setting) -> Quantities:
    """Return the seconds of `experiment=table1`, of its training and evaluation, and of the rest."""
    launcher = ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={setting.workers}"] if setting.workers > 1 else []
    with tempfile.TemporaryDirectory() as folder:
        measured = timed(lab("-m", "experiment=table1", f"epochs={setting.epochs}", *launcher), Path(folder))
        summaries = [json.loads(file.read_text("utf-8")) for file in Path(folder).glob("outputs/runs/*/summary.json")]
    computed = sum(summary["fit_seconds"] + summary["evaluate_seconds"] for summary in summaries)
    outside = measured["seconds"] - computed / setting.workers
    return measured | {
        "computed_seconds": computed,
        "outside_share": outside / measured["seconds"],
        "outside_seconds_a_run": outside / len(summaries),
    }


def rebuild_output() -> Quantities:
    """Return the seconds to find every run finished and to write tables and figures again."""
    command, folder = finished_sweep()
    return timed(command, Path(folder.name))


@cache
def finished_sweep() -> tuple[list[str], tempfile.TemporaryDirectory[str]]:
    """Train a sweep of 200 tiny runs, once; return its command and folder."""
    folder = tempfile.TemporaryDirectory()
    command = lab("-m", "seed=range(0,100)", "model=custom,torch", *TINY)
    execute(command, Path(folder.name))
    return command, folder


def memory(quick: bool) -> list[Task]:
    """Peak memory of one process with a run, of two at once, and of the command line."""
    alone, pair = Setting(epochs=5), Setting(epochs=5, workers=2)
    command = lab("model=custom", f"epochs={alone.epochs}")
    return [
        Task("run", alone, partial(watched, [peer_command("memory", alone)]), 8),
        Task("run", pair, partial(watched, [peer_command("memory", pair)] * 2), 10),
        Task("command line", alone, partial(watched, [command]), 10),
    ]


def watched(commands: Sequence[Sequence[str]]) -> Quantities:
    """Run commands at once; return the largest peak of one process and of their sum, shared pages split (MB)."""
    with tempfile.TemporaryDirectory() as folder:
        start = partial(subprocess.Popen, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        running = [start(command) for command in commands]
        peaks, together = [0.0], [0.0]
        while any(process.poll() is None for process in running):
            peaks += [memory_of(process.pid, "status", "VmHWM") for process in running]
            together.append(sum(memory_of(process.pid, "smaps_rollup", "Pss") for process in running))
            time.sleep(0.05)
    if any(process.returncode for process in running) or not max(together):
        raise subprocess.SubprocessError("the runs failed, or this system does not show a process's memory")
    return {"peak_mb": max(peaks), "pss_mb": max(together)}


def memory_of(pid: int, file: str, key: str) -> float:
    """Return a process's memory in MB as Linux has it; 0 once the process has ended, or on other systems."""
    try:
        text = Path(f"/proc/{pid}/{file}").read_text("utf-8")
    except OSError:
        return 0.0
    found = re.search(rf"^{key}:\s+(\d+) kB", text, flags=re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def lab(*arguments: str) -> list[str]:
    """Return the project's command line."""
    return [sys.executable, "-m", "fmnist_lab", *arguments]


def timed(command: Sequence[str], folder: Path) -> Quantities:
    """Return the seconds of a command in `folder`."""
    start = time.perf_counter()
    execute(command, folder)
    return {"seconds": time.perf_counter() - start}


PARTS: dict[str, Callable[[bool], list[Task]]] = {
    "epoch": epoch,
    "threads": threads,
    "pieces": pieces,
    "kernels": kernels,
    "scaling": scaling,
    "cold": cold,
    "startup": startup,
    "sweep": sweep,
    "memory": memory,
}
