"""The script that fetches the data, its archive replaced by stand-ins."""

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from support.paths import ROOT
from support.tiny_source import Tiny

SCRIPT = ROOT / "scripts" / "fetch_data.py"


@pytest.fixture
def script(tiny: Tiny, monkeypatch: pytest.MonkeyPatch, empty_cache: Path, offline: None) -> ModuleType:
    spec = importlib.util.spec_from_file_location("fetch_data", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "known", lambda name: tiny.source)
    monkeypatch.setattr(module.sys, "argv", ["fetch_data.py"])
    monkeypatch.setattr(module.shutil, "which", lambda name: name)
    return module


def refuse(command: tuple[str, ...], stderr: str) -> None:
    raise subprocess.CalledProcessError(100, command, stderr=stderr)


def test_the_folder_of_the_data_is_printed(
    script: ModuleType, tiny: Tiny, empty_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.write(Path(tiny.source.package_folder))
    assert script.main() == 0
    out = capsys.readouterr().out
    assert str(empty_cache) in out
    assert tiny.source.checksum in out


def test_the_folder_of_the_data_is_noted_for_other_scripts(
    script: ModuleType, tiny: Tiny, empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.write(Path(tiny.source.package_folder))
    monkeypatch.setattr(script.sys, "argv", ["fetch_data.py", "--note", str(tmp_path / "note.txt")])
    assert script.main() == 0
    folder = Path((tmp_path / "note.txt").read_text("utf-8"))
    assert folder.is_relative_to(empty_cache)
    assert any(folder.iterdir())


def test_without_a_network_the_archive_is_unpacked(
    script: ModuleType, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = []

    def run(*command: str, folder: Path) -> None:
        commands.append(command[:2])
        if commands == [("apt-get", "download")]:
            refuse(command, "E: Unable to locate package")
        if command[0] == "apt-get":
            (folder / "dataset.deb").touch()
        else:
            tiny.write(Path(folder, *Path(tiny.source.package_folder).parts[1:]))

    monkeypatch.setattr(script, "run", run)
    assert script.main() == 0
    assert commands == [
        ("apt-get", "download"),
        ("apt-get", "update"),
        ("apt-get", "download"),
        ("dpkg", "-x"),
    ]


def test_a_failure_is_one_line_and_status_2(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script, "run", lambda *command, folder: refuse(command, "W: lists\nE: no lists\n"))
    assert script.main() == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    for text in ("no network", "E: no lists", "apt-get update"):
        assert text in message


def test_without_apt_the_message_names_the_setting_for_a_folder(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(script.shutil, "which", lambda name: None)
    assert script.main() == 2
    assert "data.root=FOLDER" in capsys.readouterr().err
