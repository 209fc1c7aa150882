"""The request that the project answers: a test for each line of it.

Everything runs for real: the real command line, real Fashion-MNIST and both models. Only the size is small: narrow
networks, few epochs, the first 2 000 training images. The numbers of the full reproduction are those committed in
outputs/reference/, and their completeness is tested here.
"""

import ast
import json
import re
import subprocess
import sys
import tomllib

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
import yaml

from fmnist_lab import data
from fmnist_lab.cli import reproduce
from support.paths import ROOT

pytestmark = pytest.mark.promise

PACKAGE = ROOT / "src" / "fmnist_lab"
COMMITTED = ROOT / "outputs" / "reference" / "paper"
MODELS = {"custom", "torch"}
FEW_IMAGES = ("data.validation=58000", "data.split=last")  # 2 000 images to train on
NARROW = ("architecture.hidden=[8]", "epochs=2")

# Test accuracies that the report prints, in percent, by table, hidden layers and model.
PRINTED = {
    "table1": {
        (8, 128): {"torch": 82.84, "custom": 83.29},
        (16, 128): {"torch": 83.01, "custom": 83.29},
        (64, 128): {"torch": 83.09, "custom": 84.22},
        (1024, 128): {"torch": 83.46, "custom": 85.79},
    },
    "table2": {
        (256, 8): {"torch": 83.14, "custom": 83.80},
        (256, 16): {"torch": 83.41, "custom": 84.48},
        (256, 64): {"torch": 83.55, "custom": 84.60},
        (256, 1024): {"torch": 83.90, "custom": 85.40},
    },
    "table3": {(256,): {"torch": 84.66, "custom": 85.49}},
}
RATE_OF_FIGURE = {"figure1": 0.0001, "figure2": 0.002, "figure3": 0.1}


def done(outcome):
    """Return the standard output of a command, which must have succeeded and left standard error empty."""
    assert (outcome.returncode, outcome.stderr) == (0, ""), outcome.stdout + outcome.stderr
    return outcome.stdout


def widths(text):
    """Return the widths in a `hidden` column or label, `[16, 128]`, as a tuple."""
    return tuple(json.loads(text))


def assert_shows_both_models(path):
    """Check that a PNG is no thumbnail, is not blank, and has the line colours of both models in it."""
    pixels = matplotlib.image.imread(path)[..., :3]
    assert min(pixels.shape[:2]) >= 300, path
    assert pixels.var() > 0.001, f"{path} is blank"
    for model, colour in {"custom": "0072B2", "torch": "D55E00"}.items():
        distance = np.abs(pixels - np.frombuffer(bytes.fromhex(colour), np.uint8) / 255).max(axis=-1)
        assert (distance < 0.02).sum() > 300, f"{path} shows {model} in its legend at most"


def assert_both_models(table, factor, values):
    """Check that a table has one finished run of each model for each value of the factor, and real accuracies."""
    rows = sorted((str(value), model) for value, model in zip(table[factor], table["model"], strict=True))
    assert rows == sorted((str(value), model) for value in values for model in MODELS)
    for column in ("validation_accuracy_mean", "test_accuracy_mean"):
        assert table[column].between(0, 1, inclusive="neither").all()
    assert (table["train_loss_mean"] > 0).all()


# "A Python package", and what it is made with.


def test_it_is_a_python_package_started_as_a_module(lab):
    assert "lr" in done(lab("--help"))
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]["fmnist-lab"]


@pytest.mark.parametrize(
    ("module", "requirement"),
    [
        ("hydra", "hydra-core"),
        ("omegaconf", "omegaconf"),
        ("numpy", "numpy"),
        ("torch", "torch"),
        ("torchvision", "torchvision"),
        ("matplotlib", "matplotlib"),
        ("pandas", "pandas"),
    ],
)
def test_its_packages_are_declared_and_used(module, requirement):
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert requirement in {re.match(r"[\w.-]+", line)[0] for line in declared}
    assert module in set().union(*map(imported, PACKAGE.rglob("*.py")))


def imported(path):
    """Return the packages that a Python file imports when it runs, those for type checkers left out."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    direct = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    from_them = {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.split(".")[0] for name in direct | from_them}


@pytest.mark.parametrize("name", ["conf/", "src/fmnist_lab/", "scripts/", "tests/", "outputs/", "pyproject.toml"])
def test_the_top_level_has(name):
    path = ROOT / name
    assert path.is_dir() if name.endswith("/") else path.is_file()


# "YAML groups for model, architecture and optimizer."


@pytest.mark.parametrize(
    ("group", "options"),
    [("model", "custom,torch"), ("architecture", "one_layer,two_layer"), ("optimizer", "sgd,adam")],
)
def test_a_yaml_group_chooses(group, options, lab):
    assert set(options.split(",")) <= {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")}
    other = [] if group == "model" else ["model=torch"]
    shown = done(lab("-m", f"{group}={options}", *other, "dry_run=true"))
    assert shown.count("  to train  ") == 2


def test_an_architecture_is_its_hidden_sizes_in_one_layer_or_two():
    hidden = {
        name: yaml.safe_load((ROOT / "conf" / "architecture" / f"{name}_layer.yaml").read_text("utf-8"))["hidden"]
        for name in ("one", "two")
    }
    assert hidden == {"one": [256], "two": [256, 128]}


# "Train the same multilayer perceptron twice, by hand in NumPy and in PyTorch, on real Fashion-MNIST."


def test_the_custom_model_is_written_in_numpy_without_pytorch():
    assert imported(PACKAGE / "models" / "custom.py") & {"numpy", "torch", "scipy"} == {"numpy"}


def test_the_torch_model_is_written_in_pytorch():
    assert "torch" in imported(PACKAGE / "models" / "torch.py")


def test_the_data_are_the_real_fashion_mnist():
    images, labels, test_images, test_labels = data.map_arrays(data.prepare(data.shipped("fashion_mnist"), None))
    assert (len(images), len(test_images)) == (60_000, 10_000)
    assert np.bincount(labels).tolist() == [6_000] * 10
    assert np.bincount(test_labels).tolist() == [1_000] * 10
    assert labels[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]  # an ankle boot, two T-shirts, a dress, ...


def test_from_equal_weights_both_train_the_same_network_and_learn(lab):
    """In double precision, where nothing but the order of sums may differ."""
    equal = ("model.init=glorot_uniform", "dtype=float64", "lr=0.1", *NARROW, *FEW_IMAGES)
    done(lab("-m", "model=custom,torch", *equal))
    runs = pd.read_csv(lab.sweep() / "results.csv").set_index("model")
    assert set(runs.index) == MODELS
    for column in ("train_loss", "validation_loss", "test_loss"):
        assert runs.loc["custom", column] == pytest.approx(runs.loc["torch", column], rel=1e-9)
    assert (runs["test_accuracy"] > 0.2).all()  # chance is 0.1


# "Sweeps with `python -m fmnist_lab -m lr=0.0001,0.002,0.1`; learning-rate table as CSV and plots."


def test_the_learning_rate_sweep_ends_with_tables_and_plots_of_both_models(lab):
    shown = done(lab("-m", "lr=0.0001,0.002,0.1", *NARROW, *FEW_IMAGES))
    folder = lab.sweep()
    assert shown.splitlines()[-1] == str(folder.relative_to(lab.folder))

    table = pd.read_csv(folder / "table_lr.csv")
    assert_both_models(table, "lr", [0.0001, 0.002, 0.1])
    assert (table.loc[table["lr"] == 0.1, "test_accuracy_mean"] > 0.2).all()  # chance is 0.1
    curves = pd.read_csv(folder / "curves.csv")
    assert curves.groupby(["model", "lr"])["epoch"].apply(list).tolist() == [[1, 2]] * 6
    for name in ("lr", *(f"curves_lr={rate}" for rate in (0.0001, 0.002, 0.1))):
        assert_shows_both_models(folder / "figures" / f"{name}.png")


# "Sweeps of architectures and hidden sizes; one or two hidden layers; hidden-size table as CSV and plots."


@pytest.mark.parametrize(
    ("choice", "epochs", "networks"),
    [
        ("architecture=one_layer,two_layer", 1, ["[256]", "[256, 128]"]),
        ("architecture.hidden=[8],[32],[16,8]", 3, ["[8]", "[32]", "[16, 8]"]),
    ],
)
def test_a_sweep_of_networks_ends_with_a_table_and_plots_of_both_models(choice, epochs, networks, lab):
    done(lab("-m", choice, "lr=0.1", f"epochs={epochs}", *FEW_IMAGES))
    table = pd.read_csv(lab.sweep() / "table_hidden.csv")
    assert_both_models(table, "hidden", networks)
    assert (table["test_accuracy_mean"] > 0.15).all()  # chance is 0.1
    labels = ["-".join(map(str, widths(network))) for network in networks]
    for name in ("hidden", *(f"curves_hidden={label}" for label in labels)):
        assert_shows_both_models(lab.sweep() / "figures" / f"{name}.png")


# "Regenerate the report's Figures 1-3 and Tables 1-3 as CSV and plots."


@pytest.mark.parametrize("table", PRINTED)
def test_a_preset_trains_the_networks_of_a_table(table, lab):
    shown = done(lab("-m", f"experiment={table}", "dry_run=true"))
    networks = re.findall(r"to train  (\w+) hidden=(\[[\d, ]+\])", shown)
    assert {(model, widths(hidden)) for model, hidden in networks} == {
        (model, hidden) for model in MODELS for hidden in [*PRINTED[table], (256, 128)]
    }


@pytest.mark.parametrize(
    ("table", "networks"),
    [("table1", ["[8, 128]", "[16, 128]"]), ("table2", ["[256, 8]", "[256, 16]"]), ("table3", ["[256]", "[256, 128]"])],
)
def test_the_reports_tables_are_written_as_csv_and_plots(table, networks, lab):
    small = ("architecture.hidden=" + ",".join(networks), "epochs=1", *FEW_IMAGES)
    done(lab("-m", f"experiment={table}", f"name={table}", *small))
    assert_both_models(pd.read_csv(lab.sweep() / "table_hidden.csv"), "hidden", networks)
    assert_shows_both_models(lab.sweep() / "figures" / "hidden.png")


def test_the_reports_figures_are_written_as_csv_and_plots(lab):
    done(lab("-m", "experiment=figures", "name=figures", *NARROW, *FEW_IMAGES))
    curves = pd.read_csv(lab.sweep() / "curves.csv")
    assert {"train_loss", "validation_accuracy"} <= set(curves)
    for rate in RATE_OF_FIGURE.values():
        assert set(curves.loc[curves["lr"] == rate, "model"]) == MODELS
        assert_shows_both_models(lab.sweep() / "figures" / f"curves_lr={rate}.png")


# "Each measured number beside the published one, with a verdict and the reason."


@pytest.fixture(scope="module")
def saddle(tmp_path_factory):
    """Answer the report's bonus question on 1 000 images; return the folder of all outputs."""
    folder = tmp_path_factory.mktemp("mission")
    small = ("data.images=1000", "checks=[gradient,hessian,lines]", "depths=[1,2]")
    command = [sys.executable, "-m", "fmnist_lab", "saddle", *small]
    shown = done(subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600))
    assert " 0 failed" in shown
    return folder / "outputs"


def test_a_reproduction_sets_what_it_measured_beside_each_printed_number(saddle):
    """One network of Table 1 with one seed, at the report's own settings: only such runs count."""
    small = (
        "architecture.hidden=[16,128]",
        "lr=0.002",
        "epochs=10",
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=1",
    )
    assert reproduce.main(["--seeds", "1", *small, f"outputs={saddle.as_posix()}"]) == 0
    table1, *_ = [assert_beside_the_printed(table, saddle / "paper") for table in PRINTED]
    trained = table1["printed_as"] == "[16, 128]"
    assert (table1["n"] == trained).all()
    measured = table1[trained]
    assert measured["test_accuracy_mean"].between(0.70, 0.82).all()  # ten seeds give 0.765 and 0.773
    difference = measured["test_accuracy_mean"] - measured["published_accuracy"]
    np.testing.assert_allclose(measured["difference"], difference, atol=1e-12)
    page = (saddle / "paper" / "index.html").read_text("utf-8")
    for name in ("published_accuracy", "test_accuracy_mean"):
        assert all(f"{100 * accuracy:.2f}" in page for accuracy in measured[name])


@pytest.mark.parametrize("table", PRINTED)
def test_the_committed_reproduction_measured_every_number_of_a_table(table):
    rows = assert_beside_the_printed(table, COMMITTED)
    assert (rows["n"] >= 10).all()
    assert rows["test_accuracy_mean"].between(0.5, 0.95).all()
    assert_shows_both_models(COMMITTED / "figures" / f"{table}.png")


def assert_beside_the_printed(table, folder):
    """Check that a table of a reproduction has each printed number once, with a verdict and a reason; return it."""
    rows = pd.read_csv(folder / f"{table}_stated.csv")
    printed = {
        (hidden, model): accuracy for hidden, entries in PRINTED[table].items() for model, accuracy in entries.items()
    }
    found = {(widths(row.printed_as), row.model): 100 * row.published_accuracy for row in rows.itertuples(index=False)}
    assert len(rows) == len(printed)
    assert found == pytest.approx(printed)
    assert rows[["verdict", "reason"]].notna().all(axis=None)
    assert (rows["reason"].str.len() > 5).all()
    return rows


@pytest.mark.parametrize("figure", RATE_OF_FIGURE)
def test_the_committed_reproduction_measured_every_curve_of_a_figure(figure):
    claims = pd.read_csv(COMMITTED / "claims.csv").set_index("claim")
    curves = claims.loc[[f"{figure}-{m}-{model}" for m in ("validation_accuracy", "training_loss") for model in MODELS]]
    assert (curves["n"] >= 10).all()
    assert curves[["published", "measured", "verdict", "reason"]].notna().all(axis=None)
    assert curves["says"].str.contains(f"learning rate {RATE_OF_FIGURE[figure]:g}").all()
    assert_shows_both_models(COMMITTED / "figures" / f"{figure}.png")


# "The bonus question, whether all-zero weights of a deep linear network are a saddle, as an executable experiment."


def test_zero_weights_of_a_deep_linear_network_are_a_saddle(saddle):
    checks = pd.read_csv(saddle / "saddle" / "checks.csv")
    assert checks["ok"].all()
    for layers in (1, 2):
        observed = checks[checks["what"].str.startswith(f"L={layers}")].set_index("what")["observation"]
        gradient = observed[observed.index.str.contains("largest entry of the gradient at zero")]
        assert (gradient == 0).all()
        assert len(gradient) == 2  # zero is a critical point,
        assert observed[f"L={layers}, escape line: loss at 21 points"] < 0  # the loss falls in one direction
        assert observed[f"L={layers}, ascent line: loss at 21 points"] > 0  # and rises in another
    assert matplotlib.image.imread(saddle / "saddle" / "figures" / "hessian.png").var() > 0.001
