"""Tables as CSV, Markdown and text for the terminal."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from fmnist_lab.results.factors import find_factors, join_runs
from fmnist_lab.results.summary_statistics import TIMES_DIFFER, summarize
from fmnist_lab.results.tables import readable, to_csv, to_markdown
from fmnist_lab.results.terminal import summary


def text_of(sweep) -> pd.DataFrame:
    factors = find_factors(sweep.settings)
    runs = join_runs(sweep.results, sweep.settings, factors)
    return readable(summarize(runs, [factor.name for factor in factors]), factors)


def shown(sweep) -> str:
    console = Console(width=80, file=io.StringIO(), force_terminal=False)
    console.print(summary(*sweep.frames))
    return console.file.getvalue()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_survive_csv_exactly(values):
    header, *lines = to_csv(pd.DataFrame({"x": values})).decode().splitlines()
    assert header == "x"
    assert lines == [repr(value) for value in values]


def test_csv_has_empty_entries_whole_numbers_and_plain_line_ends():
    table = pd.DataFrame({"best_epoch": [7.0, np.nan], "test_accuracy": [0.1, np.nan]})
    assert to_csv(table) == b"best_epoch,test_accuracy\n7,0.1\n,\n"


def test_accuracies_are_percentages_with_their_half_width(build):
    sweep = build({"seed": [0, 1]})
    custom, torch = sweep.results.groupby("model")["test_accuracy"]
    half_width = 12.7062047 * custom[1].sem()  # t for one degree of freedom
    first, second = text_of(sweep)["test accuracy (%)"]
    assert first == f"{100 * custom[1].mean():.2f} ± {100 * half_width:.2f}"
    assert second.startswith(f"{100 * torch[1].mean():.2f} ± ")


def test_one_seed_has_no_half_width(build):
    text = text_of(build())
    assert list(text["n"]) == ["1", "1"]
    assert not text["test accuracy (%)"].str.contains("±").any()


def test_values_that_were_not_measured_are_blank(build):
    text = text_of(build().end("diverged", model="custom", after=1))
    custom = text.loc[0, ["validation accuracy (%)", "test accuracy (%)", "final train loss", "time (s)"]]
    assert (custom == "").all()
    assert (text.loc[0, "n"], text.loc[0, "notes"]) == ("0", "diverged")


def test_the_models_have_their_full_names(build):
    assert list(text_of(build())["model"]) == ["custom (NumPy)", "PyTorch"]


@pytest.mark.parametrize(
    ("hostile", "escaped"), [("a|b", "a\\|b"), ("<x>", "\\<x\\>"), ("$m$", "\\$m\\$"), ("a\nb", "a b")]
)
def test_markdown_shows_a_hostile_value_as_it_is(build, hostile, escaped):
    lines = to_markdown(text_of(build({"data.scaling": ["unit", hostile]}))).decode().splitlines()
    assert sum(f"| {escaped} |" in line for line in lines) == 2
    assert {line.replace("\\|", "").count("|") for line in lines if line.startswith("|")} == {9}


def test_markdown_is_a_table_with_numbers_to_the_right(build):
    header, alignments, *rows = to_markdown(text_of(build({"lr": [0.1, 0.2]}))).decode().splitlines()
    assert header.startswith("| learning rate | model | n | validation accuracy (%) | test accuracy (%) |")
    assert alignments == "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |"
    assert rows[0].startswith("| 0.1 | custom (NumPy) | 1 |")


def test_the_summary_fits_80_columns(build):
    sweep = build({"architecture.hidden": ["[1024, 128]", "[8, 128]"], "lr": [0.0001, 0.1], "seed": [0, 1, 2]})
    lines = shown(sweep.end("diverged", lr=0.1, model="torch")).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["hidden", "lr", "model", "n", "validation", "%", "test", "%", "time", "s", "notes"]
    assert any(line.split()[:4] == ["1024-128", "0.0001", "custom", "3"] for line in lines)
    assert not any("…" in line for line in lines)


def test_the_summary_has_no_notes_if_all_runs_finished(build):
    text = shown(build())
    assert "notes" not in text
    assert "±" not in text


def test_the_summary_counts_runs_that_did_not_finish(build):
    assert "1 of 2 failed" in shown(build({"seed": [0, 1]}).end("failed", model="torch", seed=1))


def test_the_summary_drops_times_that_cannot_be_compared(build):
    text = shown(build().condition("workers", 2, model="torch"))
    assert "time s" not in text
    assert TIMES_DIFFER in " ".join(text.split())


def test_the_summary_shows_values_as_text_and_not_as_markup(build):
    assert "[bold]x" in shown(build({"data.scaling": ["[bold]x", "unit"]}))
