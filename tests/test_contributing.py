"""CONTRIBUTING.md names what exists: test files, make targets, marks and all eight promises."""

import re
import tomllib

from support.paths import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
PROMISES = range(1, 9)


def promises() -> dict[str, list[str]]:
    """Return the test files of each promise in the table, by the text of the promise."""
    table = TEXT.partition("| promise |")[2].partition("\n\n")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines()[2:]]
    return {promise.strip(): re.findall(r"`([^`]+)`", proofs) for promise, proofs, _ in rows}


def test_every_promise_has_its_proof() -> None:
    proved = {int(number[1]) for row in promises() if (number := re.match(r"(\d)\.", row))}
    assert proved == set(PROMISES)
    assert all(promises().values())


def test_the_test_files_exist() -> None:
    named = set(re.findall(r"`(tests/[^`]+)`", TEXT))
    assert named >= set().union(*promises().values())
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_the_links_lead_to_files() -> None:
    targets = re.findall(r"\]\(([^)#]+)", TEXT)
    assert targets
    assert [target for target in targets if not (ROOT / target).is_file()] == []


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    assert set(re.findall(r"`make ([\w-]+)`", TEXT)) <= targets


def test_the_marks_exist() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]
    registered = {marker.partition(":")[0] for marker in options["markers"]}
    assert set(re.findall(r"marked `(\w+)`", TEXT)) <= registered


def test_it_fits_on_a_screen() -> None:
    assert len(TEXT.splitlines()) <= 42
