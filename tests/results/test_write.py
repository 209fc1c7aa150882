"""The files that a sweep writes into its folder."""

import csv
import subprocess
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest

from fmnist_lab.results.frames import CURVES, RESULTS
from fmnist_lab.results.summary_statistics import TEST_IS_VALIDATION, TIMES_DIFFER
from fmnist_lab.results.write import file_stems, write_results

WIDTHS = ["[8, 128]", "[64, 128]", "[1024, 128]"]


def write(sweep, folder) -> set[str]:
    """Write the results of a sweep; return the names of all files in the folder, which must be those returned."""
    written = write_results(*sweep.frames, folder)
    found = {path for path in folder.rglob("*") if path.is_file() and path.name not in ("SHA256SUMS", ".lock")}
    assert found == set(written)
    assert len(written) == len(found)
    return {path.relative_to(folder).as_posix() for path in found}


def figures(*stems: str) -> set[str]:
    return {f"figures/{stem}.{extension}" for stem in stems for extension in ("png", "svg")}


def tables(stem: str) -> set[str]:
    return {f"{stem}.csv", f"{stem}.md", "results.csv", "curves.csv"}


def test_a_single_run_has_its_curves_and_a_table(build, tmp_path):
    assert write(build({"model.name": ["custom"]}), tmp_path) == figures("curves") | tables("table")


def test_seeds_alone_have_a_figure_too(build, tmp_path):
    assert write(build({"seed": [0, 1]}), tmp_path) == figures("curves", "seed") | tables("table")


def test_files_of_a_sweep_of_learning_rates(build, tmp_path):
    expected = figures("curves_lr=0.0001", "curves_lr=0.002", "curves_lr=0.1", "lr") | tables("table_lr")
    assert write(build({"lr": [0.0001, 0.002, 0.1]}), tmp_path) == expected


@pytest.mark.promise
def test_files_of_a_sweep_of_widths(build, tmp_path):
    expected = figures("curves_hidden=8-128", "curves_hidden=64-128", "curves_hidden=1024-128", "hidden")
    assert write(build({"architecture.hidden": WIDTHS}), tmp_path) == expected | tables("table_hidden")


def test_files_of_a_sweep_of_optimizers(build, tmp_path):
    expected = figures("curves_optimizer=sgd", "curves_optimizer=adam", "optimizer") | tables("table_optimizer")
    assert write(build({"optimizer.name": ["sgd", "adam"]}), tmp_path) == expected


@pytest.mark.promise
def test_several_settings_have_a_figure_each(build, tmp_path):
    names = write(build({"lr": [0.002, 0.1], "optimizer.name": ["sgd", "adam"]}), tmp_path)
    assert figures("curves_optimizer=sgd,lr=0.1", "lr", "optimizer") | tables("table_lr") <= names
    assert len(names) == 2 * (4 + 2) + 2 * 2 + 2
    header = (tmp_path / "table_lr.csv").read_text("utf-8").split(",")
    assert header[:4] == ["lr", "optimizer", "model", "n"]


def test_results_and_curves_have_their_columns_and_order(build, tmp_path):
    sweep = build({"lr": [0.1, 0.002]}).end("diverged", after=1, model="torch", lr=0.1)
    shuffled = sweep.results[[*reversed(RESULTS)]].assign(more=1)
    write_results(shuffled, sweep.curves.assign(more=1), sweep.settings, tmp_path)
    for name, columns, frame in (("results", RESULTS, sweep.results), ("curves", CURVES, sweep.curves)):
        with (tmp_path / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        assert header == columns
        assert [row[0] for row in rows] == list(frame["run"])
        losses = [float(row[columns.index("train_loss")] or "nan") for row in rows]
        np.testing.assert_array_equal(losses, frame["train_loss"])


def test_the_table_of_rates(build, tmp_path):
    sweep = build({"lr": [0.002, 0.1], "seed": [0, 1, 2]}).end("diverged", after=2, model="torch", lr=0.1, seed=1)
    write(sweep, tmp_path)
    table = pd.read_csv(tmp_path / "table_lr.csv")
    assert list(table)[:6] == ["lr", "model", "n", "runs", "diverged", "failed"]
    assert list(table["lr"]) == [0.002, 0.002, 0.1, 0.1]
    assert tuple(table.loc[3, ["n", "diverged", "notes"]]) == (2, 1, "1 of 3 diverged (epoch 3)")
    header = (tmp_path / "table_lr.md").read_text("utf-8").splitlines()[0]
    shown = ["learning rate", "model", "n", "validation accuracy (%)", "test accuracy (%)", "final train loss"]
    assert header == "| " + " | ".join([*shown, "time (s)", "notes"]) + " |"


def test_the_table_of_widths(build, tmp_path):
    write(build({"architecture.hidden": WIDTHS}), tmp_path)
    assert list(pd.read_csv(tmp_path / "table_hidden.csv")["hidden"].unique()) == WIDTHS
    lines = (tmp_path / "table_hidden.md").read_text("utf-8").splitlines()
    assert lines[0] == "| hidden | model | n | test accuracy (%) | time (s) | notes |"
    assert lines[2].startswith("| 8-128 | custom (NumPy) | 1 |")


def test_missing_times_are_explained_in_the_notes(build, tmp_path):
    write(build({"lr": [0.002, 0.1]}).condition("workers", 2, lr=0.1), tmp_path)
    table = pd.read_csv(tmp_path / "table_lr.csv")
    assert table["fit_seconds_median"].isna().all()
    assert set(table["notes"]) == {TIMES_DIFFER}


def test_validation_on_test_images_is_stated_in_the_notes(build, tmp_path):
    write(build(**{"data.validation": 0}), tmp_path)
    assert set(pd.read_csv(tmp_path / "table.csv")["notes"]) == {TEST_IS_VALIDATION}


def test_a_failed_run_does_not_hide_the_others(build, tmp_path):
    names = write(build({"lr": [0.002, 0.1]}).end("failed", model="torch", lr=0.1), tmp_path)
    assert figures("curves_lr=0.002", "curves_lr=0.1", "lr") <= names


def test_where_all_failed_there_is_no_figure_and_a_warning(build, tmp_path, caplog):
    names = write(build({"lr": [0.002, 0.1]}).end("failed", lr=0.1), tmp_path)
    assert figures("curves_lr=0.002", "lr") <= names
    assert not figures("curves_lr=0.1") & names
    assert caplog.messages == ["no curves of learning rate 0.1: every run failed"]


def test_a_sweep_in_which_all_failed_has_tables(build, tmp_path):
    sweep = build({"lr": [0.002, 0.1]}).end("failed")
    sweep.curves = sweep.curves.iloc[:0]
    assert write(sweep, tmp_path) == tables("table_lr")


def test_a_sweep_in_which_all_diverged_has_tables_and_figures(build, tmp_path):
    names = write(build({"lr": [0.1, 1.0]}).end("diverged", after=0), tmp_path)
    assert names == figures("curves_lr=0.1", "curves_lr=1.0", "lr") | tables("table_lr")


def test_figures_of_curves_are_limited_with_a_warning(build, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("fmnist_lab.results.write.MOST_CURVES", 2)
    names = write(build({"lr": [0.1, 0.2, 0.3]}, epochs=1), tmp_path)
    assert figures("curves_lr=0.1", "curves_lr=0.2") <= names
    assert not figures("curves_lr=0.3") & names
    assert caplog.messages == ["curves drawn of the first 2 of 3 settings only"]


@pytest.mark.promise
def test_too_many_facets_are_not_drawn_with_a_warning(build, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("fmnist_lab.results.write.MOST_FACETS", 2)
    names = write(build({"lr": [0.1, 0.2], "batch_size": [1, 2, 4]}, epochs=1), tmp_path)
    assert figures("batch_size") | tables("table_lr") <= names
    assert not figures("lr") & names
    assert caplog.messages == ["no figure of lr: 3 combinations of the other settings, 2 at most"]


def test_hostile_values_make_harmless_files(build, tmp_path):
    names = write(build({"data.scaling": ['a/b\\c:*?"<>|', "$x$ 50%", "../up"]}, epochs=2), tmp_path)
    assert not any(set(name.removeprefix("figures/")) & set('/\\:*?"<>|$% ') for name in names)
    assert len(names) == 2 * (3 + 1) + 4


@pytest.mark.promise
def test_results_written_again_are_the_same(build, tmp_path):
    sweep = build({"lr": [0.002, 0.1], "seed": [0, 1]})
    first = {path: path.read_bytes() for path in write_results(*sweep.frames, tmp_path)}
    assert {path: path.read_bytes() for path in write_results(*sweep.frames, tmp_path)} == first


def test_the_users_matplotlib_settings_change_nothing(build, tmp_path):
    write_results(*build().frames, tmp_path / "a")
    with matplotlib.rc_context({"lines.linewidth": 9, "figure.dpi": 33}):
        before = dict(matplotlib.rcParams)
        write_results(*build().frames, tmp_path / "b")
        assert dict(matplotlib.rcParams) == before
    for name in ("figures/curves.svg", "figures/curves.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize(
    ("texts", "stems"),
    [
        (["lr=0.1", "hidden=8-16,lr=1e-05"], ["lr=0.1", "hidden=8-16,lr=1e-05"]),
        (["a:b", "a|b", "A?B"], ["a_b", "a_b_2", "A_B_3"]),
        (["x" * 300], ["x" * 100]),
    ],
)
def test_file_names_are_safe_and_distinct(texts, stems):
    assert file_stems(texts) == stems


def test_importing_the_package_costs_nothing():
    heavy = "{'pandas', 'matplotlib', 'scipy', 'torch'}"
    code = f"import sys, fmnist_lab.results; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_writing_results_needs_no_display_and_no_models():
    code = """
import sys, fmnist_lab.results.write, fmnist_lab.results.terminal
print(sorted({'torch', 'hydra', 'omegaconf', 'matplotlib.pyplot', 'fmnist_lab.models'} & set(sys.modules)))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
