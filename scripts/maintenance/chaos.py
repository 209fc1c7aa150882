"""Interrupt sweeps at random instants, continue them, and compare the outcome with that of an undisturbed sweep.

`python scripts/maintenance/chaos.py` with the project's Python, on Linux; `--strikes 3` for a first look. Each kind of
interruption is tried on a sweep of twelve small runs, with the basic launcher and with two joblib workers. The runs
that are finished at an interruption are noted: none of them may be written again. At the end, tables and weights must
equal those of the undisturbed sweep, bit for bit except for times. Prints a table; exit status 0 when nothing was
lost.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd

SEEDS = "seed=0,1,2,3,4,5,6,7,8,9,10,11"
SWEEP = (SEEDS, "model=custom", "epochs=2", "architecture.hidden=[8]", "data.validation=58000", "data.split=last")
LAUNCHERS = {"basic": (), "joblib": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")}
TIMES = ["train_seconds", "fit_seconds", "workers"]
LIMIT = 600  # seconds; a sweep that takes longer is taken to hang
SMALLEST, LARGEST = 1, 100_000  # bytes a file may have under a limit

Strike = Callable[["Arena", subprocess.Popen[str]], None]


@dataclass
class Tally:
    """The outcome of all strikes of one kind."""

    strikes: int = 0
    sweeps: int = 0
    finished: int = 0  # runs that were finished when a strike fell, summed over the strikes
    touched: int = 0  # finished runs that were lost or trained again
    different: int = 0  # sweeps whose outcome differs from that of an undisturbed one
    wrong: list[str] = field(default_factory=list)  # unexpected exit statuses and outputs


@dataclass
class Arena:
    """A folder in which one sweep is struck again and again."""

    folder: Path
    arguments: Sequence[str]
    chance: random.Random
    seen: dict[Path, tuple[int, int]] = field(
        default_factory=dict
    )  # time and inode of the summary of each finished run
    groups: list[int] = field(default_factory=list)

    def start(self, prepare: Callable[[], object] | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "fmnist_lab", "-m", "name=chaos", *self.arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        process = subprocess.Popen(command, cwd=self.folder, start_new_session=True, preexec_fn=prepare, **pipes)
        self.groups.append(process.pid)
        return process

    def finish(self) -> str:
        """Run the sweep to its end and return what it printed. Raises RuntimeError when its exit status is not 0."""
        process = self.start()
        printed, _ = process.communicate(timeout=LIMIT)
        if process.returncode:
            raise RuntimeError(f"status {process.returncode} at the end: {printed}")
        return printed

    def touched(self) -> int:
        """Return how many runs noted as finished have changed since, and note those that are finished now."""
        now = {}
        for path in (self.folder / "outputs" / "runs").glob("*/summary.json"):
            with contextlib.suppress(FileNotFoundError):
                now[path] = (path.stat().st_mtime_ns, path.stat().st_ino)
        count = sum(now.get(path) != stamp for path, stamp in self.seen.items())
        self.seen |= now
        return count

    def outcome(self) -> tuple[str, str, dict[str, bytes]]:
        """Return the two tables without their times, and the weights of every run."""
        sweep, runs = self.folder / "outputs" / "sweeps" / "chaos", self.folder / "outputs" / "runs"
        tables = (pd.read_csv(sweep / name, dtype=str) for name in ("results.csv", "curves.csv"))
        results, curves = (table.drop(columns=TIMES, errors="ignore").to_csv() for table in tables)
        return results, curves, {path.parent.name: path.read_bytes() for path in runs.glob("*/weights.safetensors")}

    def end(self) -> None:
        """Kill the workers that outlived their parents, by the process group of each sweep that was started here."""
        for group in self.groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)


def kill(arena: Arena, process: subprocess.Popen[str]) -> None:
    process.kill()


def terminate(arena: Arena, process: subprocess.Popen[str]) -> None:
    process.terminate()


def kill_worker(arena: Arena, process: subprocess.Popen[str]) -> None:
    """Wait until there are workers, then kill one of them."""
    while process.poll() is None:
        if workers := list(workers_of(process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(arena.chance.choice(workers), signal.SIGKILL)
            return
        time.sleep(0.01)


def workers_of(parent: int) -> Iterator[int]:
    """Yield the process ids of a sweep's joblib workers, from /proc."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(status[1]) == parent and b"LokyProcess" in (folder / "cmdline").read_bytes():
                yield int(folder.name)


def strike_until_done(arena: Arena, tally: Tally, strikes: int, seconds: float, strike: Strike) -> None:
    """Repeat the command, with a strike within `seconds` of its start, until it ends with status 0."""
    while True:
        process = arena.start()
        if tally.strikes < strikes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(arena.chance.uniform(0, seconds))
            if process.poll() is None:
                strike(arena, process)
                tally.strikes += 1
                tally.touched += arena.touched()
                tally.finished += len(arena.seen)
        if ended(process, tally, EXPECTED[strike]) == 0:
            return


def ended(process: subprocess.Popen[str], tally: Tally, expected: Sequence[int]) -> int:
    """Wait for the end, note an unexpected status or output, and return the status."""
    if process.wait(LIMIT) != -signal.SIGKILL:  # after SIGKILL the workers keep the pipe open
        printed = process.stdout.read() if process.stdout else ""
        if process.returncode not in expected or "Traceback" in printed:
            tally.wrong.append(f"status {process.returncode}: {printed}")
    if process.stdout:
        process.stdout.close()
    return process.returncode


# Exit statuses by kind of strike; a SIGTERM before Python has installed its handler ends the process by the signal.
EXPECTED: dict[Strike, tuple[int, ...]] = {
    kill: (0,),
    terminate: (0, 128 + signal.SIGTERM, -signal.SIGTERM),
    kill_worker: (0, 1),
}


def limit_files(arena: Arena, tally: Tally, strikes: int, seconds: float) -> None:
    """Limit the size of files at random, as on a full disk, and expect no traceback; then finish without limit."""
    for _ in range(3):
        if tally.strikes < strikes:
            size = round(SMALLEST * (LARGEST / SMALLEST) ** arena.chance.random())
            process = arena.start(partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size)))
            ended(process, tally, (0, 1, 2))
            tally.strikes += 1
            tally.touched += arena.touched()
            tally.finished += len(arena.seen)
    arena.finish()


WAYS: dict[str, tuple[Sequence[str], Callable[[Arena, Tally, int, float], None]]] = {
    "kill -9": (("basic", "joblib"), partial(strike_until_done, strike=kill)),
    "kill -9 of a worker": (("joblib",), partial(strike_until_done, strike=kill_worker)),
    "SIGTERM": (("basic", "joblib"), partial(strike_until_done, strike=terminate)),
    "file-size limit": (("basic", "joblib"), limit_files),
}


def attempt(way: str, launcher: str, strikes: int, sweep: Sequence[str] = SWEEP, seed: int = 0) -> Tally:
    """Strike sweeps in one way until there were `strikes`, each sweep in a folder of its own; return the outcome."""
    chance, tally = random.Random(f"{way} {launcher} {seed}"), Tally()
    arguments = [*sweep, *LAUNCHERS[launcher]]
    with arena_of(arguments, chance) as arena:
        start = time.perf_counter()
        arena.finish()
        seconds = time.perf_counter() - start
        undisturbed = arena.outcome()
    while tally.strikes < strikes:
        with arena_of(arguments, chance) as arena:
            WAYS[way][1](arena, tally, strikes, seconds)
            tally.sweeps += 1
            printed = arena.finish()  # again: nothing may be left to train
            tally.touched += arena.touched()
            tally.different += arena.outcome() != undisturbed or "nothing to train" not in printed
    return tally


@contextlib.contextmanager
def arena_of(arguments: Sequence[str], chance: random.Random) -> Iterator[Arena]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        arena = Arena(Path(folder), arguments, chance)
        try:
            yield arena
        finally:
            arena.end()


def main() -> int:
    parser = argparse.ArgumentParser(description="Interrupt sweeps at random instants and see what is lost.")
    parser.add_argument("--strikes", type=int, default=30, help="of each kind (default 30)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), metavar="WAY", help=", ".join(WAYS))
    parser.add_argument("--seed", type=int, default=0, help="of the random instants")
    options = parser.parse_args()
    columns = ("struck by", "launcher", "strikes", "sweeps", "finished runs at risk", "lost or redone", "other outcome")
    print(f"| {' | '.join(columns)} |\n| --- | --- | ---: | ---: | ---: | ---: | ---: |", flush=True)
    kept = True
    for way in options.ways:
        for launcher in WAYS[way][0]:
            tally = attempt(way, launcher, options.strikes, seed=options.seed)
            counts = (tally.strikes, tally.sweeps, tally.finished, tally.touched, tally.different)
            print(f"| {way} | {launcher} | {' | '.join(map(str, counts))} |", flush=True)
            for wrong in tally.wrong:
                print(wrong, file=sys.stderr)
            kept = kept and not (tally.touched or tally.different or tally.wrong)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
