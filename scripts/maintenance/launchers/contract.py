"""Run the contract tests on every launcher, against a real SLURM, and write their tables.

`python scripts/maintenance/launchers/contract.py` with a Python that has `fmnist-lab[dev,slurm,ray]`. When every test
was tried, it writes contract.csv and faults.csv in measurements/, and their tables in docs/cluster.md. Arguments go to
pytest; then nothing is written. `--write FILE ...` writes the tables from files that pytest made before
(`--junitxml=FILE`).
"""

from __future__ import annotations

import contextlib
import csv
import datetime
import os
import platform
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from slurm import install, missing, running

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "cluster.md"
MEASUREMENTS = Path(__file__).with_name("measurements")
LAUNCHERS = ("basic", "joblib", "submitit_local", "slurm", "ray")
OUTCOMES = ("yes", "not tried", "NO")  # from good to bad
TRIED = (0, 1)  # what pytest returns when it has come to every test; else the report is not of all


def main(words: Sequence[str]) -> int:
    if words[:1] == ["--write"]:
        write([Path(name) for name in words[1:]])
        return 0
    with tempfile.TemporaryDirectory() as folder, real_slurm() as environment:
        report = Path(folder) / "report.xml"
        status = run_tests(report, environment, words)
        if not words and status in TRIED:
            write([report])
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
    pytest = [sys.executable, "-m", "pytest", "-n", "0", "-m", "launchers or not launchers", "tests/sweeps/launchers"]
    kept = [f"--junitxml={report}", "-o", "junit_family=xunit1"]  # the family that keeps what the tests have seen
    return subprocess.run([*pytest, *kept, *words], cwd=ROOT, env=os.environ | environment).returncode


def write(reports: Sequence[Path]) -> None:
    """The tables of what the reports hold, as CSV and in the page."""
    cases = latest(case for report in reports for case in ElementTree.parse(report).iter("testcase"))
    tables = {"contract": contract(cases), "faults": faults(cases)}
    page = PAGE.read_text(encoding="utf-8")
    for name, rows in tables.items():
        path = MEASUREMENTS / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
        begin, end = f"<!-- {name}: begin (written by make test-launchers) -->", f"<!-- {name}: end -->"
        page = f"{page.split(begin)[0]}{begin}\n{markdown(rows)}\n\n{conditions()}\n{end}{page.split(end)[1]}"
    PAGE.write_text(page, encoding="utf-8")


def latest(cases: Iterable[ElementTree.Element]) -> list[ElementTree.Element]:
    """Each test once, as the last report that tried it has it."""
    kept: dict[tuple[str, str], ElementTree.Element] = {}
    for case in cases:
        name = (case.get("classname", ""), case.get("name", ""))
        if name not in kept or case.find("skipped") is None:
            kept[name] = case
    return list(kept.values())


def contract(cases: Iterable[ElementTree.Element]) -> list[list[str]]:
    """A row a promise: the worst outcome of its tests on each launcher."""
    promises: dict[str, dict[str, str]] = {}
    for case in cases:
        found = re.fullmatch(r"test_(\w+)\[(\w+)(-.*)?\]", case.get("name", ""))
        if found and "test_contract" in case.get("classname", ""):
            its = promises.setdefault(found[1].replace("_", " "), {})
            its[found[2]] = max(its.get(found[2], "yes"), outcome(case), key=OUTCOMES.index)
    kept = [[promise, *(its.get(name, "not tried") for name in LAUNCHERS)] for promise, its in promises.items()]
    return [["promise", *LAUNCHERS], *kept]


def faults(cases: Iterable[ElementTree.Element]) -> list[list[str]]:
    """A row a fault: what the command said and did, and whether that is what it should."""
    rows = [["fault", "what was seen", "as it should be"]]
    for case in cases:
        if "test_faults" in case.get("classname", ""):
            name, _, option = case.get("name", "").removeprefix("test_").partition("[")
            fault = name.replace("_", " ") + (f" ({option[:-1].split('-')[0]})" if option else "")
            seen = "; ".join(each.get("value", "") for each in case.iter("property"))
            rows.append([fault, seen, outcome(case)])
    return rows


def outcome(case: ElementTree.Element) -> str:
    tags = {child.tag for child in case}
    return "NO" if tags & {"failure", "error"} else "not tried" if "skipped" in tags else "yes"


def markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body))


def conditions() -> str:
    """What it was tried with, and when."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("joblib", "submitit", "ray"))
    said = subprocess.run(["slurmd", "-V"], capture_output=True, text=True).stdout if not missing() else ""
    slurm = said.split()[1] if said else "none"
    return f"{datetime.date.today()}, Python {platform.python_version()}, SLURM {slurm}, {versions}; one machine."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
