"""The benchmark: its arithmetic, its tables from invented measurements, and peers that do the same work as the lab."""

from __future__ import annotations

import importlib.util
import json
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fmnist_lab import training
from fmnist_lab.compose import compose
from fmnist_lab.runs import run
from support.paths import ROOT

SCRIPTS = ROOT / "scripts" / "maintenance"
IMAGES, BATCH, HIDDEN = 300, 64, "16,8"  # five updates, the last of 44 images


@pytest.fixture(scope="module", autouse=True)
def scripts_on_the_path() -> Iterator[None]:
    """The parts are found as when the script is started; what was imported so is forgotten afterwards."""
    sys.path.insert(0, str(SCRIPTS))
    yield
    sys.path.remove(str(SCRIPTS))
    for name in [name for name in sys.modules if name.split(".")[0] == "benchmark"]:
        del sys.modules[name]


def invented(part: str, rounds: int = 2) -> pd.DataFrame:
    """Measurements of a part: every task's, a power of two seconds for each contender."""
    from benchmark.parts import PARTS
    from benchmark.tasks import Task, take_turns

    def value(task: Task) -> dict[str, float]:
        if task.contender == "peak":
            return {"flops_per_second": 1e9}
        return {"seconds": 2.0 ** len(task.contender), "total_seconds": float(task.setting.epochs)}

    tasks = [Task(t.contender, t.setting, lambda t=t: value(t), t.expected) for t in PARTS[part](True)]
    *_, last = take_turns(tasks, rounds, lambda text: None)
    return last.frame()


def test_flops_of_a_step_count_two_products_in_the_first_layer_and_three_above() -> None:
    from benchmark.arithmetic import step_flops

    first, second, last = 784 * 256, 256 * 128, 128 * 10
    assert step_flops(100, [784, 256, 128, 10]) == 2 * 100 * (2 * first + 3 * second + 3 * last)
    assert step_flops(1, [5, 3, 2]) == 2 * (2 * 15 + 3 * 6)


def test_flops_of_an_epoch_are_those_of_its_training_images() -> None:
    from benchmark.arithmetic import epoch_flops, step_flops

    assert epoch_flops("256,128") == step_flops(len(run.load_data(compose()).train.rows), [784, 256, 128, 10])


def test_the_floor_is_flops_over_the_peak_of_the_same_round() -> None:
    from benchmark.arithmetic import FLOOR, epoch_flops, epoch_seconds

    frame = invented("epoch")
    frame.loc[(frame["contender"] == "peak") & (frame["round"] == 2), "value"] = 4e9
    floor = epoch_seconds(frame)[FLOOR].xs("256,128", level="hidden")
    assert floor.tolist() == pytest.approx([epoch_flops("256,128") / 1e9, epoch_flops("256,128") / 4e9])


def test_ratios_are_taken_within_a_round() -> None:
    from benchmark.arithmetic import epoch_seconds, ratio

    frame = invented("epoch")
    frame.loc[frame["round"] == 2, "value"] *= 10  # a disturbed round: all its contenders suffer alike
    found = ratio(epoch_seconds(frame), "torch", "custom")
    assert np.all(found == 2.0 ** (len("torch") - len("custom")))


def test_the_fastest_eager_script_is_the_faster_of_the_two_in_each_round() -> None:
    from benchmark.arithmetic import EAGER, epoch_seconds

    frame = invented("threads")
    frame.loc[(frame["contender"] == "torch_eager_float") & (frame["round"] == 2), "value"] = 0.5
    frame.loc[(frame["contender"] == "torch_eager_bytes") & (frame["round"] == 1), "value"] = 0.25
    fastest = epoch_seconds(frame)[EAGER].groupby("round").max()
    assert fastest.tolist() == [0.25, 0.5]


def test_a_failed_task_is_named_and_not_tried_again() -> None:
    from benchmark.tasks import Setting, Task, take_turns

    tried = []

    def fail() -> dict[str, float]:
        tried.append(1)
        raise subprocess.CalledProcessError(1, ["peer"], stderr="Traceback\nModuleNotFoundError: no jax\n")

    tasks = [Task("jax_jit", Setting("8"), fail, 1), Task("custom", Setting("8"), lambda: {"seconds": 1.0}, 1)]
    *_, done = take_turns(tasks, 3, lambda text: None)
    assert done.failures == {"jax_jit [8]": "ModuleNotFoundError: no jax"}
    assert len(tried) == 1
    assert done.frame()["contender"].tolist() == ["custom"] * 3


def test_every_other_round_goes_backwards() -> None:
    from benchmark.tasks import Setting, Task, take_turns

    order: list[str] = []
    tasks = [Task(name, Setting(), lambda name=name: order.append(name) or {}, 1) for name in "ab"]
    list(take_turns(tasks, 3, lambda text: None))
    assert "".join(order) == "abbaab"


@pytest.mark.parametrize(
    ("sense", "median", "verdict"),
    [
        ("at most", 1.15, "met"),
        ("at most", 1.16, "missed"),
        ("at least", 1.15, "met"),
        ("at least", 1.14, "missed"),
        ("reported", 9.0, "reported"),
    ],
)
def test_a_target_is_met_up_to_its_bound(sense: str, median: float, verdict: str) -> None:
    from benchmark.targets import Target

    assert Target("", "epoch", sense, 1.15, dict).verdict(median) == verdict


def test_targets_without_measurements_are_listed() -> None:
    from benchmark.targets import TARGETS, targets

    table = targets({})
    assert set(table["verdict"]) == {"not measured"}
    assert len(table) == len(TARGETS)


def test_pages_tables_and_figures_come_from_the_measurements_in_the_folder(tmp_path: Path) -> None:
    from benchmark import results

    for part in ("epoch", "scaling"):
        conditions = results.conditions(2, True, "--quick") | {"not_measured": {"jax_jit [256]": "no jax"}}
        results.save(tmp_path, part, invented(part), conditions)
    targets = results.write(tmp_path).set_index(["what", "where"])
    times = targets.loc[("DataLoader, 2 workers, over custom", "[256,128]")]
    assert (times["median"], times["verdict"]) == (2.0 ** (len("torch_dataloader_2") - len("custom")), "met")
    page = (tmp_path / "benchmark.md").read_text("utf-8")
    assert "QUICK" in page
    assert "Not measured: jax_jit [256]: no jax" in page
    assert "| 1024,128 | " in page
    for name in ("epoch.png", "epoch.svg", "scaling.png", "scaling.svg", "targets.md", "provenance.json"):
        assert (tmp_path / name).stat().st_size > 0


def test_no_path_is_among_the_options_that_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = runpy.run_path(str(SCRIPTS / "benchmark" / "run.py"))
    monkeypatch.setattr(sys, "argv", ["run.py", "--quick", "--parts", "epoch,cold", "--out", str(tmp_path)])
    options = script["described"](script["arguments"]())
    assert options.startswith("--quick --parts epoch,cold --contenders peak,gemms,")
    assert str(tmp_path) not in options


def test_options_that_do_not_exist_are_refused() -> None:
    command = [sys.executable, str(SCRIPTS / "benchmark" / "run.py"), "--parts", "epoch,speed"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "speed: must be of epoch, threads" in done.stderr


@pytest.mark.slow
def test_the_command_measures_a_part_and_prints_the_targets(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPTS / "benchmark" / "run.py"), "--quick", "--parts", "startup", "--out"]
    done = subprocess.run([*command, str(tmp_path)], check=True, capture_output=True, text=True, timeout=600)
    assert "round 2 of 2\n| what | where | target | verdict |" in done.stdout
    measured = pd.read_csv(tmp_path / "startup.csv")
    assert set(measured["contender"]) == {"python", "import fmnist_lab", "--help", "dry run", "tiny run"}
    assert (measured["value"] > 0).all()


@pytest.fixture(scope="module")
def loss() -> float:
    """The project's own model: the mean loss of an epoch of few images."""
    config = compose(f"architecture.hidden=[{HIDDEN}]", f"batch_size={BATCH}", "lr=0.002")
    model, dataset = run.initialize(config), run.load_data(config)
    train_subset, _, _ = run.feed_all(model, dataset)
    rows = run.generator(config.seed, "order").permutation(train_subset.rows[:IMAGES])
    return float(training.train_epoch(model, train_subset.feed, rows, BATCH).mean())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "options"),
    [
        ("project", ["--model", "torch"]),
        ("torch_eager", ["--resident", "float32"]),
        ("torch_eager", ["--resident", "uint8"]),
        ("jax_jit", []),
    ],
)
def test_a_peer_does_the_same_updates_as_the_project(script: str, options: list[str], loss: float) -> None:
    if script == "jax_jit" and importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    arguments = ["--hidden", HIDDEN, "--batch", str(BATCH), "--images", str(IMAGES), "--warm-up", "0", *options]
    command = [sys.executable, str(SCRIPTS / "benchmark" / "peers" / f"{script}.py"), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured["losses"] == [pytest.approx(loss, rel=1e-5)]
    assert measured["seconds"][0] > 0
