"""The wheel works in another folder, with the configuration it carries."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def python(*arguments: str, folder: Path, **environment: str) -> str:
    outcome = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=os.environ | environment, capture_output=True, text=True
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return outcome.stdout


def test_the_wheel_runs_from_another_folder(tmp_path):
    python("-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path), folder=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    pip = ("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(site), str(wheel))
    python(*pip, folder=elsewhere)
    where = "from fmnist_lab.config import conf_folder; print(conf_folder())"
    assert python("-c", where, folder=elsewhere, PYTHONPATH=str(site)).strip() == str(site / "fmnist_lab" / "conf")
    templates = "from fmnist_lab.report.markup import environment; print(*sorted(environment().list_templates()))"
    carried = python("-c", templates, folder=elsewhere, PYTHONPATH=str(site)).split()
    assert {"page.css", "page.html.j2", "page.js", "table.html.j2"} <= {*carried}
    small = ("epochs=1", "architecture.hidden=[8]", "data.validation=58000")
    launched = ("-m", "lr=0.1", "hydra/launcher=joblib")
    said = python("-m", "fmnist_lab", *launched, *small, folder=elsewhere, PYTHONPATH=str(site))
    assert said.startswith("2 runs to train")
    assert len(list((elsewhere / "outputs" / "runs").glob("*/summary.json"))) == 2
