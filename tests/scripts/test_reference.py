"""The committed reproduction: made by this code, quoted by the README, and compared with runs."""

import json
import runpy

import pandas as pd
import pytest

from fmnist_lab.runs.numerics import numerics
from fmnist_lab.runs.record import Record
from support.paths import ROOT

REFERENCE = ROOT / "outputs" / "reference"


def test_the_numerics_are_those_of_the_code():
    provenance = json.loads((REFERENCE / "paper" / "provenance.json").read_text("utf-8"))
    assert provenance["numerics stamp"] == [str(numerics())]


def test_the_readme_quotes_what_was_measured():
    script = runpy.run_path(str(ROOT / "scripts" / "maintenance" / "reference.py"))
    readme = (ROOT / "README.md").read_text("utf-8")
    quoted = readme.partition("<!-- measured: begin")[2].partition("-->\n")[2].partition("<!-- measured: end")[0]
    assert quoted == script["measured"]()


def test_no_file_names_a_folder_of_the_machine_that_made_it():
    texts = [
        path.read_text("utf-8") for path in REFERENCE.rglob("*") if path.suffix in {".csv", ".json", ".md", ".txt"}
    ]
    assert texts
    assert not any(word in text for word in ("/home/", "/root/", "/tmp/", "C:\\") for text in texts)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The committed runs as a sweep has them on disk, each model's first two, and a place to change them."""
    monkeypatch.syspath_prepend(ROOT / "scripts")

    def write(change=lambda runs: runs):
        runs = pd.read_csv(REFERENCE / "runs.csv").groupby("model").head(2)
        folder = tmp_path / "sweeps" / "figures"
        folder.mkdir(parents=True)
        change(runs.reset_index(drop=True)).to_csv(folder / "results.csv", index=False)
        return tmp_path

    return write


def compared(outputs, capsys):
    runpy.run_path(str(ROOT / "scripts" / "match_reference.py"))["main"](outputs)
    return capsys.readouterr().out.splitlines()


def test_the_same_runs_are_found_to_be_the_same(here, capsys):
    same = "2 of 2 runs the same to the last digit; test accuracies at most 0.00 points apart; 1.00 times the time"
    assert compared(here(), capsys) == [f"custom: {same}", f"torch: {same}"]


def test_a_run_with_another_outcome_is_counted(here, capsys):
    def change(runs):
        runs.loc[0, "test_accuracy"] += 0.02
        runs["fit_seconds"] *= 3
        return runs

    custom, torch = compared(here(change), capsys)
    assert custom.startswith(
        "custom: 1 of 2 runs the same to the last digit; test accuracies at most 2.00 points apart; 3"
    )
    assert torch.startswith("torch: 2 of 2")


def test_packages_of_other_versions_are_named(here, capsys):
    def write(run, numpy):
        record = Record(tmp / "runs" / run)
        record.folder.mkdir(parents=True)
        versions = {"numpy": numpy, "hydra-core": "1.3.8"}
        record.finish({"status": "finished", "provenance": {"python": "3.13.0", "versions": versions}})

    tmp = here()
    first, second = pd.read_csv(tmp / "sweeps" / "figures" / "results.csv")["run"].head(2)
    write(first, "2.4.6")
    write(second, "2.5.5")
    assert compared(tmp, capsys)[2:] == [
        "Python: 3.13.0 here, 3.11.7 in the committed reproduction",
        "numpy: 2.4.6, 2.5.5 here, 2.4.6 in the committed reproduction",
    ]


def test_without_a_run_in_common_the_message_names_the_command(here, capsys):
    message = ["no run in outputs/ is one of the committed reproduction: make paper"]
    assert compared(here(lambda runs: runs.assign(run="r0123456789ab")), capsys) == message
    assert compared(ROOT / "conf", capsys) == message
