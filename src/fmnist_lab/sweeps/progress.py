"""The progress of a sweep, read from the records of its runs.

The records are all that the command and the workers share, so this works in the same way for every launcher. A run
appends to its history after each epoch and writes its summary at the end; a thread of the command reads both a few
times a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from fmnist_lab.sweeps.console import Console
from fmnist_lab.sweeps.job import Job

SECONDS_BETWEEN_LOOKS = 0.25
PAUSE = 20  # the pause is at least this many times as long as the look: with many runs, or over a slow network


@contextmanager
def following(todo: Sequence[Job], console: Console) -> Iterator[Watch]:
    """Show the progress of `todo` while the body runs; the watch gives the runs that have not ended."""
    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[state]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console.screen,
        disable=not console.screen.is_terminal,
        transient=True,
    )
    stop = threading.Event()
    watch = Watch(todo, console, bars)

    def look_repeatedly() -> None:
        pause = SECONDS_BETWEEN_LOOKS
        while not stop.wait(pause):
            start = time.perf_counter()
            watch.look()
            pause = max(SECONDS_BETWEEN_LOOKS, PAUSE * (time.perf_counter() - start))

    with bars:
        thread = threading.Thread(target=look_repeatedly, name="progress", daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            stop.set()
            thread.join()
            watch.look()


@dataclass
class Watch:
    """Compares the records with what was seen before, and prints what is new."""

    todo: Sequence[Job]
    console: Console
    bars: Progress
    seen: dict[int, int] = field(default_factory=dict)  # epochs that have been shown, by place
    ended: set[int] = field(default_factory=set)
    tasks: dict[int, TaskID] = field(default_factory=dict)
    looking: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.total = self.bars.add_task("runs", total=sum(job.cost for job in self.todo), state=f"0/{len(self.todo)}")
        # To ignore what an earlier attempt left.
        self.old = {job.place: _stamp(job) for job in self.todo}

    def remaining(self) -> list[Job]:
        """Return the runs that have not ended; last those that had begun, as one of them may have killed its worker."""
        self.look()
        remaining = [job for job in self.todo if job.place not in self.ended]
        return sorted(remaining, key=lambda job: job.place in self.tasks)

    def look(self) -> None:
        with self.looking:
            self._look()

    def _look(self) -> None:
        for job in self.todo:
            if job.place not in self.ended:
                self._look_at(job)
        done = sum(self.seen.get(job.place, 0) * job.epoch_cost for job in self.todo if job.place not in self.ended)
        done += sum(job.cost for job in self.todo if job.place in self.ended)
        self.bars.update(self.total, completed=done, state=f"{len(self.ended)}/{len(self.todo)}")

    def _look_at(self, job: Job) -> None:
        summary = job.record.summary()
        if summary is None and _stamp(job) == self.old[job.place]:
            return
        history = job.record.history()
        if len(self.todo) == 1:
            for epoch in history[self.seen.get(job.place, 0) :]:
                self.console.print(_epoch_line(epoch, job.config.epochs))
        self.seen[job.place] = len(history)
        self._show_bar(job, len(history))
        if summary is not None or job.record.error() is not None:
            self._end(job, summary)

    def _show_bar(self, job: Job, epochs: int) -> None:
        if job.place not in self.tasks:
            self.tasks[job.place] = self.bars.add_task(job.label, total=job.config.epochs, state="")
        self.bars.update(self.tasks[job.place], completed=epochs, state=f"epoch {epochs}/{job.config.epochs}")

    def _end(self, job: Job, summary: dict[str, Any] | None) -> None:
        self.ended.add(job.place)
        self.bars.remove_task(self.tasks[job.place])
        self.console.print(f"[{len(self.ended)}/{len(self.todo)}] {job.label}: {_outcome(summary)}")


def _stamp(job: Job) -> int | None:
    """Return when the run began, in nanoseconds; it changes when the run begins again. None before the first time."""
    try:
        return (job.record.folder / "config.yaml").stat().st_mtime_ns
    except OSError:
        return None


def _epoch_line(epoch: dict[str, float], epochs: int) -> str:
    return (
        f"epoch {epoch['epoch']:.0f}/{epochs}: training loss {epoch['train_loss']:.4f}, "
        f"validation accuracy {epoch['validation_accuracy']:.2%}, {epoch['train_seconds']:.1f} s"
    )


def _outcome(summary: dict[str, Any] | None) -> str:
    if summary is None:
        return "failed"
    if summary["status"] == "diverged":
        return f"diverged in epoch {summary['epochs']}"
    return (
        f"validation accuracy {summary['validation_accuracy']:.2%}, test accuracy {summary['test_accuracy']:.2%}, "
        f"{summary['fit_seconds']:.1f} s"
    )
