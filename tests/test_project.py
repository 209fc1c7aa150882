"""The project's own machinery: the set-up from an empty clone, the scripts that make calls, the metadata."""

import ast
import contextlib
import importlib.util
import os
import re
import runpy
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import fmnist_lab

ROOT = Path(__file__).resolve().parents[1]
STUDIES = ("paper", "studies", "elsewhere", "audit")
SET_UP = ("bootstrap", "test", "engines", *STUDIES, "saddle", "clean")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tree(script: str) -> ast.Module:
    """Parsed as an old Python would: it has to read the script to say that it is too old."""
    return ast.parse((ROOT / "scripts" / f"{script}.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def imported(script: str) -> set[str]:
    statements = list(ast.walk(tree(script)))
    direct = {alias.name for node in statements if isinstance(node, ast.Import) for alias in node.names}
    return direct | {str(node.module) for node in statements if isinstance(node, ast.ImportFrom)}


def load(script: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(script, ROOT / "scripts" / f"{script}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The set-up script, found by the other scripts as if they had been started beside it."""
    module = load("bootstrap")
    monkeypatch.setitem(sys.modules, "bootstrap", module)
    return module


@pytest.fixture
def clone(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with nothing but pyproject.toml, which the set-up script takes for the project's."""
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / ".venv" / "installed.txt")
    return tmp_path


class Rehearsal:
    """Stands in for Steps: notes the names, leaves a .venv behind, fails where it is told to."""

    def __init__(self, clone: Path, failing: str = "") -> None:
        self.clone, self.failing, self.names = clone, failing, list[str]()

    def run(self, name: str, *command: str | Path) -> int:
        self.names.append(name)
        (self.clone / ".venv").mkdir(exist_ok=True)
        return 3 if name == self.failing else 0

    def require(self, name: str, *command: str | Path) -> None:
        if status := self.run(name, *command):
            sys.exit(status)


def installed(bootstrap: ModuleType, clone: Path) -> list[str]:
    steps = Rehearsal(clone)
    bootstrap.install(steps)
    return steps.names


# The set-up.


@pytest.mark.parametrize("script", SET_UP)
def test_set_up_imports_only_the_standard_library(script: str) -> None:
    assert imported(script) <= {*sys.stdlib_module_names, "bootstrap"}


def test_first_call_installs_and_second_does_nothing(bootstrap: ModuleType, clone: Path) -> None:
    assert installed(bootstrap, clone) == ["create .venv", "install packages"]
    assert installed(bootstrap, clone) == []


def test_interrupted_installation_begins_anew(bootstrap: ModuleType, clone: Path) -> None:
    with pytest.raises(SystemExit) as exit:
        bootstrap.install(Rehearsal(clone, failing="install packages"))
    assert exit.value.code == 3
    assert installed(bootstrap, clone) == ["create .venv", "install packages"]


def test_changed_metadata_is_installed_into_the_same_environment(bootstrap: ModuleType, clone: Path) -> None:
    installed(bootstrap, clone)
    (clone / "pyproject.toml").write_text("[project]\nname = 'changed'\n")
    assert installed(bootstrap, clone) == ["install packages"]


def test_interrupted_update_begins_anew(bootstrap: ModuleType, clone: Path) -> None:
    installed(bootstrap, clone)
    (clone / "pyproject.toml").write_text("[project]\nname = 'changed'\n")
    with pytest.raises(SystemExit):
        bootstrap.install(Rehearsal(clone, failing="install packages"))
    assert installed(bootstrap, clone) == ["create .venv", "install packages"]


def test_another_python_gets_an_environment_of_its_own(
    bootstrap: ModuleType, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(bootstrap, clone)
    monkeypatch.setattr(bootstrap.platform, "python_version", lambda: "3.12.99")
    assert installed(bootstrap, clone) == ["create .venv", "install packages"]


@pytest.mark.parametrize("version", [(3, 10, 14), (3, 14, 0), (2, 7, 18)])
def test_unsuitable_python_is_refused_in_one_line(
    version: tuple[int, ...],
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", version)
    monkeypatch.setattr(bootstrap, "starts", lambda python: python == "python3.12")
    with pytest.raises(SystemExit) as exit:
        bootstrap.refuse_unsuitable_python()
    assert exit.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r".*Hydra 1\.3 cannot start on 3\.14.*make PYTHON=python3\.12.*\n", err)


def test_without_a_suitable_python_the_advice_is_to_install_one(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "starts", lambda python: False)
    assert "install Python 3.13" in bootstrap.advice()


def test_placeholder_of_a_version_manager_does_not_count(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: sys.executable)
    assert bootstrap.starts("python3.13")
    failed = subprocess.CompletedProcess[str]([], returncode=127)
    monkeypatch.setattr(bootstrap.subprocess, "run", lambda *_, **__: failed)
    assert not bootstrap.starts("python3.13")


def test_the_bounds_are_those_of_the_metadata(bootstrap: ModuleType) -> None:
    oldest, too_new = (".".join(map(str, bound)) for bound in (bootstrap.OLDEST, bootstrap.TOO_NEW))
    assert PYPROJECT["project"]["requires-python"] == f">={oldest},<{too_new}"


def test_a_failed_installation_leaves_with_its_status_and_fetches_nothing(bootstrap: ModuleType, clone: Path) -> None:
    steps = Rehearsal(clone, failing="create .venv")
    with pytest.raises(SystemExit) as exit:
        bootstrap.set_up(steps)
    assert exit.value.code == 3
    assert steps.names == ["create .venv"]


# The steps.


def test_a_step_gives_its_exit_status_and_the_table_its_seconds(
    bootstrap: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    with bootstrap.timed_steps() as steps:
        steps.require("good", sys.executable, "-c", "print('did it')")
        with pytest.raises(SystemExit) as exit:
            steps.require("bad", sys.executable, "-c", "raise SystemExit(5)")
    assert exit.value.code == 5
    out = capfd.readouterr().out
    assert re.search(r"== good\s+did it\s+== bad\s", out)
    assert re.search(r"step +seconds\s+good +\d+\.\d\s+bad +\d+\.\d +status 5\s+total +\d+\.\d\s*$", out)


class Interrupted:
    """A process that hears Ctrl-C as we do, and takes its time to end."""

    waits = 0

    def wait(self) -> int:
        self.waits += 1
        if self.waits == 1:
            raise KeyboardInterrupt
        return 0


def test_an_interrupt_lets_the_step_end_and_begins_no_other(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Interrupted()
    monkeypatch.setattr(bootstrap.subprocess, "Popen", lambda *_, **__: process)
    with pytest.raises(SystemExit) as exit:
        bootstrap.Steps().run("long", "command")
    assert exit.value.code == 130
    assert process.waits == 2


COMMAND = """import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
print("begun", flush=True)
signal.pause()"""
SCRIPT = """import sys
sys.path.insert(0, {folder!r})
from bootstrap import Steps
Steps().run("long", sys.executable, "-c", {command!r})
print("another step")"""


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes without signals")
def test_sigterm_ends_the_step_and_begins_no_other() -> None:
    script = SCRIPT.format(folder=str(ROOT / "scripts"), command=COMMAND)
    own_group = {"stdout": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-c", script], **own_group) as process:
        try:
            assert "begun\n" in iter(process.stdout.readline, "")
            process.terminate()
            assert process.communicate(timeout=60) == ("", None)  # the end of the output is that of the step, too
            assert process.returncode == 143
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def test_the_table_is_printed_however_the_end_comes(bootstrap: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with bootstrap.timed_steps() as steps:
            steps.run("first", sys.executable, "-c", "")
            raise SystemExit(1)

    with pytest.raises(SystemExit):
        fail()
    assert "total" in capfd.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes without signals")
def test_a_killed_step_gives_the_shells_status(bootstrap: ModuleType) -> None:
    assert bootstrap.Steps().run("killed", sys.executable, "-c", "import os; os.kill(os.getpid(), 9)") == 137


def test_the_tests_run_every_check_and_tell_the_first_failure(bootstrap: ModuleType, clone: Path) -> None:
    steps = Rehearsal(clone, failing="ruff check")
    assert load("test").check(steps, []) == 3
    assert steps.names == ["ruff check", "ruff format", "mypy", "lint-imports", "pytest"]
    assert load("test").check(Rehearsal(clone), []) == 0


def test_words_after_the_dashes_reach_pytest(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    script = load("test")
    monkeypatch.setattr(script, "set_up", lambda steps: None)
    monkeypatch.setattr(script, "check", lambda steps, arguments: arguments)
    monkeypatch.setattr(sys, "argv", ["test.py", "--", "-k", "custom", "--lf"])
    words = script.main()
    assert words == ["-k", "custom", "--lf"]
    assert script.commands(words)["pytest"][-3:] == words


@pytest.mark.parametrize("study", STUDIES)
def test_a_study_sets_up_and_passes_its_words_on(
    study: str, bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "set_up", lambda steps: None)
    monkeypatch.setattr(bootstrap, "wait", lambda command: asked.append(command) or 3)
    monkeypatch.setattr(sys, "argv", [f"{study}.py", "--seeds", "2"])
    with pytest.raises(SystemExit) as exit:
        runpy.run_path(str(ROOT / "scripts" / f"{study}.py"), run_name="__main__")
    assert exit.value.code == 3
    module = ["fmnist_lab.check"] if study == "elsewhere" else ["fmnist_lab.study", study]
    assert asked == [[str(bootstrap.PYTHON), "-m", *module, "--seeds", "2"]]


def test_cleaning_leaves_the_outcomes(bootstrap: ModuleType, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = load("clean")
    for folder in (".venv/lib", "src/package/__pycache__", "outputs/runs", "src/package/data"):
        (clone / folder).mkdir(parents=True)
    script.main()
    left = {path.relative_to(clone).as_posix() for path in clone.rglob("*")}
    assert left == {"pyproject.toml", "src", "src/package", "src/package/data", "outputs", "outputs/runs"}


# What surrounds the code.


def test_makefile_only_calls_scripts() -> None:
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    targets = [line.split(":")[0] for line in lines if re.match(r"[\w-]+:", line)]
    recipes = [line.strip() for line in lines if line.startswith("\t")]
    assert targets == ["help", "setup", "test", "test-engines", *STUDIES, "saddle", "clean"]
    for recipe in recipes[1:]:
        script = re.fullmatch(r"@\$\(PYTHON\) scripts/(\w+)\.py( --seeds \$\(SEEDS\))?", recipe)
        assert script is not None, recipe
        assert script[1] in SET_UP
        assert bool(script[2]) == (script[1] in STUDIES)


def test_citation_is_of_this_version_and_licence() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == fmnist_lab.__version__
    assert citation["license"] == PYPROJECT["project"]["license"]
    assert [author["name"] for author in citation["authors"]] == [
        author["name"] for author in PYPROJECT["project"]["authors"]
    ]


def test_changelog_begins_with_what_is_unreleased() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"


def test_the_walls_are_contracts() -> None:
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    (floors,) = (contract for contract in contracts if contract["type"] == "layers")
    assert floors["exhaustive"]
    walls = {
        (source, forbidden)
        for contract in contracts
        if contract["type"] == "forbidden"
        for source in contract["source_modules"]
        for forbidden in contract["forbidden_modules"]
    }
    assert walls >= {
        ("fmnist_lab", "hydra"),
        ("fmnist_lab", "omegaconf"),
        ("fmnist_lab.models", "pandas"),
        ("fmnist_lab.models", "matplotlib"),
        ("fmnist_lab.models.custom", "torch"),
        ("fmnist_lab.report", "fmnist_lab.models"),
    }
