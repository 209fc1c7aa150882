"""The scripts around the launchers: a cost that grows too fast is noticed, a broken promise is in the table."""

import contextlib
import importlib
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pandas as pd
import pytest

from support.paths import ROOT

SCRIPTS = ROOT / "scripts" / "maintenance"


@pytest.fixture
def load(monkeypatch):
    """Imports a script as if it had been started."""

    def script(path):
        monkeypatch.syspath_prepend(SCRIPTS)
        monkeypatch.syspath_prepend((SCRIPTS / path).parent)
        name = Path(path).stem
        module = importlib.import_module(name)
        monkeypatch.delitem(sys.modules, name)
        return module

    return script


@pytest.mark.parametrize(("law", "passes"), [(lambda n: 100 + 3 * n, True), (lambda n: 100 + n * n / 100, False)])
def test_what_grows_faster_than_linearly_is_noticed(load, law, passes):
    scale = load("scale.py")
    table = pd.DataFrame({"runs": scale.COUNTS, **{name: list(map(law, scale.COUNTS)) for name in scale.TOTALS}})
    assert bool((scale.growth(table) <= scale.LIKE_LINEAR).all()) is passes


RESULTS = """<testsuite>
<testcase classname="tests.sweeps.launchers.test_contract" name="test_all_is_well[slurm]"/>
<testcase classname="tests.sweeps.launchers.test_contract" name="test_all_is_well[ray-1]"><skipped/></testcase>
<testcase classname="tests.sweeps.launchers.test_contract" name="test_all_is_well[ray-2]"><failure/></testcase>
<testcase classname="tests.sweeps.launchers.test_contract" name="test_all_is_well[joblib]"><skipped/></testcase>
<testcase classname="tests.sweeps.launchers.test_faults" name="test_it_is_cut[way]">
<properties><property name="seen" value="said so"/></properties></testcase>
</testsuite>"""


def test_the_tables_show_what_was_tried_and_what_failed(load):
    contract = load("launchers/contract.py")
    cases = contract.latest(ElementTree.fromstring(RESULTS).iter("testcase"))
    assert contract.contract(cases)[1] == ["all is well", "not tried", "not tried", "not tried", "yes", "NO"]
    assert contract.faults(cases)[1] == ["it is cut (way)", "said so", "yes"]


@pytest.mark.parametrize(("status", "complete"), [(0, True), (1, True), (2, False), (3, False), (5, False)])
def test_the_tables_are_written_only_when_every_test_was_tried(load, monkeypatch, status, complete):
    """Exit status 2 of pytest: interrupted, or a test file that cannot be read."""
    contract, written = load("launchers/contract.py"), []
    monkeypatch.setattr(contract, "real_slurm", contextlib.nullcontext)
    monkeypatch.setattr(contract, "run_tests", lambda *_: status)
    monkeypatch.setattr(contract, "write", written.extend)
    assert contract.main([]) == status
    assert bool(written) is complete


def test_a_later_outcome_counts_unless_it_was_skipped(load):
    contract = load("launchers/contract.py")
    first, skipped, later = (
        ElementTree.fromstring(f'<testcase classname="c" name="n">{inner}</testcase>')
        for inner in ("<failure/>", "<skipped/>", "")
    )
    assert contract.outcome(contract.latest([first, skipped])[0]) == "NO"
    assert contract.outcome(contract.latest([first, later])[0]) == "yes"
