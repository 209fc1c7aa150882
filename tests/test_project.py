"""The set-up from an empty clone, the scripts that make calls, and the metadata of the project."""

import ast
import contextlib
import importlib.util
import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import fmnist_lab
from fmnist_lab.runs.provenance import PACKAGES
from support.paths import ROOT

LAB_COMMANDS = {  # the subcommand that each script runs
    "paper": ["reproduce"],
    "studies": ["reproduce", "studies"],
    "compare": ["compare"],
    "audit": ["audit"],
}
SET_UP = ("bootstrap", "test", "maintenance/launchers/run", "maintenance/upgrade", *LAB_COMMANDS, "saddle", "clean")
LOCKS = ("requirements.lock", "requirements-dev.lock")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def tree(script: str) -> ast.Module:
    """Parse a script as an old Python would, which must be able to read it to print that it is too old."""
    return ast.parse((ROOT / "scripts" / f"{script}.py").read_text(encoding="utf-8"), feature_version=(3, 7))


def imported(script: str) -> set[str]:
    statements = list(ast.walk(tree(script)))
    direct = {alias.name for node in statements if isinstance(node, ast.Import) for alias in node.names}
    return direct | {str(node.module) for node in statements if isinstance(node, ast.ImportFrom)}


def load(script: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(script).stem, ROOT / "scripts" / f"{script}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The set-up script, which the other scripts import as if they had been started beside it."""
    module = load("bootstrap")
    monkeypatch.setitem(sys.modules, "bootstrap", module)
    return module


@pytest.fixture
def clone(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with only pyproject.toml and the locks, which the set-up script takes for the project's."""
    files = {"ROOT": ".", "VENV": ".venv", "STAMP": ".venv/installed.txt", "DATA_NOTE": ".venv/data.txt"}
    locks = {"LOCK": "requirements.lock", "DEV_LOCK": "requirements-dev.lock"}
    for name, file in (files | locks).items():
        monkeypatch.setattr(bootstrap, name, tmp_path / file)
    for file in ("pyproject.toml", *locks.values()):
        (tmp_path / file).write_text(f"{file}\n")
    monkeypatch.setattr(bootstrap, "starts", lambda program, *words: False)
    return tmp_path


class Rehearsal:
    """Replaces Steps: notes the commands, makes a .venv, and fails at the step `failing`."""

    def __init__(self, clone: Path, failing: str = "") -> None:
        self.clone, self.failing, self.commands = clone, failing, dict[str, tuple[str | Path, ...]]()
        self.measured: list[Path] = []

    @property
    def names(self) -> list[str]:
        return list(self.commands)

    def run(self, name: str, *command: str | Path) -> int:
        self.commands[name] = command
        (self.clone / ".venv").mkdir(exist_ok=True)
        return 3 if name == self.failing else 0

    finish = run

    def measure(self, folder: Path) -> None:
        self.measured.append(folder)

    def require(self, name: str, *command: str | Path) -> None:
        if status := self.run(name, *command):
            sys.exit(status)


def installed(bootstrap: ModuleType, clone: Path, dev: bool = False) -> list[str]:
    steps = Rehearsal(clone)
    bootstrap.install(steps, dev)
    return steps.names


INSTALLATION = ["install packages", "install project"]
WITH_TOOLS = ["install packages and tools", "install project"]


# The set-up.


@pytest.mark.parametrize("script", SET_UP)
def test_set_up_imports_only_the_standard_library(script: str) -> None:
    assert imported(script) <= {*sys.stdlib_module_names, "bootstrap"}


def test_first_call_installs_and_second_does_nothing(bootstrap: ModuleType, clone: Path) -> None:
    assert installed(bootstrap, clone) == ["create .venv", *INSTALLATION]
    assert installed(bootstrap, clone) == []


def test_tools_are_added_on_top_and_serve_the_rest_too(bootstrap: ModuleType, clone: Path) -> None:
    installed(bootstrap, clone)
    assert installed(bootstrap, clone, dev=True) == WITH_TOOLS
    assert installed(bootstrap, clone, dev=True) == []
    assert installed(bootstrap, clone) == []


@pytest.mark.parametrize(("dev", "lock"), [(False, "requirements.lock"), (True, "requirements-dev.lock")])
@pytest.mark.parametrize("uv", [False, True], ids=["pip", "uv"])
def test_what_is_installed_is_the_lock_with_its_hashes_and_then_the_project_alone(
    uv: bool, dev: bool, lock: str, bootstrap: ModuleType, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "starts", lambda program, *words: uv and program == "uv")
    steps = Rehearsal(clone)
    bootstrap.install(steps, dev)
    _, packages, project = steps.commands.values()
    pip = (bootstrap.PYTHON, "-m", "pip", "--disable-pip-version-check", "install")
    installer = ("uv", "pip", "install", "--python", bootstrap.PYTHON) if uv else pip
    assert packages == (*installer, "--require-hashes", "--requirement", clone / lock)
    assert project == (*installer, "--no-deps", "--editable", clone)
    assert steps.measured == [clone / ".venv"]


@pytest.mark.parametrize("failing", INSTALLATION)
def test_interrupted_installation_begins_again(failing: str, bootstrap: ModuleType, clone: Path) -> None:
    with pytest.raises(SystemExit) as exit:
        bootstrap.install(Rehearsal(clone, failing))
    assert exit.value.code == 3
    assert installed(bootstrap, clone) == ["create .venv", *INSTALLATION]


def test_interrupted_tools_begin_again(bootstrap: ModuleType, clone: Path) -> None:
    installed(bootstrap, clone)
    with pytest.raises(SystemExit):
        bootstrap.install(Rehearsal(clone, failing="install packages and tools"), dev=True)
    assert installed(bootstrap, clone) == ["create .venv", *INSTALLATION]


@pytest.mark.parametrize("changed", ["pyproject.toml", "requirements.lock"])
def test_a_change_is_installed_into_the_same_environment(changed: str, bootstrap: ModuleType, clone: Path) -> None:
    installed(bootstrap, clone, dev=True)
    (clone / changed).write_text("changed\n")
    assert installed(bootstrap, clone) == INSTALLATION
    assert installed(bootstrap, clone, dev=True) == WITH_TOOLS


def test_a_change_of_the_tools_concerns_the_tests_alone(bootstrap: ModuleType, clone: Path) -> None:
    installed(bootstrap, clone, dev=True)
    (clone / "requirements-dev.lock").write_text("changed\n")
    assert installed(bootstrap, clone) == []
    assert installed(bootstrap, clone, dev=True) == WITH_TOOLS


def test_interrupted_update_begins_again(bootstrap: ModuleType, clone: Path) -> None:
    installed(bootstrap, clone)
    (clone / "requirements.lock").write_text("changed\n")
    with pytest.raises(SystemExit):
        bootstrap.install(Rehearsal(clone, failing="install packages"))
    assert installed(bootstrap, clone) == ["create .venv", *INSTALLATION]


def test_another_python_gets_an_environment_of_its_own(
    bootstrap: ModuleType, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(bootstrap, clone)
    monkeypatch.setattr(bootstrap.platform, "python_version", lambda: "3.12.99")
    assert installed(bootstrap, clone) == ["create .venv", *INSTALLATION]


def test_the_set_up_measures_environment_and_data(bootstrap: ModuleType, clone: Path) -> None:
    (clone / ".venv").mkdir()
    (clone / ".venv" / "data.txt").write_text("where it lies")
    steps = Rehearsal(clone)
    bootstrap.set_up(steps)
    assert steps.commands["fetch data"][-2:] == ("--note", clone / ".venv" / "data.txt")
    assert steps.measured == [clone / ".venv", Path("where it lies")]


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 14, 0), (3, 15, 0)])
def test_suitable_python_is_accepted(
    version: tuple[int, ...], bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", version)
    bootstrap.refuse_unsuitable_python()


@pytest.mark.parametrize("version", [(3, 10, 14), (2, 7, 18)])
def test_unsuitable_python_is_refused_in_one_line(
    version: tuple[int, ...],
    bootstrap: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", version)
    monkeypatch.setattr(bootstrap, "starts", lambda python, *words: python == "python3.12")
    with pytest.raises(SystemExit) as exit:
        bootstrap.refuse_unsuitable_python()
    assert exit.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"fmnist_lab needs Python 3\.11 or newer, not .*make PYTHON=python3\.12.*\n", err)


def test_without_a_suitable_python_the_advice_is_to_install_one(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "starts", lambda python, *words: False)
    assert "install Python 3.13" in bootstrap.advice()


def test_a_placeholder_of_a_version_manager_does_not_count(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: sys.executable)
    assert bootstrap.starts("python3.13", "-c", "")
    failed = subprocess.CompletedProcess[str]([], returncode=127)
    monkeypatch.setattr(bootstrap.subprocess, "run", lambda *_, **__: failed)
    assert not bootstrap.starts("python3.13", "-c", "")


def test_the_oldest_python_is_that_of_the_metadata(bootstrap: ModuleType) -> None:
    assert PYPROJECT["project"]["requires-python"] == f">={'.'.join(map(str, bootstrap.OLDEST))}"


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
    table = r"step +seconds +MB on disk\s+good +\d+\.\d\n+bad +\d+\.\d +status 5\n+total +\d+\.\d\s*$"
    assert re.search(table, out)


def test_the_table_has_the_megabytes_of_the_folder_that_a_step_filled(
    bootstrap: ModuleType, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(bytes(1_200_000))
    (tmp_path / "other").write_bytes(bytes(1_100_000))
    with bootstrap.timed_steps() as steps:
        steps.require("fill", sys.executable, "-c", "")
        steps.measure(tmp_path)
    assert re.search(r"\nfill +\d+\.\d +2\.3\n", capfd.readouterr().out)


def test_the_output_of_the_last_step_comes_last(bootstrap: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    with bootstrap.timed_steps() as steps:
        steps.run("first", sys.executable, "-c", "")
        assert steps.finish("last", sys.executable, "-c", "print('1 passed'); raise SystemExit(4)") == 4
    assert re.search(r"\nfirst +\d.*\ntotal .*\n+== last\n1 passed\n$", capfd.readouterr().out)


class Interrupted:
    """A process that gets Ctrl-C when we do, and ends later."""

    waits = 0

    def wait(self) -> int:
        self.waits += 1
        if self.waits == 1:
            raise KeyboardInterrupt
        return 0


def test_an_interrupt_lets_the_step_end_and_starts_no_other(
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
def test_sigterm_ends_the_step_and_starts_no_other() -> None:
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


def test_the_table_is_printed_after_an_error_too(bootstrap: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with bootstrap.timed_steps() as steps:
            steps.run("first", sys.executable, "-c", "")
            raise SystemExit(1)

    with pytest.raises(SystemExit):
        fail()
    assert "total" in capfd.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="Windows ends processes without signals")
def test_a_killed_step_has_the_status_that_a_shell_gives(bootstrap: ModuleType) -> None:
    assert bootstrap.Steps().run("killed", sys.executable, "-c", "import os; os.kill(os.getpid(), 9)") == 137


LINTERS = ["ruff check", "ruff format", "mypy", "lint-imports"]


def test_every_linter_runs_and_the_first_failure_counts(
    bootstrap: ModuleType, clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script, steps = load("test"), Rehearsal(clone, failing="ruff check")
    assert script.lint_and_test(steps, script.PROMISES, []) == 3
    assert steps.names == [*LINTERS, "pytest"]
    assert capsys.readouterr().err == "failed before the tests: ruff check\n"
    assert script.lint_and_test(Rehearsal(clone, failing="pytest"), script.PROMISES, []) == 3
    assert script.lint_and_test(Rehearsal(clone), script.PROMISES, []) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "marks", "linters"),
    [
        ([], "not slow and not launchers", LINTERS),
        (["--all"], "not launchers", LINTERS),
        (["--rest"], "slow and not launchers", []),
    ],
)
def test_each_ring_has_its_tests_and_passes_words_on(
    words: list[str],
    marks: str,
    linters: list[str],
    bootstrap: ModuleType,
    clone: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script, steps = load("test"), Rehearsal(clone)
    monkeypatch.setattr(script, "set_up", lambda steps, dev: None)
    monkeypatch.setattr(script, "timed_steps", lambda: contextlib.nullcontext(steps))
    monkeypatch.setattr(sys, "argv", ["test.py", *words, "--", "-k", "custom", "--lf"])
    assert script.main() == 0
    assert steps.names == [*linters, "pytest"]
    command = steps.commands["pytest"]
    assert command[1:5] == ("-m", "pytest", "-m", marks)
    assert command[-3:] == ("-k", "custom", "--lf")


@pytest.mark.skipif(not shutil.which("timeout"), reason="needs bash and timeout, as the machines that run it have")
@pytest.mark.parametrize(("first", "second", "status"), [(0, 0, 0), (3, 0, 3), (0, 4, 4), (3, 4, 3)])
def test_ci_runs_both_parts_and_leaves_with_the_first_failure(
    first: int, second: int, status: int, tmp_path: Path
) -> None:
    """With stand-ins for the commands; the user is not root, so nothing is installed."""
    for name, body in {
        "id": "echo 1000",
        "make": f'echo "make $*"; exit {first}',
        "python3": f'echo "python3 $*"; exit {second}',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("PYTHON", None)
    done = subprocess.run(["bash", ROOT / ".ci" / "run"], env=environment, capture_output=True, text=True)
    assert done.stdout == "make test\npython3 scripts/test.py --rest\n"
    assert done.returncode == status


@pytest.mark.parametrize("name", LAB_COMMANDS)
def test_a_script_sets_up_and_passes_its_arguments_on(
    name: str, bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "set_up", lambda steps: None)
    monkeypatch.setattr(bootstrap, "wait", lambda command: asked.append(command) or 3)
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--seeds", "2"])
    with pytest.raises(SystemExit) as exit:
        runpy.run_path(str(ROOT / "scripts" / f"{name}.py"), run_name="__main__")
    assert exit.value.code == 3
    assert asked == [[str(bootstrap.PYTHON), "-m", "fmnist_lab", *LAB_COMMANDS[name], "--seeds", "2"]]


def test_cleaning_leaves_the_outputs(bootstrap: ModuleType, clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = load("clean")
    for folder in (".venv/lib", "src/package/__pycache__", "outputs/runs", "src/package/data"):
        (clone / folder).mkdir(parents=True)
    script.main()
    left = {path.relative_to(clone).as_posix() for path in clone.rglob("*")}
    files = {"pyproject.toml", *LOCKS}
    assert left == {*files, "src", "src/package", "src/package/data", "outputs", "outputs/runs"}


# Makefile, lock and metadata.


def test_makefile_only_calls_scripts() -> None:
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    targets = [line.split(":")[0] for line in lines if re.match(r"[\w-]+:", line)]
    recipes = [line.strip() for line in lines if line.startswith("\t")]
    tests = ["test", "test-all", "test-launchers"]
    assert targets == ["help", "setup", "setup-dev", *tests, "upgrade", *LAB_COMMANDS, "saddle", "clean"]
    words = {"setup-dev": "--dev", "test-all": "--all", "upgrade": "$(HOLD)"}
    words |= dict.fromkeys(LAB_COMMANDS, "--seeds $(SEEDS)")
    scripts = {
        "setup": "bootstrap",
        "setup-dev": "bootstrap",
        "test-all": "test",
        "test-launchers": "maintenance/launchers/run",
    }
    scripts["upgrade"] = "maintenance/upgrade"
    for target, recipe in zip(targets[1:], recipes[1:], strict=True):
        script = scripts.get(target, target)
        assert recipe == f"@$(PYTHON) scripts/{script}.py {words.get(target, '')}".strip()
        assert script in SET_UP


# The lock.


class Locked(NamedTuple):
    """A package of a lock."""

    requirement: Requirement
    hashes: list[str]


def locked(name: str) -> dict[str, Locked]:
    """Return the packages of a lock by name, each with one version for every system and Python."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line.split("--hash=") for line in text.splitlines() if not line.lstrip().startswith("#")]
    packages = [Locked(Requirement(words[0]), [word.strip() for word in words[1:]]) for words in lines]
    found = {canonicalize_name(package.requirement.name): package for package in packages}
    assert len(found) == len(packages)
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_is_locked_to_a_version_and_its_hashes(lock: str) -> None:
    packages = locked(lock)
    assert len(packages) > 30
    for package in packages.values():
        assert str(package.requirement.specifier) == f"=={version_of(package)}"
        assert package.hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in package.hashes)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert "make upgrade" in text
    assert not re.search(r"://|--index|--find-links|(?<![\w.-])/\w", text)


def version_of(package: Locked) -> str:
    (specifier,) = package.requirement.specifier
    return specifier.version


def suits(lock: dict[str, Locked], requirements: list[str]) -> bool:
    """Whether the lock has a version within the bounds of each requirement."""
    return all(
        requirement.specifier.contains(version_of(lock[canonicalize_name(requirement.name)]))
        for requirement in map(Requirement, requirements)
    )


def test_the_locks_have_what_the_metadata_asks_for() -> None:
    run, tools = map(locked, LOCKS)
    extras = PYPROJECT["project"]["optional-dependencies"]
    assert suits(run, PYPROJECT["project"]["dependencies"])
    assert suits(tools, extras["dev"])
    assert suits(tools, extras["benchmark"])
    assert {"torch", "torchvision"} <= set(run)
    assert set(PACKAGES) - {"fmnist-lab"} <= set(run)
    assert not {"pytest", "mypy", "uv"} & set(run)


def test_the_tools_lock_is_the_other_and_more() -> None:
    run, tools = map(locked, LOCKS)
    assert {name: tools.get(name) for name in run} == run


def test_renewing_locks_the_packages_and_then_the_tools_beside_them(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, tools = load("maintenance/upgrade").commands(["torch==2.14.1"]).values()
    for command, lock in ((run, "requirements.lock"), (tools, "requirements-dev.lock")):
        assert command[:5] == [bootstrap.PYTHON, "-m", "uv", "pip", "compile"]
        assert {"--universal", "--generate-hashes", "--upgrade"} <= set(command)
        assert command[-2:] == ["--output-file", lock]
    assert " ".join(map(str, run)).count("--upgrade-package torch==2.14.1") == 1
    assert "--extra" not in run
    assert " ".join(map(str, tools)).count("--extra dev --extra benchmark --constraint requirements.lock") == 1


def test_renewing_installs_the_lock_before_and_tests_the_lock_after(
    bootstrap: ModuleType, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, steps = load("maintenance/upgrade"), Rehearsal(clone)
    monkeypatch.setattr(script, "set_up", lambda steps, dev: steps.run("set up") if dev else None)
    monkeypatch.setattr(script, "timed_steps", lambda: contextlib.nullcontext(steps))
    monkeypatch.setattr(sys, "argv", ["upgrade.py"])
    assert script.main() == 0
    assert steps.names == ["set up", "lock packages", "lock tools", "test"]
    assert steps.commands["test"][1:] == ("scripts/test.py", "--all")


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


def test_the_import_rules_are_contracts() -> None:
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    (layers,) = (contract for contract in contracts if contract["type"] == "layers")
    assert layers["exhaustive"]
    rules = {
        (source, forbidden)
        for contract in contracts
        if contract["type"] == "forbidden"
        for source in contract["source_modules"]
        for forbidden in contract["forbidden_modules"]
    }
    assert rules >= {
        ("fmnist_lab", "hydra"),
        ("fmnist_lab", "omegaconf"),
        ("fmnist_lab.models", "pandas"),
        ("fmnist_lab.models", "matplotlib"),
        ("fmnist_lab.models.custom", "torch"),
        ("fmnist_lab.results", "fmnist_lab.models"),
    }
