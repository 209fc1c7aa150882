"""Verdicts on runs with planted values, on few runs, and on one set of real runs."""

import dataclasses
import functools
import itertools

import numpy as np
import pandas as pd
import pytest

from fmnist_lab.comparison.parsing import package_text
from fmnist_lab.comparison.run_selection import Samples, join
from fmnist_lab.comparison.verdict_statistics import VERDICTS
from fmnist_lab.config.identity import flat
from fmnist_lab.reproduction.assessment import COLUMNS, assess, table_entries
from fmnist_lab.reproduction.claims import load_claims, parse_claims
from fmnist_lab.reproduction.report import parse_report
from fmnist_lab.results.frames import CURVES, RESULTS, gather

REPORT = package_text("fmnist_lab.reproduction", "report.yaml")
EMPTY = pd.DataFrame()
SETTINGS = {
    "architecture.activation": "relu",
    "architecture.biases": True,
    "patience": 0,
    "data.name": "fashion_mnist",
    "optimizer.name": "sgd",
    "optimizer.momentum": 0.0,
    "optimizer.weight_decay": 0.0,
    "data.scaling": "symmetric",
    "data.validation": 0.2,
    "data.split": "random",
    "data.shuffle": True,
    "batch_size": 128,
    "dtype": "float32",
    "lr": 0.002,
    "epochs": 10,
    "architecture.hidden": "[256, 128]",
}
INIT = {"custom": "glorot_uniform", "torch": "torch_linear"}
NETWORKS = [
    f"[{a}, {b}]" for a, b in [(8, 128), (16, 128), (64, 128), (1024, 128), (256, 8), (256, 16), (256, 64), (256, 1024)]
] + ["[256]", "[256, 128]"]


UNSPECIFIED = ["table1-8-128-custom-accuracy", "table1-8-128-torch-accuracy"]


class Laboratory:
    """Synthetic runs with accuracies around a mean and rising curves; each call of `train` adds runs."""

    def __init__(self) -> None:
        self.results: list[dict] = []
        self.curves: list[dict] = []
        self.rng = np.random.default_rng(0)

    def train(self, accuracy, seconds=10.0, *, seeds=range(5), noise=0.001, workers=2, **settings) -> "Laboratory":
        setting = {**SETTINGS, "model.name": settings.pop("model"), **settings}
        setting = {"model.init": INIT[setting["model.name"]], **setting}
        for seed in seeds:
            run = f"{len(self.results):012d}"
            end = accuracy + self.rng.normal(0, noise)
            rise = 1 - np.exp(-np.arange(1, setting["epochs"] + 1.0)) * 0.2
            self.curves += [
                {"run": run, "epoch": epoch, "train_loss": 2.0 - end * share, "validation_accuracy": end * share}
                for epoch, share in enumerate(rise, start=1)
            ]
            timed = {"threads": 1, "workers": workers, "cpu": "A CPU", "blas": "A BLAS"}
            columns = {"status": "finished", "seed": seed, **timed}
            measured = {
                "test_accuracy": end - 0.005,
                "train_accuracy": end + 0.02,
                "fit_seconds": seconds * np.exp(self.rng.normal(0, 0.01)),
            }
            self.results.append({**setting, **columns, **measured, "run": run})
        return self

    @property
    def frames(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        runs = pd.DataFrame(self.results).reindex(columns=list({**dict.fromkeys(RESULTS), **self.results[0]}))
        return runs, pd.DataFrame(self.curves).reindex(columns=CURVES)

    def assess(self, **keywords) -> pd.DataFrame:
        return assess(*self.frames, **keywords).set_index("claim")


def both_models(custom: float, torch: float, **settings) -> Laboratory:
    """Return runs of both models for every printed network."""
    laboratory = Laboratory()
    for hidden in NETWORKS:
        laboratory.train(custom, 9.0, model="custom", **{"architecture.hidden": hidden}, **settings)
        laboratory.train(torch, 12.0, model="torch", **{"architecture.hidden": hidden}, **settings)
    return laboratory


@functools.cache
def assessed(custom: float, torch: float) -> pd.DataFrame:
    return both_models(custom, torch).assess()


def test_without_runs_every_claim_has_a_verdict_and_a_reason():
    table = assess(EMPTY, EMPTY)
    assert list(table) == COLUMNS
    assert list(table["claim"]) == list(load_claims().claims)
    assert set(table["verdict"]) == {"inconclusive", "contradicted", "not testable"}
    assert (table["reason"] != "").all()
    of_runs = table[table["kind"].isin(["cell", "series", "note"]) & (table["verdict"] != "not testable")]
    assert of_runs["reason"].str.startswith("no run yet").all()
    assert len(of_runs) == 16 + 12 + 18


@pytest.mark.promise
def test_every_verdict_is_a_known_one():
    table = both_models(0.83, 0.82).assess(saddle=True)
    assert set(table["verdict"]) <= set(VERDICTS)
    assert (table["reason"] != "").all()


@pytest.mark.promise
def test_an_entry_is_reproduced_if_our_runs_agree_and_else_published_higher():
    row = assessed(0.8379, 0.76).loc["table1-16-128-custom-accuracy"]  # printed: 0.8329
    assert row["verdict"] == "reproduced"
    assert row["published"] == "83.29 %"
    assert row["measured"].startswith("83.")
    assert abs(row["difference"]) < row["half_width"] < row["detectable"]
    assert row["n"] == 5
    other = assessed(0.8379, 0.76).loc["table1-16-128-torch-accuracy"]
    assert other["verdict"] == "published higher"
    assert other["difference"] == pytest.approx(0.755 - 0.8301, abs=0.003)
    assert row["command"] == "python -m fmnist_lab -m experiment=table1 seed=0,1,2,3,4"


@pytest.mark.promise
def test_one_seed_is_inconclusive():
    laboratory = both_models(0.8379, 0.76, seeds=[0])
    table = laboratory.assess()
    assessed = table[table["kind"].isin(["cell", "note"]) | table.index.isin(["custom-always-ahead"])]
    assert set(assessed.drop(index=UNSPECIFIED)["verdict"]) == {"inconclusive"}


@pytest.mark.promise
def test_a_changed_printed_value_changes_table_and_verdict():
    frames = both_models(0.8379, 0.76).frames
    changed = REPORT.replace("- {hidden: [16, 128], custom: [0.8329", "- {hidden: [16, 128], custom: [0.8729")
    assert changed != REPORT
    claims = parse_claims(package_text("fmnist_lab.reproduction", "claims.yaml"), parse_report(changed))
    table = assess(*frames, claims=claims).set_index("claim")
    assert table.loc["table1-16-128-custom-accuracy", "verdict"] == "published higher"
    assert table.loc["table1-16-128-custom-accuracy", "published"] == "87.29 %"
    assert table.loc["cell-printed-twice", "verdict"] == "consistent"
    assert 0.8729 in set(table_entries(frames[0], "table1", claims=claims)["published_accuracy"])


@pytest.mark.promise
def test_sentences_hold_and_fail_with_the_runs():
    ahead, behind = assessed(0.85, 0.83), assessed(0.83, 0.85)
    for claim in ("custom-always-ahead", "table2-custom-ahead", "table3-accuracy"):
        assert (ahead.loc[claim, "verdict"], behind.loc[claim, "verdict"]) == ("holds", "does not hold"), claim
    assert ahead.loc["no-divergence", "verdict"] == "holds"
    assert "9" in ahead.loc["custom-always-ahead", "reason"]


@pytest.mark.promise
def test_a_property_of_all_runs_holds_for_any_number_of_samples():
    assert assessed(0.85, 0.83).loc["no-divergence", "measured"].endswith("5 of 5 seeds")
    runs, curves = both_models(0.85, 0.83).frames
    lost = assess(runs.assign(status="diverged"), curves).set_index("claim").loc["no-divergence"]
    assert lost["verdict"] == "does not hold"
    assert np.isnan(lost["difference"])  # a share is not a difference


@pytest.mark.promise
def test_the_row_with_unspecified_settings_is_shown_but_not_testable():
    for claim in UNSPECIFIED:
        row = assessed(0.85, 0.76).loc[claim]
        assert (row["verdict"], row["n"]) == ("not testable", 5)
        assert "with more epochs" in row["reason"]
        assert row["difference"] == pytest.approx(
            (0.845 if "custom" in claim else 0.755) - float(row["published"][:-2]) / 100, abs=0.002
        )


def test_a_note_holds_only_if_each_of_its_assertions_does():
    table = both_models(0.85, 0.83).train(0.86, model="custom", **{"architecture.hidden": "[1024, 128]"}).assess()
    assert table.loc["table1-16-128-custom-note", "verdict"] == "holds"
    assert table.loc["table2-256-8-torch-note", "verdict"] == "holds"  # less accurate; the other half is of time
    assert table.loc["table3-256-custom-note", "verdict"] == "inconclusive"  # ahead at every epoch, the gap is the same


@pytest.mark.promise
def test_assertions_of_a_note_about_time_are_not_tested():
    frames = both_models(0.85, 0.83).frames
    slower = frames[0].assign(fit_seconds=frames[0]["fit_seconds"] * (1 + 3 * (frames[0]["model.name"] == "custom")))
    for runs in (frames[0], slower):
        note = assess(runs, frames[1]).set_index("claim").loc["table1-64-128-custom-note"]
        assert note["verdict"] == "holds"
        assert "on time: the printed seconds were measured on the author's machine" in note["reason"]


def test_runs_on_other_data_do_not_count():
    runs, curves = both_models(0.85, 0.83).frames
    table = assess(runs.assign(**{"data.name": "kmnist"}), curves)
    assert not table["n"].any()


def test_models_that_are_equal_in_every_run_are_identical():
    laboratory = Laboratory()
    for model in ("custom", "torch"):
        laboratory.rng = np.random.default_rng(1)
        laboratory.train(0.85, model=model, **{"architecture.hidden": "[256]"})
    assert laboratory.assess().loc["table3-accuracy", "verdict"] == "identical"


def test_times_of_other_conditions_are_not_compared():
    laboratory = Laboratory()
    laboratory.train(0.85, 9, model="custom", workers=1, **{"architecture.hidden": "[16, 128]"})
    laboratory.train(0.83, 12, model="torch", workers=2, **{"architecture.hidden": "[16, 128]"})
    table = laboratory.assess()
    assert "different conditions" not in table.loc["table1-16-128-custom-note", "reason"]
    assert "different conditions" in table.loc["table1-16-128-custom-time", "reason"]
    assert table_entries(laboratory.frames[0], "table1")["seconds_median"].isna().all()


def test_seconds_are_not_testable_and_their_ratio_is_shown():
    row = assessed(0.85, 0.83).loc["table1-1024-128-custom-time"]
    assert row["verdict"] == "not testable"
    assert row["published"] == "168 s; custom/torch 1.16"
    assert "custom/torch 0.7" in row["measured"]


@pytest.mark.promise
def test_a_curve_inside_the_band_is_reproduced_and_one_outside_is_not():
    figure = load_claims().report.figures["figure2"]
    laboratory = Laboratory()
    for model in ("custom", "torch"):
        laboratory.train(0.8, model=model)
    runs, curves = laboratory.frames
    model_of = dict(zip(runs["run"], runs["model.name"], strict=True))
    printed = {m: figure.series["validation_accuracy"][m] for m in ("custom", "torch")}
    noise = np.random.default_rng(5).normal(0, 0.002, len(curves))
    at = [printed[model_of[run]][epoch - 1] for run, epoch in zip(curves["run"], curves["epoch"], strict=True)]
    shift = 0.05 * ((curves["run"].map(model_of) == "torch") & (curves["epoch"] == 7))
    table = assess(runs, curves.assign(validation_accuracy=np.array(at) + noise - shift)).set_index("claim")
    assert table.loc["figure2-validation_accuracy-custom", "verdict"] == "reproduced"
    torch = table.loc["figure2-validation_accuracy-torch"]
    assert torch["verdict"] == "published higher"
    assert "epoch 7" in torch["measured"]


def test_agreement_with_fitted_settings_explains_and_never_reproduces():
    laboratory = Laboratory()
    for network, (model, accuracy) in itertools.product(
        ["[256]", "[256, 10]"], [("custom", 0.8599), ("torch", 0.8516)]
    ):
        laboratory.train(accuracy, model=model, lr=0.02, **{"architecture.hidden": network})
    runs = laboratory.frames[0]
    table = table_entries(runs, "table3", "inferred")
    assert list(table["hidden"]) == ["[256]", "[256]", "[256, 10]", "[256, 10]"]
    assert set(table["verdict"]) == {"explained"}
    claims = load_claims()
    on_other_tables = dataclasses.replace(claims.inferred["table3"], fitted_on=("table1",))
    claims = dataclasses.replace(claims, inferred={**claims.inferred, "table3": on_other_tables})
    assert set(table_entries(runs, "table3", "inferred", claims=claims)["verdict"]) == {"reproduced"}
    laboratory.train(0.76, model="custom", **{"architecture.hidden": "[256]"})
    reason = laboratory.assess().loc["table3-256-custom-accuracy", "reason"]
    assert "256-10 85." in reason
    assert "explained" in reason


def test_a_table_has_the_layout_of_the_report_and_notes_from_the_data():
    table = table_entries(both_models(0.85, 0.83).frames[0], "table1")
    assert list(table)[:12] == [
        "hidden",
        "model",
        "published_accuracy",
        "test_accuracy_mean",
        "low",
        "high",
        "difference",
        "n",
        "verdict",
        "published_seconds",
        "seconds_median",
        "notes",
    ]
    assert list(zip(table["hidden"], table["model"], strict=True))[:3] == [
        ("[8, 128]", "torch"),
        ("[8, 128]", "custom"),
        ("[16, 128]", "torch"),
    ]
    custom, torch = table["notes"][1], table["notes"][0]
    assert custom.startswith("2.")
    assert "points above PyTorch [" in custom
    assert "of its time" in custom
    assert "points below custom" in torch
    assert table["published_note"][1] == "converges faster; slightly more accurate"
    middle = (table["low"] + table["high"]) / 2
    assert np.allclose(middle[2:], table["test_accuracy_mean"][2:])
    assert middle[:2].isna().all()  # unspecified settings: no prediction


def test_runs_of_other_settings_do_not_count():
    frames = both_models(0.8379, 0.76).frames
    more = both_models(0.5, 0.5, **{"data.scaling": "unit"}).frames
    both = pd.concat([frames[0], more[0].assign(run="x" + more[0]["run"])])
    assert table_entries(both, "table1").equals(table_entries(frames[0], "table1"))


def test_a_seed_counts_once():
    runs, _ = both_models(0.8379, 0.76).frames
    again = runs.assign(run="x" + runs["run"], device="mps")
    once, twice = table_entries(runs, "table1"), table_entries(pd.concat([runs, again]), "table1")
    assert list(twice["n"]) == list(once["n"]) == [5] * 8
    assert np.allclose(twice["half_width"], once["half_width"], equal_nan=True)


def test_a_diverged_run_is_named_in_the_reason():
    runs, _ = both_models(0.8379, 0.76).frames
    lost = (runs["model.name"] == "custom") & (runs["architecture.hidden"] == "[16, 128]") & (runs["seed"] == 0)
    runs.loc[lost, "status"] = "diverged"
    row = table_entries(runs, "table1").iloc[3]
    assert row["n"] == 4
    assert "1 of 5 runs diverged" in row["reason"]
    assert np.isnan(row["p"])


@pytest.mark.parametrize(("saddle", "verdict"), [(None, "not testable"), (True, "holds"), (False, "does not hold")])
def test_the_theorem_names_its_command(saddle, verdict):
    row = assess(EMPTY, EMPTY, saddle=saddle).set_index("claim").loc["saddle-at-zero"]
    assert row["verdict"] == verdict
    assert "python -m fmnist_lab saddle" in row["reason"]


def test_join_keeps_every_run_once_with_its_settings(build):
    sweep = build({"lr": [0.1, 0.002]})
    runs = join(pd.concat([sweep.results] * 2), sweep.settings)
    assert len(runs) == 4
    assert set(RESULTS) | {"model.name", "data.scaling", "cpu"} <= set(runs)
    assert list(runs["model.name"]) == list(runs["model"])


def test_metrics_of_a_curve():
    laboratory = Laboratory().train(0.8, model="custom", seeds=[3])
    runs, curves = laboratory.frames
    curves["validation_accuracy"] = [0.5, 0.7, 0.6, 0.8, 0.75, 0.8, 0.8, 0.8, 0.8, 0.8]
    curves["train_loss"] = np.arange(10.0, 0.0, -1.0)
    samples = Samples(runs, curves, load_claims().base)
    sample = {"model": "custom"}
    found = {m: samples.measure(sample, m)[3] for m in ("lowest", "highest", "drops", "mean_loss", "early_loss")}
    assert found == pytest.approx({"lowest": 0.5, "highest": 0.8, "drops": 0.15, "mean_loss": 5.5, "early_loss": 9.0})
    assert samples.measure({**sample, "at": 2}, "validation_accuracy")[3] == 0.7
    assert samples.measure(sample, "gap")[3] == pytest.approx(0.025)
    assert list(samples.shows(sample, "loss_falls")) == list(samples.shows(sample, "accuracy_falls")) == [True]


@pytest.mark.promise
def test_real_runs_are_assessed(small):
    """Networks trained for one epoch on 2 000 images take the place of the runs of Table 3."""
    from fmnist_lab.runs.run import train

    configs = [
        small("architecture.hidden=[256]", f"model={m}", f"seed={s}") for m in ("custom", "torch") for s in range(5)
    ]
    frames = gather([(train(config), flat(config)) for config in configs])
    claims = load_claims()
    base = {**claims.base, "epochs": 1, "data.validation": 58000, "data.split": "last"}
    claims = dataclasses.replace(claims, base=base)
    table = assess(join(frames.results, frames.settings), frames.curves, claims=claims).set_index("claim")
    entry = table.loc["table3-256-custom-accuracy"]
    assert (entry["verdict"], entry["n"]) == ("published higher", 5)
    assert table.loc["table3-accuracy", "verdict"] in ("holds", "inconclusive")
    assert table.loc["table3-256-custom-time", "measured"]
    assert table.loc["table1-16-128-custom-accuracy", "reason"] == "no run yet"
