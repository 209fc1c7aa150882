"""The audit on tables made by a known law, on values computed by hand, and on real small runs."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fmnist_lab.audit import run
from fmnist_lab.audit.outcome import findings, heat_map, write_audit
from fmnist_lab.audit.planted import APART, plant, spread_out, try_planted
from fmnist_lab.audit.search import (
    ALPHA,
    CANDIDATE,
    assume_networks,
    candidates,
    candidates_alike,
    choose,
    in_common,
    misfits,
    noise,
    printed_entries,
    transfer,
    unexplained,
)
from fmnist_lab.reproduction.candidates import stated_setting
from fmnist_lab.reproduction.report import load_report
from fmnist_lab.results.style import applied, render
from fmnist_lab.sweeps import experiments
from fmnist_lab.sweeps.launchers import registry

REPORT = load_report()
NETWORKS = ["[8, 128]", "[16, 128]", "[64, 128]", "[1024, 128]", "[256, 8]", "[256, 16]", "[256, 64]", "[256, 1024]"]
ONE_LAYER = ["[256]", "[256, 10]"]
SD = 0.004
FINALISTS = [(0.02, 128), (0.01, 64), (0.05, 256)]


def accuracy(network, model, lr_updates):
    """Return the accuracy by a made-up law: wider networks and the custom model learn faster, with falling gains."""
    gain = 1 + 0.1 * [*NETWORKS, *ONE_LAYER].index(network) + 0.5 * (model == "custom")
    return 0.90 - 0.30 * (1 + gain * lr_updates) ** -0.4


def measure(rng, sd=SD, finalists=FINALISTS, seeds=5, rates=(0.002, 0.01, 0.02, 0.05), epochs=12):
    """Return measurements under that law: all seeds at the finalists, else one seed and no layer of 1024 units."""
    rows = []
    for lr in rates:
        for batch_size in (64, 128, 256):
            final = (lr, batch_size) in finalists
            for network in [*NETWORKS, *ONE_LAYER]:
                if not final and "1024" in network:
                    continue
                for model in ("custom", "torch"):
                    for seed in range(seeds if final else 1):
                        own = rng.normal(0, sd / math.sqrt(2))
                        for epoch in range(1, epochs + 1):
                            updates = math.ceil(48_000 / batch_size) * epoch
                            seen = accuracy(network, model, lr * updates) + own + rng.normal(0, sd / math.sqrt(2))
                            rows.append((network, model, lr, batch_size, epoch, updates, seed, seen))
    names = ["architecture", "model", "lr", "batch_size", "epochs", "updates", "seed", "test_accuracy"]
    return pd.DataFrame(rows, columns=names)


def print_at(lr_updates, rng, sd=SD):
    """Return the tables of the report as the law would give them; the network of one layer was 256-10."""
    entries = printed_entries(REPORT)
    meant = entries["hidden"].replace("[256]", "[256, 10]")
    exact = [accuracy(network, model, lr_updates) for network, model in zip(meant, entries["model"], strict=True)]
    return entries.assign(published=np.array(exact) + rng.normal(0, sd, len(entries)))


@pytest.fixture(scope="module")
def measured():
    return measure(np.random.default_rng(1))


@pytest.fixture(scope="module")
def printed():
    return print_at(52.5, np.random.default_rng(2))


@pytest.fixture(scope="module")
def misfit(measured, printed):
    return misfits(measured, printed)


@pytest.fixture(scope="module")
def ranked(misfit):
    return candidates(misfit)


def test_every_entry_at_table_settings_is_there_and_one_layer_has_two_candidate_networks():
    entries = printed_entries(REPORT)
    assert len(entries) == 16
    assert "[8, 128]" not in set(entries["hidden"])  # trained for more epochs than the others
    assert entries.set_index(["table", "hidden", "model"])["published"]["table2", "[256, 16]", "custom"] == 0.8448
    assumed = assume_networks(entries)
    assert len(assumed) == 18
    third, others = assumed[assumed["table"] == "table3"], assumed[assumed["table"] != "table3"]
    assert set(zip(third["reading"], third["architecture"], strict=True)) == {(one, one) for one in ONE_LAYER}
    assert (others["architecture"] == others["hidden"]).all()


def one_network(values, published):
    """Return two epochs of one network with these accuracies in the second, and its printed entry."""
    rows = [("[8]", "custom", 0.1, 64, epoch, epoch, seed, value - 0.5 * (epoch == 1))
            for epoch in (1, 2) for seed, value in enumerate(values)]  # fmt: skip
    names = ["architecture", "model", "lr", "batch_size", "epochs", "updates", "seed", "test_accuracy"]
    entry = {"table": "t", "hidden": "[8]", "model": "custom", "published": published}
    return pd.DataFrame(rows, columns=names), pd.DataFrame([entry])


def test_a_misfit_is_the_difference_in_half_widths_of_the_prediction_interval():
    values = [0.80, 0.81, 0.83]
    row = misfits(*one_network(values, published=0.82)).set_index("epochs").loc[2]
    half_width = stats.t.ppf(0.975, 2) * np.std(values, ddof=1) * math.sqrt(1 + 1 / 3)
    assert row["half_width"] == pytest.approx(half_width)
    assert row["misfit"] == pytest.approx((0.82 - np.mean(values)) / half_width)
    assert row["p"] == pytest.approx(2 * stats.t.sf(row["misfit"] * stats.t.ppf(0.975, 2), 2))
    assert (row["n"], row["degrees"], row["updates"]) == (3, 2, 2)


def test_noise_is_that_near_the_printed_accuracy():
    measured, printed = one_network([0.80, 0.81, 0.83], published=0.81)
    measured.loc[measured["epochs"] == 1, "test_accuracy"] = [0.2, 0.4, 0.6]
    (row,) = noise(measured, assume_networks(printed)).to_dict("records")
    assert (row["sd"], row["degrees"]) == (pytest.approx(np.std([0.80, 0.81, 0.83], ddof=1)), 2)
    (far,) = noise(measured, assume_networks(printed.assign(published=0.95))).to_dict("records")
    assert far["sd"] == pytest.approx(math.sqrt((row["sd"] ** 2 + 0.2**2) / 2))


def test_a_network_with_one_seed_gets_the_noise_of_other_networks_of_its_model():
    measured, printed = one_network([0.80, 0.81, 0.83], published=0.81)
    other = measured[measured["seed"] == 0].assign(architecture="[16]")
    entries = assume_networks(pd.concat([printed, printed.assign(hidden="[16]"), printed.assign(model="torch")]))
    found = noise(pd.concat([measured, other]), entries).set_index(["hidden", "model"])["sd"]
    assert found["[8]", "custom"] == found["[16]", "custom"]
    assert ("[8]", "torch") not in found


@settings(max_examples=20)
@given(st.floats(-0.3, 0.1))
def test_only_differences_count(shift):
    measured, printed = one_network([0.80, 0.81, 0.83], published=0.82)
    before = misfits(measured, printed)["misfit"]
    measured["test_accuracy"] += shift
    np.testing.assert_allclose(misfits(measured, printed.assign(published=0.82 + shift))["misfit"], before, atol=1e-6)


def test_the_settings_behind_a_table_are_kept_with_equivalent_ones(ranked):
    for table, rows in ranked.groupby("table"):
        kept = rows[rows["kept"]]
        at = kept[(kept["lr"] == 0.02) & (kept["batch_size"] == 128) & (kept["epochs"] == 7)]
        assert len(at), table
        twin = kept[(kept["lr"] == 0.01) & (kept["batch_size"] == 64) & (kept["epochs"] == 7)]
        assert len(twin), table
        assert at["lr_updates"].iloc[0] == twin["lr_updates"].iloc[0] == 52.5
    full = ranked[(ranked["seeds"] == 5) & (ranked["table"] != "table3")]
    assert full.loc[full["kept"], "lr_updates"].between(52.5 / 2, 52.5 * 2).all()
    assert not ranked.loc[ranked["lr"] == 0.002, "kept"].any()


def test_candidates_measured_in_full_come_first_and_the_best_of_them_lead(ranked):
    for _, rows in ranked.groupby("table"):
        full = rows[rows["seeds"] == 5]
        assert list(full.index) == list(rows.index[: len(full)])
        assert full["misfit"].is_monotonic_increasing
        assert full.iloc[0]["p"] > ALPHA
        assert 52.5 / APART < full.iloc[0]["lr_updates"] < 52.5 * APART or rows["cells"].max() == 2


def test_a_wrong_printed_value_is_named_and_does_not_change_the_best_candidate(measured, printed, ranked):
    slip = (printed["hidden"] == "[16, 128]") & (printed["model"] == "custom")
    misfit = misfits(measured, printed.assign(published=printed["published"] + 0.03 * slip))
    again = candidates(misfit)
    missed = unexplained(misfit, again)
    assert list(zip(missed["table"], missed["hidden"], missed["model"], strict=True)) == [
        ("table1", "[16, 128]", "custom")
    ]
    first, now = (f[(f["table"] == "table1") & (f["seeds"] == 5)].iloc[0] for f in (ranked, again))
    assert first["lr_updates"] / APART <= now["lr_updates"] <= first["lr_updates"] * APART
    assert now["scale"] == 1


def test_when_nothing_fits_the_best_is_kept_and_the_scale_exceeds_1(measured, printed):
    wrong = printed.assign(published=printed["published"] + np.where(np.arange(len(printed)) % 4 < 2, 0.05, -0.05))
    for _, rows in candidates(misfits(measured, wrong)).groupby("table"):
        assert rows["kept"].any()
        assert rows["scale"].iloc[0] > 2 or rows["cells"].max() == 2


def test_what_fits_only_in_widened_intervals_explains_nothing(measured, printed):
    wrong = printed.assign(published=printed["published"] + np.where(np.arange(len(printed)) % 4 < 2, 0.05, -0.05))
    misfit = misfits(measured, wrong)
    assessed = transfer(misfit, candidates(misfit))
    widened = assessed[(assessed["found_on"] == assessed["judged_on"]) & (assessed["scale"] > 1)]
    assert set(widened["judged_on"]) >= {"table1", "table2"}
    assert set(widened["verdict"]) == {"nothing fits: intervals widened"}


def test_the_finalists_are_the_best_of_each_table_in_turn():
    rows = [("a", 0.1, 64, 0.1), ("a", 0.2, 64, 0.2), ("b", 0.1, 64, 0.3), ("b", 0.3, 64, 0.4), ("b", 0.2, 128, 0.5)]
    frame = pd.DataFrame(rows, columns=["table", "lr", "batch_size", "misfit"])
    assert choose(frame, 2) == [(0.1, 64), (0.2, 64)]
    assert choose(frame, 9) == [(0.1, 64), (0.2, 64), (0.3, 64), (0.2, 128)]


def test_no_setting_is_a_finalist_because_it_has_more_measurements(printed):
    measured = measure(np.random.default_rng(1), finalists=[(0.02, 128)])
    repeated = (measured["lr"] == 0.02) & (measured["batch_size"] == 128)
    measured.loc[repeated, "test_accuracy"] -= 0.05 * measured["architecture"].isin(["[8, 128]", "[256, 8]", "[256]"])
    assert choose(candidates(misfits(measured, printed)), 1) == [
        (0.02, 128)
    ]  # it has the most measurements, although it fits worse
    ranked = candidates_alike(measured, printed)
    assert set(ranked["seeds"]) == {1}
    assert (ranked.groupby("table")["cells"].nunique() == 1).all()
    assert all(rows["misfit"].is_monotonic_increasing for _, rows in ranked.groupby("table"))
    assert (0.02, 128) not in choose(ranked, 3)


def test_in_common_keeps_what_was_measured_at_all_settings():
    measured = measure(np.random.default_rng(1), seeds=2)
    gap = (measured["architecture"] == "[8, 128]") & (measured["model"] == "torch") & (measured["lr"] == 0.05)
    entries = in_common(measured[~gap]).groupby(["lr", "batch_size"])[["architecture", "model"]]
    assert entries.ngroups == 12
    for _, rows in entries:
        assert len(rows.drop_duplicates()) == len(rows) / 12 == 2 * (len(NETWORKS) - 2 + len(ONE_LAYER)) - 1


def test_settings_explain_their_own_table_and_are_tested_on_the_others(misfit, ranked):
    assessed = transfer(misfit, ranked)
    assert len(assessed) == 9
    own = assessed["found_on"] == assessed["judged_on"]
    assert set(assessed.loc[own, "verdict"]) == {"explains"}
    assert set(assessed.loc[~own, "verdict"]) <= {"not given up", "given up"}
    alike = assessed[assessed["found_on"].isin(["table1", "table2"]) & assessed["judged_on"].isin(["table1", "table2"])]
    assert "given up" not in set(alike["verdict"])


@pytest.mark.promise
def test_planted_settings_are_found_at_the_rate_of_the_confidence(measured):
    found = try_planted(measured, printed_entries(REPORT))
    apart = found.drop_duplicates("lr_updates")["lr_updates"]
    assert (apart.diff().dropna() > 0).all()
    assert (apart.to_numpy()[1:] / apart.to_numpy()[:-1] >= APART - 1e-9).all()
    assert len(found) >= 20
    assert found["found"].mean() >= 0.9
    sharp = found[found["table"] != "table3"]
    assert (sharp["high"] / sharp["low"] < found["high"].max() / found["low"].min() / 2).mean() > 0.9


def test_planted_runs_are_not_among_the_measurements(measured):
    entries = assume_networks(printed_entries(REPORT))
    first = entries[entries["table"] == "table1"]
    setting = pd.Series({"lr": 0.02, "batch_size": 128, "epochs": 7})
    planted, known = plant(measured, first, setting, number=1)
    assert len(planted) == len(first)
    at = known[(known["lr"] == 0.02) & (known["batch_size"] == 128) & (known["epochs"] == 7)]
    for entry in planted.to_dict("records"):
        left = at[(at["architecture"] == entry["hidden"]) & (at["model"] == entry["model"])]
        assert len(left) == 4
        assert entry["published"] in set(measured["test_accuracy"])
        assert entry["published"] not in set(known["test_accuracy"])


def test_planted_settings_differ():
    settings = pd.DataFrame({"lr": 0.1, "lr_updates": [10.0, 1.0, 1.2, 1.5, 2.0, 2.2]})
    assert [setting["lr_updates"] for setting in spread_out(settings)] == [1.0, 1.5, 2.2, 10.0]


@pytest.mark.promise
def test_the_audit_writes_its_outcome(measured, tmp_path):
    sentences = write_audit(measured, REPORT, tmp_path)
    tables = ("measured", "misfits", "candidates", "ranking", "unexplained", "transfer", "planted")
    others = ("heat_map.png", "heat_map.svg", "findings.txt")
    assert {path.name for path in tmp_path.iterdir()} == {*(f"{name}.csv" for name in tables), *others}
    assert (tmp_path / "findings.txt").read_text().splitlines() == sentences
    assert [line.split(":")[0] for line in sentences] == ["table1", "table2", "table3", "planted tables"]
    ranking = pd.read_csv(tmp_path / "ranking.csv")
    stated = stated_setting(REPORT)
    assert stated == {"lr": 0.002, "batch_size": 128, "epochs": 10}
    at = ranking[(ranking[list(stated)] == list(stated.values())).all(axis=1)]
    assert len(at) == 4
    assert ranking["kept"].sum() + (~at["kept"]).sum() == len(ranking)


@pytest.mark.promise
def test_without_planted_tables_the_audit_still_has_findings_for_each_table(measured, tmp_path):
    (tmp_path / "planted.csv").touch()
    sentences = write_audit(measured, REPORT, tmp_path, prove=False)
    assert [line.split(":")[0] for line in sentences] == ["table1", "table2", "table3"]
    assert not (tmp_path / "planted.csv").exists()


def test_changing_a_printed_value_changes_the_findings(measured):
    table = REPORT.tables["table1"]
    rows = tuple(
        dataclasses.replace(
            row, entries={model: entry._replace(test_accuracy=0.7) for model, entry in row.entries.items()}
        )
        for row in table.rows
    )
    changed = dataclasses.replace(REPORT, tables={**REPORT.tables, "table1": dataclasses.replace(table, rows=rows)})
    before, after = (findings_of(measured, report) for report in (REPORT, changed))
    assert after[0] != before[0]
    assert after[1:] == before[1:]


def findings_of(measured, report):
    misfit = misfits(measured, printed_entries(report))
    ranked = candidates(misfit)
    return findings(ranked, unexplained(misfit, ranked), stated_setting(report))


@pytest.mark.promise
def test_the_heat_map_is_the_same_whenever_it_is_drawn(ranked):
    with applied():
        first, second = (render(heat_map(ranked, stated_setting(REPORT)))["svg"] for _ in range(2))
    assert first == second
    assert b"Table 3 as [256, 10], batch 64" in first


def test_candidates_are_each_there_once(ranked):
    assert not ranked.duplicated(CANDIDATE).any()


# On the real data: a table of tiny networks.

TINY = ("data.validation=58000", "data.split=last", "epochs=3", "test_every_epoch=true", "batch_size=16")


@pytest.mark.slow
def test_settings_planted_in_real_runs_are_found(tmp_path, monkeypatch):
    words = [*TINY, "lr=0.02,0.1", "architecture.hidden=[8],[16]", f"outputs={tmp_path.as_posix()}"]
    jobs = experiments.plan_seeds(experiments.expand(*words), range(5))
    with experiments.opened("audit", jobs, jobs) as console:
        experiments.train_missing(jobs, jobs, console, "tiny", registry.choose_launcher())
    measured = run.tested(jobs)
    assert len(measured) == 2 * 2 * 2 * 5 * 3
    assert set(measured["updates"]) == {125, 250, 375}
    ends = [job.record.summary()["test_accuracy"] for job in jobs]
    np.testing.assert_array_equal(measured.loc[measured["epochs"] == 3, "test_accuracy"], ends)
    layout = pd.DataFrame(
        [("tiny", hidden, model, 0.0) for hidden in ("[8]", "[16]") for model in ("custom", "torch")],
        columns=["table", "hidden", "model", "published"],
    )
    found = try_planted(measured, layout)
    assert len(found) >= 3
    assert found["found"].mean() >= 0.9
