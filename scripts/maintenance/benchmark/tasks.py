"""What is measured, one fresh process at a time: tasks, and the rounds in which they take turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

PEERS = Path(__file__).resolve().parent / "peers"
CHOICE = "OPENBLAS_CORETYPE"  # the environment variable that names OpenBLAS's kernels
LIMIT = 3600  # seconds; what takes longer hangs

Quantities = dict[str, float]


@dataclass(frozen=True)
class Setting:
    """Under what a contender is measured; what does not apply to it stays as it is."""

    hidden: str = "256,128"
    batch_size: int = 128
    epochs: int = 1
    threads: int = 1
    runs: int = 1
    workers: int = 1


SETTINGS = [item.name for item in fields(Setting)]


@dataclass(frozen=True)
class Task:
    """One thing to measure: by whom, under what, how, and about how many seconds that takes."""

    contender: str
    setting: Setting
    measure: Callable[[], Quantities]
    expected: float


@dataclass
class Rounds:
    """Measurements so far, a row a quantity, and why some are missing."""

    rows: list[dict[str, Any]]
    failures: dict[str, str]

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows, columns=["round", "contender", *SETTINGS, "quantity", "value"])


def take_turns(tasks: Sequence[Task], rounds: int, print: Callable[[str], object]) -> Iterator[Rounds]:
    """Measure every task once a round; after each round, everything so far.

    Every other round goes backwards, so that nobody always comes first. A task that failed is not tried again.
    """
    done = Rounds([], {})
    for number in range(1, rounds + 1):
        for task in tasks if number % 2 else reversed(tasks):
            name = f"{task.contender} [{task.setting.hidden}]"
            if name in done.failures:
                continue
            try:
                measured = task.measure()
            except subprocess.SubprocessError as error:
                done.failures[name] = reason(error)
                print(f"  {name}: not measured: {done.failures[name]}")
                continue
            told = {"round": number, "contender": task.contender, **asdict(task.setting)}
            done.rows += [{**told, "quantity": quantity, "value": value} for quantity, value in measured.items()]
        print(f"  round {number} of {rounds}")
        yield done


def reason(error: subprocess.SubprocessError) -> str:
    """The last line of what a process complained."""
    complaint = str(getattr(error, "stderr", None) or "").strip()
    return complaint.splitlines()[-1] if complaint else str(error)


def peer_command(script: str, setting: Setting, **more: Any) -> list[str]:
    """The command line of a peer."""
    told = {
        "hidden": setting.hidden,
        "batch": setting.batch_size,
        "epochs": setting.epochs,
        "threads": setting.threads,
    }
    options = [f"--{name.replace('_', '-')}={value}" for name, value in (told | more).items()]
    return [sys.executable, str(PEERS / f"{script}.py"), *options]


def peer(script: str, setting: Setting, kernels: str | None = None, **more: Any) -> dict[str, Any]:
    """What a peer measured, from a fresh process of its own; `kernels` are those that OpenBLAS is told to use."""
    environment = {CHOICE: kernels} if kernels else {}
    told = execute(peer_command(script, setting, **more), environment=environment).splitlines()
    measured: dict[str, Any] = json.loads(told[-1])
    return measured


def quantities(measured: dict[str, Any]) -> Quantities:
    """A peer's numbers: of its epochs the median and the sum, of their losses the last."""
    seconds = measured.pop("seconds", None)
    losses = measured.pop("losses", None)
    epochs = {"seconds": median(seconds), "total_seconds": sum(seconds)} if seconds else {}
    return epochs | ({"loss": losses[-1]} if losses else {}) | measured


def execute(command: Sequence[str], folder: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """Run a command to its end; what it printed. Raises SubprocessError when it fails or hangs."""
    told = {**os.environ, **(environment or {})}
    done = subprocess.run(command, cwd=folder, env=told, check=True, capture_output=True, text=True, timeout=LIMIT)
    return done.stdout
