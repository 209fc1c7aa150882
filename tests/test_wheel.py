"""The wheel works in another folder, with the configuration it carries."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fmnist_lab.comparison.verdict_statistics import VERDICTS
from support.paths import ROOT

pytestmark = pytest.mark.promise


def python(*arguments: str, folder: Path, **environment: str) -> str:
    outcome = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=os.environ | environment, capture_output=True, text=True
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


TABLE = """
title: A made-up paper
source: A. Author, 2024, Table 2
data.validation: 59000
epochs: 1
lr: 0.1
rows:
  - {architecture.hidden: [8], model: custom, published: 0.6}
  - {architecture.hidden: [8], model: torch, published: 0.99}
  - {architecture.hidden: [32], model: custom, published: 0.62, runs: 3}
  - {architecture.hidden: [32], model: torch, published: 0.5, runs: 49, sd: 0.05}
  - {architecture.hidden: [32], model: torch, metric: test_loss, published: 1.5}
  - {experiment: mine, metric: validation_loss, published: 1.2}
"""
PRESET = """# @package _global_
# python -m fmnist_lab --config-dir presets -m experiment=mine
architecture: {hidden: [16]}
hydra: {sweeper: {params: {lr: "0.05,0.1"}}}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Runs Python on an installed wheel, in a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    python("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), folder=ROOT)
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    python(
        "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site), str(wheel), folder=folder
    )
    return lambda *arguments, folder: python(*arguments, folder=folder, PYTHONPATH=str(site))


def test_the_wheel_carries_what_it_needs(installed, tmp_path):
    program = (
        "from fmnist_lab.config.paths import conf_folder; import fmnist_lab; print(conf_folder(), fmnist_lab.__file__)"
    )
    conf, package = installed("-c", program, folder=tmp_path).split()
    assert Path(conf) == Path(package).parent / "conf"
    templates = "from fmnist_lab.results.html import environment; print(*sorted(environment().list_templates()))"
    assert {"page.css", "page.html.j2", "page.js", "table.html.j2"} <= {
        *installed("-c", templates, folder=tmp_path).split()
    }
    tables = "from fmnist_lab.comparison.table_format import shipped; print(*shipped())"
    assert installed("-c", tables, folder=tmp_path).split() == ["quickstart", "zalando"]


def test_the_wheel_runs_from_another_folder(installed, tmp_path):
    small = ("epochs=1", "architecture.hidden=[8]", "data.validation=58000")
    launched = ("-m", "lr=0.1", "hydra/launcher=joblib")
    output = installed("-m", "fmnist_lab", *launched, *small, folder=tmp_path)
    assert output.startswith("2 runs to train")
    assert len(list((tmp_path / "outputs" / "runs").glob("*/summary.json"))) == 2


def test_a_table_of_ones_own_is_compared_by_a_file_and_one_command(installed, tmp_path):
    (tmp_path / "paper.yaml").write_text(TABLE)
    (tmp_path / "presets" / "experiment").mkdir(parents=True)
    (tmp_path / "presets" / "experiment" / "mine.yaml").write_text(PRESET)
    own = ("--config-dir", "presets")
    output = installed("-m", "fmnist_lab", "compare", "paper.yaml", "--seeds", "2", *own, folder=tmp_path)
    assert output.startswith("10 runs to train")
    folder = tmp_path / "outputs" / "checks" / "paper"
    table = list(csv.DictReader((folder / "table.csv").read_text("utf-8").splitlines()))
    assert [row["n"] for row in table] == ["2"] * 6
    assert all(row["verdict"] in VERDICTS and row["reason"] for row in table)
    assert "<h1>A made-up paper</h1>" in (folder / "index.html").read_text("utf-8")

    preset = ("-m", "experiment=mine", "model=custom", "epochs=1", "data.validation=59000")
    assert installed("-m", "fmnist_lab", *own, *preset, folder=tmp_path).startswith("2 runs")
