"""Fixtures shared by all tests: the real configuration made small, and the real command line."""

import contextlib
import io
import logging
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from fmnist_lab.compose import compose
from fmnist_lab.config.schema import Config
from fmnist_lab.data import Source, cache, prepare
from fmnist_lab.data.folder import Unusable
from support.made_up_reproduction import Reproduction, make_reproduction, pretend_records, write_neighbours
from support.made_up_sweep import Build, build_sweep
from support.tiny_source import FASHION_MNIST, Tiny, make_tiny

# A shell that starts the tests in the background ignores Ctrl-C for them and their children; some tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No test asserts on seconds: a busy machine is no fault of the code. `pytest` alone tries few examples of each
# property, `make test` many: scripts/test.py chooses the profile.
settings.register_profile("few", deadline=None, max_examples=15)
settings.register_profile("many", deadline=None, max_examples=100)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "few"))

# One epoch of a narrow network on the first 2 000 training images: a real run in a fraction of a second.
SMALL = ("epochs=1", "architecture.hidden=[8]", "data.validation=58000", "data.split=last")

Outcome = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Lab:
    """The command line in a folder of its own. A call runs it in this process if it may, `process` in a new one."""

    folder: Path
    in_process: bool = True

    def __call__(self, *arguments: str, **environment: str) -> Outcome:
        if not self.in_process:
            return self.process(*arguments, **environment)
        with own_process_state(self.folder, arguments, environment) as (stdout, stderr):
            status = exit_status(stderr)
        return Outcome(arguments, status, text_of(stdout), text_of(stderr))

    def process(self, *arguments: str, **environment: str) -> Outcome:
        command = [sys.executable, "-m", "fmnist_lab", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=os.environ | environment, capture_output=True, text=True, timeout=900
        )

    def small(self, *arguments: str, **environment: str) -> Outcome:
        return self(*arguments, *SMALL, **environment)

    def sweep(self) -> Path:
        """Return the folder of the only sweep."""
        (folder,) = (self.folder / "outputs" / "sweeps").iterdir()
        return folder


def exit_status(stderr: io.TextIOBase) -> int:
    """Run the command line that `sys.argv` holds; return its exit status, 1 with a traceback for an exception."""
    from fmnist_lab.__main__ import main

    try:
        main()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        stderr.write(f"{end.code}\n")
        return 1
    except Exception:
        traceback.print_exc(file=stderr)
        return 1
    return 0


@contextlib.contextmanager
def own_process_state(
    folder: Path, arguments: tuple[str, ...], environment: dict[str, str]
) -> Iterator[tuple[io.TextIOWrapper, io.TextIOWrapper]]:
    """Give a command the folder, arguments, environment and streams of a process of its own, and restore ours."""
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    stdout, stderr = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2))
    before = dict(os.environ), sys.argv, signal.getsignal(signal.SIGTERM)
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    settings = [(logger, logger.disabled, logger.level) for logger in (logging.root, *loggers)]
    os.environ.update(environment)
    sys.argv = ["fmnist_lab", *arguments]
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            yield stdout, stderr
    finally:
        variables, sys.argv, handler = before
        os.environ.clear()
        os.environ.update(variables)
        signal.signal(signal.SIGTERM, handler)
        for logger, disabled, level in settings:
            logger.disabled, logger.level = disabled, level


def text_of(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(stream.encoding)


@pytest.fixture(scope="session")
def lab_in() -> type[Lab]:
    """Return what builds the command line in any folder."""
    return Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., Config]:
    """Return a function that composes the real configuration, made small, in a folder of the test's own."""

    def configure(*overrides: str) -> Config:
        return compose(*SMALL, f"outputs={tmp_path.as_posix()}/outputs", *overrides)

    return configure


@pytest.fixture(scope="session")
def build() -> Build:
    return build_sweep


@pytest.fixture(scope="module")
def reproduction(build: Build) -> Iterator[Reproduction]:
    """A made-up reproduction whose records exist in memory only."""
    with pytest.MonkeyPatch.context() as patch:
        pretend_records(patch)
        yield make_reproduction(build)


@pytest.fixture(scope="session")
def outputs(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the page of the made-up reproduction once, with an audit, a saddle and a further sweep."""
    folder = tmp_path_factory.mktemp("outputs")
    write_neighbours(folder)
    with pytest.MonkeyPatch.context() as patch:
        pretend_records(patch)
        make_reproduction(build).build(folder)
    return folder


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("FMNIST_LAB_CACHE", str(folder))
    return folder


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Source, folder: Path) -> None:
        raise Unusable("no network")

    monkeypatch.setattr(cache, "download", refuse)


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    return make_tiny(tmp_path / "package")


@pytest.fixture(scope="session")
def real_folder() -> Path:
    return prepare(FASHION_MNIST, None)
