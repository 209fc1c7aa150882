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
TRIED = (0, 1)  # pytest's exit statuses after it has come to every test


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--write"]:
        write([Path(name) for name in arguments[1:]])
        return 0
    with tempfile.TemporaryDirectory() as folder, real_slurm() as environment:
        results = Path(folder) / "results.xml"
        status = run_tests(results, environment, arguments)
        if not arguments and status in TRIED:
            write([results])
    return status


@contextlib.contextmanager
def real_slurm() -> Iterator[Mapping[str, str]]:
    """Yield the environment variables of a running SLURM; without its programs none, after a message."""
    if missing():
        install()
    if absent := missing():
        print(f"no SLURM here ({', '.join(absent)} missing): its tests are skipped", file=sys.stderr)
        yield {}
    else:
        with running() as environment:
            yield environment


def run_tests(results: Path, environment: Mapping[str, str], arguments: Sequence[str]) -> int:
    pytest = [sys.executable, "-m", "pytest", "-n", "0", "-m", "launchers or not launchers", "tests/sweeps/launchers"]
    kept = [
        f"--junitxml={results}",
        "-o",
        "junit_family=xunit1",
    ]  # the family that keeps the properties that tests record
    return subprocess.run([*pytest, *kept, *arguments], cwd=ROOT, env=os.environ | environment).returncode


def write(results: Sequence[Path]) -> None:
    """Write the two tables from the files of pytest, as CSV and in the page."""
    cases = latest(case for file in results for case in ElementTree.parse(file).iter("testcase"))
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
    """Return each test once, from the last file in which it was not skipped."""
    kept: dict[tuple[str, str], ElementTree.Element] = {}
    for case in cases:
        name = (case.get("classname", ""), case.get("name", ""))
        if name not in kept or case.find("skipped") is None:
            kept[name] = case
    return list(kept.values())


def contract(cases: Iterable[ElementTree.Element]) -> list[list[str]]:
    """Return a row a promise: the worst outcome of its tests on each launcher."""
    promises: dict[str, dict[str, str]] = {}
    for case in cases:
        found = re.fullmatch(r"test_(\w+)\[(\w+)(-.*)?\]", case.get("name", ""))
        if found and "test_contract" in case.get("classname", ""):
            outcomes = promises.setdefault(found[1].replace("_", " "), {})
            outcomes[found[2]] = max(outcomes.get(found[2], "yes"), outcome(case), key=OUTCOMES.index)
    rows = [[promise, *(found.get(name, "not tried") for name in LAUNCHERS)] for promise, found in promises.items()]
    return [["promise", *LAUNCHERS], *rows]


def faults(cases: Iterable[ElementTree.Element]) -> list[list[str]]:
    """Return a row a fault: what the command printed and did, and whether that is as it should be."""
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
    """Return the date, the versions and the number of machines."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("joblib", "submitit", "ray"))
    output = subprocess.run(["slurmd", "-V"], capture_output=True, text=True).stdout if not missing() else ""
    slurm = output.split()[1] if output else "none"
    return f"{datetime.date.today()}, Python {platform.python_version()}, SLURM {slurm}, {versions}; one machine."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
