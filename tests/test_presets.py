"""Every preset does what it says; one without an entry here fails the suite."""

from pathlib import Path

import pandas as pd
import pytest

PRESETS = {
    "figures": (6, {"lr": [0.0001, 0.002, 0.1]}),
    "table1": (10, {"hidden": [f"[{width}, 128]" for width in (8, 16, 64, 256, 1024)]}),
    "table2": (10, {"hidden": [f"[256, {width}]" for width in (8, 16, 64, 128, 1024)]}),
    "table3": (4, {"hidden": ["[256]", "[256, 128]"]}),
    "zero_initialization": (10, {"init": ["normal"], "lr": [0.1]}),
}
EXPERIMENTS = Path(__file__).parents[1] / "conf" / "experiment"


def test_every_preset_is_tried():
    assert {file.stem for file in EXPERIMENTS.glob("*.yaml")} == set(PRESETS)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_opens_with_its_command(preset):
    lines = (EXPERIMENTS / f"{preset}.yaml").read_text().splitlines()
    assert lines[:3] == ["# @package _global_", f"# python -m fmnist_lab -m experiment={preset}", "#"]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_runs(lab, preset):
    """At the size of one epoch on 2 000 images; all else as in the report."""
    outcome = lab("-m", f"experiment={preset}", "epochs=1", "data.validation=58000", f"name={preset}")
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.splitlines()[-1] == str(Path("outputs", "sweeps", preset))
    table = pd.read_csv(lab.sweep() / "results.csv")
    count, swept = PRESETS[preset]
    assert len(table) == count
    assert set(table.model) == {"custom", "torch"}
    for column, values in swept.items():
        assert sorted(set(table[column]), key=list(table[column]).index) == values
    assert set(table.batch_size) == {128}
    assert "lr" in swept or set(table.lr) == {0.002}
