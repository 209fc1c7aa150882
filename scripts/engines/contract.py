"""The contract tests on every launcher, against a real SLURM, and their table.

`python scripts/engines/contract.py` with a Python that has `fmnist-lab[dev,slurm,ray]`; words after it go to pytest.
Writes docs/cluster/contract.csv, and the table into docs/cluster.md, when all of the contract was tried.
"""

from __future__ import annotations

import contextlib
import csv
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from slurm import install, missing, running

ROOT = Path(__file__).resolve().parents[2]
PAGE, TABLE = ROOT / "docs" / "cluster.md", ROOT / "docs" / "cluster" / "contract.csv"
LAUNCHERS = ("basic", "joblib", "submitit_local", "slurm", "ray")
MARKS = {"passed": "yes", "skipped": "not tried", "failed": "NO"}

Outcomes = dict[str, dict[str, str]]  # promise -> launcher -> outcome


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, real_slurm() as environment:
        report = Path(folder) / "report.xml"
        status = run_tests(report, environment, sys.argv[1:])
        outcomes = read(report)
    print(markdown(outcomes))
    if not sys.argv[1:]:
        write(outcomes)
    return status


@contextlib.contextmanager
def real_slurm() -> Iterator[Mapping[str, str]]:
    """The environment in which SLURM answers; without its programs SLURM's tests are skipped, and say so."""
    if missing():
        install()
    if absent := missing():
        print(f"no SLURM here ({', '.join(absent)} missing): its part is skipped", file=sys.stderr)
        yield {}
    else:
        with running() as environment:
            yield environment


def run_tests(report: Path, environment: Mapping[str, str], words: Sequence[str]) -> int:
    pytest = [sys.executable, "-m", "pytest", "-m", "engines or not engines", f"--junitxml={report}", "tests/engines"]
    return subprocess.run([*pytest, *words], cwd=ROOT, env=os.environ | environment).returncode


def read(report: Path) -> Outcomes:
    """The worst outcome of each promise on each launcher."""
    outcomes: Outcomes = {}
    for case in ElementTree.parse(report).iter("testcase"):
        found = re.fullmatch(r"test_(\w+)\[([\w-]+?)(-.*)?\]", case.get("name", ""))
        if "test_contract" not in case.get("classname", "") or found is None:
            continue
        state = "failed" if {"failure", "error"} & {child.tag for child in case} else "passed"
        state = "skipped" if case.find("skipped") is not None else state
        its = outcomes.setdefault(found[1].replace("_", " "), {})
        its[found[2]] = max(its.get(found[2], state), state, key=list(MARKS).index)
    return outcomes


def rows(outcomes: Outcomes) -> list[list[str]]:
    head = ["promise", *LAUNCHERS]
    return [
        head,
        *([promise, *(MARKS[its.get(name, "skipped")] for name in LAUNCHERS)] for promise, its in outcomes.items()),
    ]


def markdown(outcomes: Outcomes) -> str:
    head, *body = rows(outcomes)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body))


def write(outcomes: Outcomes) -> None:
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    with TABLE.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows(outcomes))
    page = PAGE.read_text(encoding="utf-8")
    begin, end = "<!-- contract: begin (written by make test-engines) -->", "<!-- contract: end -->"
    before, after = page.split(begin)[0], page.split(end)[1]
    PAGE.write_text(f"{before}{begin}\n{markdown(outcomes)}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
