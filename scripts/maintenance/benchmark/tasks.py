"""Measure tasks in rounds, each task in a process of its own."""

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
    """The settings under which a contender is measured; those that do not apply keep their defaults."""

    hidden: str = "256,128"
    batch_size: int = 128
    epochs: int = 1
    threads: int = 1
    runs: int = 1
    workers: int = 1


SETTINGS = [item.name for item in fields(Setting)]


@dataclass(frozen=True)
class Task:
    """A measurement: of which contender, with which setting, by which function, and its expected seconds."""

    contender: str
    setting: Setting
    measure: Callable[[], Quantities]
    expected: float


@dataclass
class Rounds:
    """The measurements so far, a row a quantity, and the reasons why some are missing."""

    rows: list[dict[str, Any]]
    failures: dict[str, str]

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows, columns=["round", "contender", *SETTINGS, "quantity", "value"])


def take_turns(tasks: Sequence[Task], rounds: int, show: Callable[[str], object]) -> Iterator[Rounds]:
    """Measure every task once a round; yield all measurements so far after each round.

    Every other round goes backwards, so that no contender always comes first. A task that failed is not tried again.
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
                show(f"  {name}: not measured: {done.failures[name]}")
                continue
            row = {"round": number, "contender": task.contender, **asdict(task.setting)}
            done.rows += [{**row, "quantity": quantity, "value": value} for quantity, value in measured.items()]
        show(f"  round {number} of {rounds}")
        yield done


def reason(error: subprocess.SubprocessError) -> str:
    """Return the last line of a process's error output, or the error itself."""
    complaint = str(getattr(error, "stderr", None) or "").strip()
    return complaint.splitlines()[-1] if complaint else str(error)


def peer_command(script: str, setting: Setting, **more: Any) -> list[str]:
    """Return the command line of a peer."""
    usual = {
        "hidden": setting.hidden,
        "batch": setting.batch_size,
        "epochs": setting.epochs,
        "threads": setting.threads,
    }
    options = [f"--{name.replace('_', '-')}={value}" for name, value in (usual | more).items()]
    return [sys.executable, str(PEERS / f"{script}.py"), *options]


def peer(script: str, setting: Setting, kernels: str | None = None, **more: Any) -> dict[str, Any]:
    """Run a peer in a new process, with these OpenBLAS `kernels` if given; return what it measured."""
    environment = {CHOICE: kernels} if kernels else {}
    lines = execute(peer_command(script, setting, **more), environment=environment).splitlines()
    measured: dict[str, Any] = json.loads(lines[-1])
    return measured


def quantities(measured: dict[str, Any]) -> Quantities:
    """Return a peer's quantities: median and sum of the epochs' seconds, the last loss, and what else it measured."""
    seconds = measured.pop("seconds", None)
    losses = measured.pop("losses", None)
    epochs = {"seconds": median(seconds), "total_seconds": sum(seconds)} if seconds else {}
    return epochs | ({"loss": losses[-1]} if losses else {}) | measured


def execute(command: Sequence[str], folder: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """Run a command and return what it printed. Raises SubprocessError when it fails or exceeds the limit."""
    variables = {**os.environ, **(environment or {})}
    done = subprocess.run(command, cwd=folder, env=variables, check=True, capture_output=True, text=True, timeout=LIMIT)
    return done.stdout
