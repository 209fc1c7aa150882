"""Every preset trains what its file describes; a preset without an entry here fails the suite."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from fmnist_lab.audit.search import assume_networks, printed_entries
from fmnist_lab.compose import expand
from fmnist_lab.reproduction.candidates import stated_setting
from fmnist_lab.reproduction.report import load_report
from support.paths import ROOT

FIRST = [f"[{width}, 128]" for width in (8, 16, 64, 256, 1024)]
SECOND = [f"[256, {width}]" for width in (8, 16, 64, 128, 1024)]

# How many runs, and the values of each column that is not the default throughout.
PRESETS = {
    "figures": (6, {"lr": [0.0001, 0.002, 0.1]}),
    "table1": (10, {"hidden": FIRST}),
    "table2": (10, {"hidden": SECOND}),
    "table3": (4, {"hidden": ["[256]", "[256, 128]"]}),
    "table1_inferred": (10, {"hidden": FIRST, "lr": [0.02]}),
    "table2_inferred": (10, {"hidden": SECOND, "lr": [0.02]}),
    "table3_inferred": (4, {"hidden": ["[256]", "[256, 10]"], "lr": [0.02]}),
    "initialization": (12, {"init": ["glorot_uniform", "torch_linear"], "lr": [0.0001, 0.002, 0.1]}),
    "precision": (8, {"dtype": ["float32", "float64"], "lr": [0.002, 0.1]}),
    "epochs": (4, {"lr": [0.002, 0.02]}),
    "batch_size": (10, {"batch_size": [32, 64, 128, 256, 512]}),
    "zero_initialization": (10, {"init": ["normal"], "lr": [0.1]}),
    "quickstart": (2, {"hidden": ["[512, 512]"], "lr": [0.001], "batch_size": [64], "init": ["torch_linear"]}),
    "zalando": (
        16,
        {
            "hidden": ["[10]", "[100]", "[10, 10]", "[100, 10]"],
            "activation": ["relu", "tanh"],
            "optimizer": ["adam"],
            "lr": [0.001],
            "batch_size": [200],
            "dtype": ["float64"],
            "init": ["glorot_uniform"],
        },
    ),
}
# The presets of the report's figures and tables; the others run only in make test-all.
REPORT = ("figures", "table1", "table2", "table3")
# Presets with too many runs to train here, each with its number of runs.
AUDIT = {"audit_grid": 252, "audit_seeds": 18}
DEFAULTS = {"hidden": ["[256, 128]"], "lr": [0.002], "batch_size": [128], "dtype": ["float32"]}
# Epochs where they are not ten; the sweeps below are cut to one, so this is read from the file.
EPOCHS = {"table1_inferred": 7, "table2_inferred": 7, "epochs": 15, "quickstart": 5, "zalando": 200}
EXPERIMENTS = ROOT / "conf" / "experiment"


def test_every_preset_is_tested():
    assert {file.stem for file in EXPERIMENTS.glob("*.yaml")} == {*PRESETS, *AUDIT}


@pytest.mark.parametrize("preset", [*PRESETS, *AUDIT])
def test_a_preset_opens_with_its_command(preset):
    lines = (EXPERIMENTS / f"{preset}.yaml").read_text().splitlines()
    assert lines[:3] == ["# @package _global_", f"# python -m fmnist_lab -m experiment={preset}", "#"]


@pytest.mark.promise
@pytest.mark.parametrize(
    "preset", [name if name in REPORT else pytest.param(name, marks=pytest.mark.slow) for name in PRESETS]
)
def test_a_preset_runs(lab, preset):
    """With one epoch on 2 000 images; all other settings are the preset's."""
    outcome = lab("-m", f"experiment={preset}", "epochs=1", "data.validation=58000", f"name={preset}")
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.splitlines()[-1] == str(Path("outputs", "sweeps", preset))
    table = pd.read_csv(lab.sweep() / "results.csv")
    count, swept = PRESETS[preset]
    assert len(table) == count
    assert set(table.model) == {"custom", "torch"}
    for column, values in (DEFAULTS | swept).items():
        assert sorted(set(table[column]), key=list(table[column]).index) == values


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_trains_as_long_as_it_should(preset):
    assert yaml.safe_load((EXPERIMENTS / f"{preset}.yaml").read_text()).get("epochs", 10) == EPOCHS.get(preset, 10)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_names_its_basis(preset):
    (line,) = re.findall(r"^# Rests on: (.*)\.$", (EXPERIMENTS / f"{preset}.yaml").read_text(), re.MULTILINE)
    assert line == ("inferred" if preset.endswith("_inferred") else "stated")


@pytest.mark.promise
@pytest.mark.parametrize("preset", AUDIT)
def test_a_preset_of_the_audit_tests_every_epoch_up_to_the_fifteenth(preset):
    configs = expand(f"experiment={preset}")
    assert len(configs) == AUDIT[preset]
    assert {(config.epochs, config.test_every_epoch) for config in configs} == {(15, True)}
    assert {config.model.name for config in configs} == {"custom", "torch"}
    assert "# Rests on: nothing" in (EXPERIMENTS / f"{preset}.yaml").read_text()


@pytest.mark.promise
def test_the_audit_covers_every_printed_network_and_the_stated_settings():
    networks_of_entries = assume_networks(printed_entries(load_report()))
    grid, seeds = (expand(f"experiment={preset}") for preset in AUDIT)
    networks = {str(config.architecture.hidden) for config in seeds}
    assert networks == set(networks_of_entries["architecture"])
    assert {str(config.architecture.hidden) for config in grid} == {each for each in networks if "1024" not in each}
    settings = {(config.lr, config.batch_size) for config in grid}
    assert {(config.lr, config.batch_size) for config in seeds} < settings
    stated = stated_setting(load_report())
    assert (stated["lr"], stated["batch_size"]) in settings
