"""Measure how fast the project is, against the machine's peak rate and other programs that train the same network.

`python scripts/maintenance/benchmark/run.py` with the project's Python, on a machine with nothing else to do; about an
hour, or `--quick` for a first look. JAX and scikit-learn come with the extra `benchmark`; a program that is not
installed is left out and listed as such. The measurements of each part stay in the folder, so that parts can be
measured one after another.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where the package `benchmark` lies

from benchmark import results
from benchmark.parts import CONTENDERS, PARTS
from benchmark.tables import markdown
from benchmark.tasks import Task, take_turns

FULL, QUICK = 7, 2  # rounds


def main() -> int:
    told = arguments()
    rounds = QUICK if told.quick else FULL
    tasks = {part: tasks_of(part, told.contenders, told.quick) for part in told.parts}
    expected = {part: rounds * sum(task.expected for task in its) / 60 for part, its in tasks.items()}
    for part, minutes in expected.items():
        print(f"{part}: {len(tasks[part])} things to measure, {rounds} times each: about {minutes:.0f} min")
    print(f"about {sum(expected.values()):.0f} min in all; results in {told.out}")
    told.out.mkdir(parents=True, exist_ok=True)
    for part in told.parts:
        measure(part, tasks[part], rounds, told)
    print(markdown(results.write(told.out), digits=4))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the project against the machine and its rivals.")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} rounds instead of {FULL}: only for a look")
    parser.add_argument("--parts", type=names(PARTS), default=list(PARTS), help=f"of {','.join(PARTS)}")
    parser.add_argument("--contenders", type=names(CONTENDERS), default=list(CONTENDERS), help=",".join(CONTENDERS))
    parser.add_argument("--out", type=Path, default=Path("outputs/benchmark"), help="folder of the results")
    return parser.parse_args()


def names(known: Iterable[str]) -> Callable[[str], list[str]]:
    """A comma-separated list of known names, as argparse wants it."""

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        unknown = [name for name in chosen if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: must be of {', '.join(known)}")
        return chosen

    return parse


def tasks_of(part: str, contenders: list[str], quick: bool) -> list[Task]:
    """A part's tasks, those of contenders that were not asked for left out."""
    unwanted = set(CONTENDERS) - set(contenders)
    return [task for task in PARTS[part](quick) if task.contender not in unwanted]


def measure(part: str, tasks: list[Task], rounds: int, told: argparse.Namespace) -> None:
    """Measure a part, keeping what there is after every round."""
    print(part)
    conditions = results.conditions(rounds, told.quick, options(told))
    for done in take_turns(tasks, rounds, print):
        results.save(told.out, part, done.frame(), conditions | {"not_measured": done.failures})


def options(told: argparse.Namespace) -> str:
    """What was asked for, without the folder: the path of a machine belongs in no file."""
    quick = ["--quick"] if told.quick else []
    return " ".join([*quick, f"--parts {','.join(told.parts)}", f"--contenders {','.join(told.contenders)}"])


def print(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
