"""Under which conditions a number was made."""

import os
import shutil
import subprocess

import pytest

from fmnist_lab import provenance


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000", 4),
        ("200000 100000", 2),
        ("250000 100000", 2),
        ("50000 100000", 1),
        ("900000 100000", 4),
        ("", 4),
        (None, 4),
    ],
)
def test_no_more_cores_than_the_container_has(tmp_path, monkeypatch, quota, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(4), raising=False)
    monkeypatch.setattr(provenance, "QUOTA", tmp_path / "cpu.max")
    if quota is not None:
        (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert provenance.cores() == cores


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_looking_at_a_checkout_leaves_it_as_it_is(tmp_path):
    """git status would renew the index, and hold its lock meanwhile, against whoever works there."""
    git = lambda *words: subprocess.run(["git", "-C", str(tmp_path), *words], check=True)  # noqa: E731
    git("init", "--quiet")
    (tmp_path / "file").write_text("content")
    git("add", "file")
    os.utime(tmp_path / "file", (1, 1))  # so that the index is not up to date
    before = (tmp_path / ".git" / "index").read_bytes()
    assert "file" in provenance._git(tmp_path, "status", "--porcelain")
    assert (tmp_path / ".git" / "index").read_bytes() == before
