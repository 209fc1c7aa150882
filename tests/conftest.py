"""What the tests share: the real configuration, made small, and the real command line."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from fmnist_lab.composition import compose

# A shell that starts the tests in the background ignores Ctrl-C for them, and for all that they start; some send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test asserts on seconds: a busy machine is no fault of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# One epoch of a narrow network on the first 2 000 training images: a real run in a fraction of a second.
SMALL = ("epochs=1", "architecture.hidden=[8]", "data.validation=58000", "data.split=last")


@dataclass(frozen=True)
class Lab:
    """The command line in a folder of its own."""

    folder: Path

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "fmnist_lab", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=os.environ | environment, capture_output=True, text=True, timeout=900
        )

    def small(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self(*arguments, *SMALL, **environment)

    def sweep(self) -> Path:
        """The only sweep's folder."""
        (folder,) = (self.folder / "outputs" / "sweeps").iterdir()
        return folder


@pytest.fixture(scope="session")
def lab_in() -> type[Lab]:
    """Builds the command line in any folder."""
    return Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.fixture
def small(tmp_path: Path):
    """Composes the real configuration, made small and pointed at a folder of the test's own."""

    def configure(*overrides: str):
        return compose(*SMALL, f"outputs={tmp_path.as_posix()}/outputs", *overrides)

    return configure
