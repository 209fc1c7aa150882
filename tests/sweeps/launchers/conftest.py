"""The launchers that the contract is tested on. Basic and joblib always; the others when `make test-launchers` asks."""

import dataclasses
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ALWAYS = {"basic": (), "joblib": ("hydra.launcher.n_jobs=2",)}
ON_REQUEST = {"submitit_local": ("hydra.launcher.n_jobs=2",), "slurm": (), "ray": ()}
LAUNCHERS = ALWAYS | ON_REQUEST


def unavailable(name: str, requested: bool) -> str | None:
    """Return why a launcher cannot be tested here; None if it can."""
    if name in ALWAYS:
        return None
    if not requested:
        return "takes long, or a real cluster: make test-launchers"
    package = "ray" if name == "ray" else "submitit"
    if importlib.util.find_spec(package) is None:
        return f"{package} is not installed: make test-launchers"
    usable = name != "slurm" or (
        shutil.which("sinfo") and subprocess.run(["sinfo"], capture_output=True).returncode == 0
    )
    return None if usable else "no SLURM answers here: make test-launchers"


def need(name: str, request: pytest.FixtureRequest) -> None:
    """Skip the test if the launcher cannot be tested here."""
    if reason := unavailable(name, request.config.option.markexpr in ("launchers", "launchers or not launchers")):
        pytest.skip(reason)


@pytest.fixture(
    scope="module",
    params=[*ALWAYS, *(pytest.param(name, marks=pytest.mark.launchers) for name in ON_REQUEST)],
)
def launcher(request):
    """Return the name of a launcher."""
    need(request.param, request)
    return request.param


# Not in the process of the command, except with the basic launcher, which trains there.
GUARD = """import sys
if "fmnist_lab" not in sys.orig_argv or "hydra/launcher=basic" in sys.orig_argv:
"""


@pytest.fixture
def require(request):
    """Return a function that skips the test if the launcher of that name cannot be tested here."""
    return lambda name: need(name, request)


class Planted:
    """Code that every worker runs before anything else, planted through sitecustomize."""

    def __init__(self, folder: Path, code: str) -> None:
        self.folder = folder
        (folder / "sitecustomize.py").write_text(f"{GUARD}    exec({code!r})\n")

    @property
    def environment(self) -> dict[str, str]:
        return {"PYTHONPATH": os.pathsep.join([str(self.folder), os.environ.get("PYTHONPATH", "")])}


@pytest.fixture
def plant(tmp_path_factory):
    return lambda code: Planted(tmp_path_factory.mktemp("planted"), code)


def launcher_overrides(launcher: str) -> list[str]:
    """Return the overrides that choose a launcher."""
    return [f"hydra/launcher={launcher}", *LAUNCHERS[launcher]]


@pytest.fixture(scope="session")
def choose():
    return launcher_overrides


@pytest.fixture
def lab(lab_in, tmp_path):
    """Return the command line in a process of its own, where launchers fork, kill and read the environment."""
    return dataclasses.replace(lab_in(tmp_path), in_process=False)


@pytest.fixture
def start(lab):
    """Return a function that starts the command line in the background; end what a failed test leaves running."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        started.append(subprocess.Popen([sys.executable, "-m", "fmnist_lab", *arguments], cwd=lab.folder, **pipes))
        return started[-1]

    yield begin
    for process in started:
        process.terminate()  # which ends its workers too
        process.communicate()
