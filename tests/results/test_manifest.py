"""Outdated files of an earlier call are removed; files of the user are kept."""

import subprocess

import pytest

from fmnist_lab.results.manifest import MANIFEST, read_manifest, replace_files
from fmnist_lab.runs import files as files_module

FIRST = {"results.csv": b"1\n", "figures/lr.png": b"one", "figures/curves_lr=0.1.svg": b"two"}
SECOND = {"results.csv": b"2\n", "figures/seed.png": b"three"}


def files(folder):
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if name not in (MANIFEST, ".lock")}


def test_files_of_an_earlier_call_are_removed(tmp_path):
    replace_files(tmp_path, FIRST)
    replace_files(tmp_path, SECOND)
    assert files(tmp_path) == SECOND
    assert {name for _, name in read_manifest(tmp_path)} == set(SECOND)


def test_files_of_the_user_are_kept(tmp_path):
    replace_files(tmp_path, FIRST)
    (tmp_path / "figures" / "mine.png").write_bytes(b"mine")
    (tmp_path / "figures" / "lr.png").write_bytes(b"changed by hand")
    replace_files(tmp_path, SECOND)
    assert files(tmp_path) == SECOND | {"figures/mine.png": b"mine", "figures/lr.png": b"changed by hand"}


@pytest.mark.parametrize("stop", range(6))
def test_after_an_interruption_the_next_call_removes_what_is_outdated(tmp_path, monkeypatch, stop):
    replace_files(tmp_path, FIRST)
    honest, calls = files_module.os.fsync, []

    def stop_midway(descriptor):
        calls.append(descriptor)
        if len(calls) == stop + 1:
            raise KeyboardInterrupt
        honest(descriptor)

    monkeypatch.setattr(files_module.os, "fsync", stop_midway)
    third = {"results.csv": b"3\n", "figures/third.png": b"3", "figures/fourth.png": b"4"}
    if stop < 5:  # two manifests and three files are written
        with pytest.raises(KeyboardInterrupt):
            replace_files(tmp_path, third)
    else:
        replace_files(tmp_path, third)
    monkeypatch.undo()
    replace_files(tmp_path, SECOND)
    assert files(tmp_path) == SECOND


def test_partly_written_files_are_removed(tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / f".lr.png-01234567{files_module.PARTIAL}").write_bytes(b"on")
    replace_files(tmp_path, FIRST)
    assert files(tmp_path) == FIRST


def test_a_forged_manifest_removes_no_file_outside(tmp_path):
    folder, outside = tmp_path / "sweep", tmp_path / "outside"
    replace_files(folder, FIRST)
    outside.write_bytes(b"one")
    digest = next(digest for digest, name in read_manifest(folder) if name == "figures/lr.png")
    forged = ["../outside", str(outside), "figures/../../outside", "..\\outside", "", "\0"]
    (folder / MANIFEST).write_text("".join(f"{digest}  {name}\n" for name in forged) + "nonsense\n")
    assert read_manifest(folder) == set()
    replace_files(folder, SECOND)
    assert outside.read_bytes() == b"one"


def test_sha256sum_accepts_the_manifest(tmp_path):
    replace_files(tmp_path, FIRST)
    try:
        outcome = subprocess.run(["sha256sum", "-c", MANIFEST], cwd=tmp_path, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("this system has no sha256sum")
    assert outcome.returncode == 0, outcome.stdout
    assert outcome.stdout.count("OK") == len(FIRST)
