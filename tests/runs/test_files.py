"""Files are written whole or not at all, also where a reader or a full disk gets in the way."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fmnist_lab.runs import files
from fmnist_lab.runs.files import make_folder, write_bytes, write_csv


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file.csv"
    write_csv(path, ["a"], [[1]])

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_bytes(path, b"new")
    assert path.read_text() == "a\n1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_commands_that_start_together_do_not_refuse_each_other(tmp_path):
    with ThreadPoolExecutor(8) as commands:
        list(commands.map(lambda _: make_folder(tmp_path / "runs", "outputs"), range(400)))
    assert list((tmp_path / "runs").iterdir()) == []


def hindered(monkeypatch, times):
    """Fail `times` times as Windows does while a file is being read; return the list that the pauses are added to."""
    honest, left, paused = Path.replace, [None] * times, []

    def replace(path, target):
        if left:
            left.pop()
            raise PermissionError(13, "Access is denied")
        return honest(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(files, "PAUSES", (0.1, 0.2))
    monkeypatch.setattr(files.time, "sleep", paused.append)
    return paused


def test_a_file_that_is_being_read_is_replaced_a_moment_later(tmp_path, monkeypatch):
    paused = hindered(monkeypatch, times=2)
    write_bytes(tmp_path / "history.csv", b"new")
    assert (tmp_path / "history.csv").read_bytes() == b"new"
    assert paused == [0.1, 0.2]


def test_a_file_that_is_being_read_for_long_is_an_error_after_all(tmp_path, monkeypatch):
    hindered(monkeypatch, times=3)
    with pytest.raises(PermissionError):
        write_bytes(tmp_path / "history.csv", b"new")
    assert list(tmp_path.iterdir()) == []
