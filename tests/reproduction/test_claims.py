"""Every claim has a test or a reason, refers to printed values that exist, and its experiments train its runs."""

import itertools
import math
import re

import pandas as pd
import pytest
import yaml

from fmnist_lab.comparison.parsing import KNOWN_BASES, package_text
from fmnist_lab.comparison.run_selection import Samples
from fmnist_lab.compose import compose
from fmnist_lab.config.identity import flat
from fmnist_lab.config.schema import Config, constraints
from fmnist_lab.errors import InputError
from fmnist_lab.reproduction.claims import (
    KINDS,
    Claim,
    Majority,
    Opposed,
    Paired,
    Printed,
    Returns,
    Value,
    doublings,
    load_claims,
    parse_claims,
    printed,
)
from fmnist_lab.reproduction.report import load_report
from fmnist_lab.results.frames import KEYS
from support.paths import ROOT

TEXT = package_text("fmnist_lab.reproduction", "claims.yaml")
CLAIMS = load_claims()
EXPERIMENTS = ROOT / "conf" / "experiment"


def of_kind(kind: str) -> list[Claim]:
    return [claim for claim in CLAIMS.claims.values() if claim.kind == kind]


def samples_of(claim: Claim) -> list[dict]:
    """Return every sample that the tests of a claim measure, those of printed values at the settings of the report."""
    found = []
    for test in claim.tests:
        match test:
            case Value() | Majority():
                found.append(test.sample)
            case Paired():
                found += [test.first, test.second]
            case Returns():
                found += [{**test.sample, "hidden": hidden} for hidden in test.hidden]
    if claim.kind in ("cell", "time"):
        (test,) = claim.tests
        found.append({"lr": CLAIMS.report.tables[test.table].lr, "hidden": test.hidden, "model": test.model})
    if claim.kind == "series":
        (test,) = claim.tests
        found.append({"lr": CLAIMS.report.figures[test.figure].lr, "model": test.model})
    return found


def planned(experiment: str) -> list[dict]:
    """Return the flat configuration of each run that a preset trains."""
    params = yaml.safe_load((EXPERIMENTS / f"{experiment}.yaml").read_text())["hydra"]["sweeper"]["params"]
    choices = {"model": "custom,torch", **params}
    values = [re.split(r",(?![^\[]*\])", str(choice)) for choice in choices.values()]
    overrides = [[f"{k}={v}" for k, v in zip(choices, run, strict=True)] for run in itertools.product(*values)]
    return [flat_text(compose(f"experiment={experiment}", *run)) for run in overrides]


def flat_text(config: Config) -> dict:
    return {key: str(value) if isinstance(value, list) else value for key, value in flat(config).items()}


def test_the_number_of_claims_of_each_kind():
    assert {kind: len(of_kind(kind)) for kind in ("series", "cell", "time", "note")} == {
        "series": 12,
        "cell": 18,
        "time": 18,
        "note": 18,
    }
    assert all(of_kind(kind) for kind in KINDS)


@pytest.mark.parametrize("claim", CLAIMS.claims.values(), ids=lambda claim: claim.id)
def test_every_claim_has_tests_or_a_reason(claim):
    assert claim.tests or claim.not_testable
    assert claim.statement
    assert claim.where
    assert claim.basis in KNOWN_BASES
    assert claim.published_runs >= 1
    assert claim.experiments or claim.command or claim.kind == "contradiction" or claim.not_testable


def test_settings_of_samples_are_configuration_keys():
    known = {*constraints(), *KEYS, "at"}
    used = {key for claim in CLAIMS.claims.values() for sample in samples_of(claim) for key in sample}
    assert used | set(CLAIMS.base) <= known
    assert {key for inferred in CLAIMS.inferred.values() for key in inferred.settings} <= known


@pytest.mark.promise
def test_the_experiments_of_every_claim_train_the_runs_of_its_tests():
    plans = {experiment: planned(experiment) for experiment in CLAIMS.experiments}
    samples = Samples(pd.DataFrame(), pd.DataFrame(), CLAIMS.base)
    for claim in CLAIMS.claims.values():
        runs = [run for experiment in claim.experiments for run in plans[experiment]]
        for sample in samples_of(claim):
            wanted = samples.resolve_settings(sample)
            assert any(all(run[key] == value for key, value in wanted.items()) for run in runs), (claim.id, sample)
    for table, inferred in CLAIMS.inferred.items():
        for hidden, model in itertools.product(
            itertools.chain.from_iterable(inferred.networks.values()), ("custom", "torch")
        ):
            wanted = samples.resolve_settings({**inferred.settings, "hidden": hidden, "model": model})
            runs = plans[inferred.experiment]
            assert any(all(run[key] == value for key, value in wanted.items()) for run in runs), (table, hidden)


def test_presets_and_claims_agree_on_the_basis_of_a_preset():
    for experiment, basis in CLAIMS.experiments.items():
        assert f"# Rests on: {basis}." in (EXPERIMENTS / f"{experiment}.yaml").read_text()


def test_printed_values_are_read_from_the_report():
    report = load_report()
    assert printed(report, {"table": "table1", "hidden": [8, 128], "model": "custom", "value": "seconds"}) == 307
    place = {"figure": "figure3", "metric": "training_loss", "model": "torch", "epoch": 10}
    assert printed(report, place) == 0.2783
    with pytest.raises(KeyError, match="no row"):
        printed(report, {"table": "table1", "hidden": [9], "model": "custom", "value": "seconds"})


def test_doublings():
    assert doublings(((8, 128), (64, 128), (1024, 128))) == (3.0, 4.0)
    assert math.isclose(doublings(((256, 10), (256, 20), (256, 30)))[1], math.log2(1.5))
    with pytest.raises(ValueError, match="wider"):
        doublings(((8,), (8,), (16,)))


def test_each_repeats_a_test_for_every_combination_of_its_values():
    tests = CLAIMS.claims["batch-size"].tests
    assert len(tests) == 8
    assert {(test.first["batch_size"], test.second["batch_size"]) for test in tests} == {
        (128, size) for size in (32, 64, 256, 512)
    }


def test_contradictions_have_their_tests():
    assert isinstance(CLAIMS.claims["table3-against-its-note"].tests[0], Opposed)
    assert all(isinstance(test, Printed) for test in CLAIMS.claims["tables-against-figure-2"].tests)


@pytest.mark.promise
@pytest.mark.parametrize(
    ("found", "spoilt", "named"),
    [
        ("sentences:\n", "phrases:\n", "phrases"),
        ("kind: value, metric: lowest", "kind: guess, metric: lowest", "kind=guess"),
        ("metric: lowest", "metric: lowliest", "large-rate-torch-lowest: metric=lowliest"),
        ("relation: lower, second: {lr: 0.002}", "relation: smaller, second: {lr: 0.002}", "relation=smaller"),
        ("mark: author's code", "mark: hearsay", "precision: mark=hearsay"),
        ("experiment: [batch_size]", "experiment: [batch]", "batch-size: experiment=batch"),
        ("shows: finished", "shows: done", "no-divergence: shows=done"),
        ("published: 0.66", "published: most", "tiny-rate-custom: 'most'"),
        ("  - id: epochs-agree\n", "  - id: best-rate\n", "two entries have the same id"),
        ("    not_testable: it is about the author's hardware\n", "", "epoch-time: .*not_testable"),
        ("claims: [table3-torch-faster,", "claims: [nothing,", "claims=nothing"),
        ("table: table1, hidden: [16, 128]", "table: table1, hidden: [17, 128]", "cell-printed-twice: .*17"),
        ("    - {hidden: [256, 8], model: torch", "    - {hidden: [256, 9], model: torch", "notes"),
        ("fitted_on: [table1", "fitted_on: [table9", "table1: fitted_on=table9"),
        ('{"[256]":', '{"[257]":', r"table3: networks=\[257\]"),
        ("accuracy: 0.01", "accuracy: small", "accuracy: 'small'"),
        ("sentences:\n", "sentences: [\n", "while parsing"),
    ],
)
def test_malformed_file_is_refused_in_one_line(found, spoilt, named):
    assert found in TEXT
    with pytest.raises(InputError, match=rf"^reproduction/claims\.yaml: .*({named})") as refusal:
        parse_claims(TEXT.replace(found, spoilt, 1), load_report())
    assert "\n" not in str(refusal.value)
