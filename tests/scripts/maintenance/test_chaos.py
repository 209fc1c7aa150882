"""A short version of scripts/maintenance/chaos.py: sweeps struck at random instants lose nothing."""

import importlib.util
import os
import sys

import pytest

from support.paths import ROOT

if not sys.platform.startswith("linux"):
    pytest.skip("chaos needs Linux: signals, file-size limits and /proc", allow_module_level=True)

SCRIPT = ROOT / "scripts" / "maintenance" / "chaos.py"
FEW = ("seed=0,1,2", "model=custom", "epochs=1", "architecture.hidden=[8]", "data.validation=58000", "data.split=last")


@pytest.fixture(scope="module")
def chaos():
    spec = importlib.util.spec_from_file_location("chaos", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["chaos"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    yield module
    del sys.modules["chaos"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "launcher"),
    [("kill -9", "basic"), ("kill -9", "joblib"), ("kill -9 of a worker", "joblib"), ("file-size limit", "basic")],
)
def test_a_struck_sweep_loses_nothing(chaos, way, launcher):
    tally = chaos.attempt(way, launcher, 1, FEW, seed=os.getpid())  # other instants each time
    assert tally.strikes >= 1
    assert (tally.touched, tally.different, tally.wrong) == (0, 0, [])


def test_a_run_trained_again_would_be_noticed(chaos, tmp_path):
    arena = chaos.Arena(tmp_path, (), None)
    summary = tmp_path / "outputs" / "runs" / "r0123456789ab" / "summary.json"
    summary.parent.mkdir(parents=True)
    summary.write_text("{}")
    assert (arena.touched(), len(arena.seen)) == (0, 1)
    assert arena.touched() == 0
    summary.unlink()
    assert arena.touched() == 1
    summary.write_text("{}")
    assert arena.touched() == 1
