"""The command of the saddle: the files that it writes, its exit status, and one line for wrong input."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fmnist_lab.compose import compose_as
from fmnist_lab.config.schema import constraints
from fmnist_lab.errors import InputError
from fmnist_lab.saddle import network
from fmnist_lab.saddle.config import SaddleConfig
from fmnist_lab.saddle.figures import FIGURES
from fmnist_lab.saddle.run import COLUMNS, run_saddle

pytestmark = pytest.mark.promise

COMMAND = [sys.executable, "-m", "fmnist_lab", "saddle"]

WRONG = {
    "depths=[0]": "depths=[0]: must be a list of one or more different whole numbers from 1 to 5",
    "depths=[]": "depths=[]: must be a list",
    "depths=[1,1]": "depths=[1, 1]: must be a list",
    "depths=2": "depths=2: must be a list",
    "width=0": "width=0: must be a whole number of at least 1",
    "data.dim=785": "data.dim=785: must be a whole number from 1 to 784",
    "data.dim=0": "data.dim=0: must be a whole number from 1 to 784",
    "data.pixels=some": "data.pixels=some: must be one of pca, full",
    "data.images=60001": "data.images=60001: must be a whole number from 1000 to 60000",
    "checks=[gradients]": "checks=['gradients']: must be a list of one or more of gradient, hessian",
    "checks=[]": "checks=[]: must be a list of one or more of",
    "escape.scales=[0.01]": "escape.scales=[0.01]: must be a list of two or more different numbers",
    "staircase.lr=-1": "staircase.lr=-1.0: must be a number above 0",
    "staircase.lr=nan": "staircase.lr=nan: must be a number above 0",
    "+depth=2": "depth: there is no such key; did you mean depths?",
}


@pytest.mark.parametrize("override", WRONG)
def test_a_wrong_value_is_named(override):
    """In this process, without the seconds that a command takes to start."""
    from fmnist_lab.compose_errors import WRONG_INPUT, explain

    with pytest.raises(WRONG_INPUT) as raised:
        compose_as(SaddleConfig, "saddle", override)
    assert explain(raised.value, SaddleConfig).startswith(WRONG[override])


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=folder, env=os.environ, capture_output=True, text=True, timeout=600
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["depths=[0]"], "depths=[0]: must be a list"),
        (["width=abc"], "width=abc: must be a whole number of at least 1"),
        (["dephts=[1]"], "dephts: there is no such key; did you mean depths?"),
        (["-m", "depths=[1],[2]"], "-m: is not needed"),
        (["data.root=missing"], "data.root=missing: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_input_gets_one_line(arguments, message, tmp_path):
    outcome = call(tmp_path, *arguments)
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert outcome.stderr.count("\n") == 1, outcome.stderr
    assert outcome.stderr.startswith(f"fmnist_lab: {message}")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(configure, tmp_path):
    (tmp_path / "blocked").write_text("a file, not a folder")
    with pytest.raises(InputError, match=r"outputs=.*blocked: must be a folder that can be written"):
        run_saddle(configure(f"outputs={tmp_path.as_posix()}/blocked", "checks=[converse]"))


def test_the_command_writes_predictions_and_figures(tmp_path):
    outcome = call(tmp_path, "data.images=1000", "checks=[gradient,hessian]", "depths=[1,2]")
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stderr == ""
    assert outcome.stdout.splitlines()[-1] == str(Path("outputs", "saddle"))
    assert "0 failed" in outcome.stdout
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {
        "outputs/saddle/checks.csv",
        "outputs/saddle/checks.json",
        "outputs/saddle/figures/hessian.png",
        "outputs/saddle/figures/hessian.svg",
    }


def test_help_names_every_key(tmp_path):
    outcome = call(tmp_path, "--help")
    assert outcome.returncode == 0
    assert [name for name in constraints(SaddleConfig) if f"{name}=" not in outcome.stdout] == []


def test_a_failed_prediction_is_written_and_gives_status_1(configure, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(network, "gradient", lambda weights, moments: [W + 1 for W in weights])
    config = configure("checks=[gradient]", "figures=false", "depths=[1]", f"outputs={tmp_path.as_posix()}")
    assert run_saddle(config) == 1
    assert "FAILED" in capsys.readouterr().out
    rows = list(csv.DictReader((tmp_path / "saddle" / "checks.csv").read_text("utf-8").splitlines()))
    assert {row["ok"] for row in rows} == {"False"}


@pytest.fixture(scope="module")
def outcome(configure, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("saddle")
    overrides = ("checks=[lines,hessian,escape,layers]", "depths=[1,2]", "escape.scales=[0.1,0.05]")
    assert run_saddle(configure(*overrides, f"outputs={folder.as_posix()}")) == 0
    return folder / "saddle"


def test_both_files_have_the_same_rows(outcome):
    rows = list(csv.DictReader((outcome / "checks.csv").read_text("utf-8").splitlines()))
    document = json.loads((outcome / "checks.json").read_text("utf-8"))
    assert tuple(rows[0]) == COLUMNS == tuple(document["checks"][0])
    assert [row["what"] for row in rows] == [entry["what"] for entry in document["checks"]]
    assert [float(row["error"]) for row in rows] == [entry["error"] for entry in document["checks"]]
    assert {row["ok"] for row in rows} == {"True"}
    assert document["configuration"]["depths"] == [1, 2]
    assert {"cpu", "versions", "data_checksum", "git_commit"} <= set(document["provenance"])


def test_each_family_draws_its_own_figures(outcome):
    expected = {name for name, (family, _) in FIGURES.items() if family in ("lines", "hessian", "escape")}
    assert {path.stem for path in (outcome / "figures").glob("*.png")} == expected
    assert {path.stem for path in (outcome / "figures").glob("*.svg")} == expected


def test_a_folder_holds_nothing_half_written(outcome):
    assert {path.suffix for path in outcome.rglob("*") if path.is_file()} == {".csv", ".json", ".png", ".svg"}
