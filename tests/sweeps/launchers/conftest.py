"""The launchers that the contract is tried on. Basic and joblib always; the others as `make test-launchers` asks."""

import dataclasses
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ALWAYS = {"basic": (), "joblib": ("hydra.launcher.n_jobs=2",)}
ASKED = {"submitit_local": ("hydra.launcher.n_jobs=2",), "slurm": (), "ray": ()}
LAUNCHERS = ALWAYS | ASKED


def unavailable(name: str, asked: bool) -> str | None:
    """Why a launcher cannot be tried here."""
    if name in ALWAYS:
        return None
    if not asked:
        return "takes long, or a real cluster: make test-launchers"
    package = "ray" if name == "ray" else "submitit"
    if importlib.util.find_spec(package) is None:
        return f"{package} is not installed: make test-launchers"
    answers = name != "slurm" or (
        shutil.which("sinfo") and subprocess.run(["sinfo"], capture_output=True).returncode == 0
    )
    return None if answers else "no SLURM answers here: make test-launchers"


def need(name: str, request: pytest.FixtureRequest) -> None:
    """Skip the test when the launcher cannot be tried."""
    if reason := unavailable(name, request.config.option.markexpr in ("launchers", "launchers or not launchers")):
        pytest.skip(reason)


@pytest.fixture(
    scope="module",
    params=[*ALWAYS, *(pytest.param(name, marks=pytest.mark.launchers) for name in ASKED)],
)
def launcher(request):
    """A launcher's name."""
    need(request.param, request)
    return request.param


# The command itself is spared, except that of the basic launcher, whose worker it is.
GUARD = """import sys
if "fmnist_lab" not in sys.orig_argv or "hydra/launcher=basic" in sys.orig_argv:
"""


@pytest.fixture
def require(request):
    """Skips the test when the launcher that it is given cannot be tried."""
    return lambda name: need(name, request)


class Planted:
    """Code that every worker runs before anything else, by Python's own customisation module."""

    def __init__(self, folder: Path, code: str) -> None:
        self.folder = folder
        (folder / "sitecustomize.py").write_text(f"{GUARD}    exec({code!r})\n")

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": os.pathsep.join([str(self.folder), os.environ.get("PYTHONPATH", "")])}


@pytest.fixture
def plant(tmp_path_factory):
    return lambda code: Planted(tmp_path_factory.mktemp("planted"), code)


def words(launcher: str) -> list[str]:
    """What chooses a launcher on the command line."""
    return [f"hydra/launcher={launcher}", *LAUNCHERS[launcher]]


@pytest.fixture(scope="session")
def choose():
    return words


@pytest.fixture
def lab(lab_in, tmp_path):
    """Return the command line in a process of its own, where launchers fork, kill and read the environment."""
    return dataclasses.replace(lab_in(tmp_path), in_process=False)


@pytest.fixture
def start(lab):
    """The command line, left to itself; what a failed test leaves running is ended."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    begun = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        begun.append(subprocess.Popen([sys.executable, "-m", "fmnist_lab", *arguments], cwd=lab.folder, **pipes))
        return begun[-1]

    yield begin
    for process in begun:
        process.terminate()  # its workers with it; nothing, if it has ended
        process.communicate()
