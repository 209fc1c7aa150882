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
    options = arguments()
    rounds = QUICK if options.quick else FULL
    tasks = {part: tasks_of(part, options.contenders, options.quick) for part in options.parts}
    expected = {part: rounds * sum(task.expected for task in listed) / 60 for part, listed in tasks.items()}
    for part, minutes in expected.items():
        show(f"{part}: {len(tasks[part])} tasks, {rounds} rounds: about {minutes:.0f} min")
    show(f"about {sum(expected.values()):.0f} min in all; results in {options.out}")
    options.out.mkdir(parents=True, exist_ok=True)
    for part in options.parts:
        measure(part, tasks[part], rounds, options)
    show(markdown(results.write(options.out), digits=4))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the project against the machine and other programs.")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} rounds instead of {FULL}: only for a first look")
    parser.add_argument("--parts", type=names(PARTS), default=list(PARTS), help=f"of {','.join(PARTS)}")
    parser.add_argument("--contenders", type=names(CONTENDERS), default=list(CONTENDERS), help=",".join(CONTENDERS))
    parser.add_argument("--out", type=Path, default=Path("outputs/benchmark"), help="folder of the results")
    return parser.parse_args()


def names(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Return a parser for argparse: a comma-separated list of `known` names. It raises ArgumentTypeError for others."""

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        unknown = [name for name in chosen if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: must be of {', '.join(known)}")
        return chosen

    return parse


def tasks_of(part: str, contenders: list[str], quick: bool) -> list[Task]:
    """Return the tasks of a part, without those of contenders that are not listed."""
    unwanted = set(CONTENDERS) - set(contenders)
    return [task for task in PARTS[part](quick) if task.contender not in unwanted]


def measure(part: str, tasks: list[Task], rounds: int, options: argparse.Namespace) -> None:
    """Measure a part and save the measurements so far after every round."""
    show(part)
    conditions = results.conditions(rounds, options.quick, described(options))
    for done in take_turns(tasks, rounds, show):
        results.save(options.out, part, done.frame(), conditions | {"not_measured": done.failures})


def described(options: argparse.Namespace) -> str:
    """Return the options as text, without `--out`: a path of one machine is of no use in a committed file."""
    quick = ["--quick"] if options.quick else []
    return " ".join([*quick, f"--parts {','.join(options.parts)}", f"--contenders {','.join(options.contenders)}"])


def show(text: str) -> None:
    """Print a line at once, also into a file or pipe."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
