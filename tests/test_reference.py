"""The committed reproduction: of this code, and the README tells what is in it."""

import json
import runpy
from pathlib import Path

from fmnist_lab.run import NUMERICS

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "outputs" / "reference"


def test_the_numerics_are_those_of_the_code():
    told = json.loads((REFERENCE / "paper" / "provenance.json").read_text("utf-8"))
    assert told["numerics stamp"] == [str(NUMERICS)]


def test_the_readme_tells_what_was_measured():
    script = runpy.run_path(str(ROOT / "scripts" / "reference.py"))
    readme = (ROOT / "README.md").read_text("utf-8")
    told = readme.partition("<!-- measured: begin")[2].partition("-->\n")[2].partition("<!-- measured: end")[0]
    assert told == script["measured"]()


def test_nothing_tells_of_the_machine_that_made_it():
    texts = [
        path.read_text("utf-8") for path in REFERENCE.rglob("*") if path.suffix in {".csv", ".json", ".md", ".txt"}
    ]
    assert texts
    assert not any(word in text for word in ("/home/", "/root/", "/tmp/", "C:\\") for text in texts)
