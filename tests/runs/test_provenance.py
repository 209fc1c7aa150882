"""The conditions of a run: cores, processor, lock and commit."""

import os
import shutil
import subprocess

import pytest

from fmnist_lab.runs import provenance


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


GENOA, TURIN = (
    f"processor\t: 0\ncpu family\t: {family}\nmodel\t\t: {model}\nmodel name\t: AMD EPYC\ncpu MHz\t\t: 2596.138\n\n"
    f"processor\t: 1\ncpu family\t: {family}\nmodel\t\t: {model}\nmodel name\t: AMD EPYC\n"
    for family, model in ((25, 17), (26, 2))
)
ARM = "processor\t: 0\nBogoMIPS\t: 48.00\nFeatures\t: fp asimd\n"


@pytest.mark.parametrize(
    ("cpuinfo", "name"),
    [
        (GENOA, "AMD EPYC (family 25, model 17)"),
        (TURIN, "AMD EPYC (family 26, model 2)"),
        (ARM, "a chip"),
        (None, "a chip"),
    ],
    ids=["one generation", "another of the same name", "no name", "no such file"],
)
def test_processors_of_one_name_are_distinguished(tmp_path, monkeypatch, cpuinfo, name):
    monkeypatch.setattr(provenance, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(provenance.platform, "processor", lambda: "a chip")
    if cpuinfo is not None:
        (tmp_path / "cpuinfo").write_text(cpuinfo)
    assert provenance.cpu.__wrapped__() == name


LOCK = 'numpy==2.4.6 \\\n    --hash=sha256:00\n    # via scipy\ntorch==2.14.1 ; sys_platform == "linux" \\\n'


@pytest.mark.parametrize(
    ("versions", "locked"),
    [
        ({"fmnist-lab": "0.1.0", "numpy": "2.4.6"}, True),
        ({"fmnist-lab": "0.1.0", "numpy": "2.4.6", "torch": "2.14.1"}, True),
        ({"fmnist-lab": "0.1.0", "numpy": "2.4.5"}, False),
        ({"fmnist-lab": "0.1.0", "numpy": "2.4.6", "torch": "2.14.1+cpu"}, False),
        ({"fmnist-lab": "0.1.0", "numpy": "2.4.6", "omegaconf": "2.3.1"}, False),
        ({"fmnist-lab": "0.1.0", "numpy": None}, False),
    ],
)
def test_an_environment_is_the_locked_one_or_not(tmp_path, monkeypatch, versions, locked):
    monkeypatch.setattr(provenance, "LOCK", tmp_path / "requirements.lock")
    (tmp_path / "requirements.lock").write_text(LOCK)
    assert provenance.locked(versions) is locked


def test_without_a_lock_nothing_is_claimed(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "LOCK", tmp_path / "requirements.lock")
    assert provenance.locked({"fmnist-lab": "0.1.0", "numpy": "2.4.6"}) is None


def test_the_lock_of_this_checkout_is_found(monkeypatch):
    locked = provenance._lock(provenance.LOCK)
    assert {*provenance.PACKAGES} - {*locked} == {"fmnist-lab"}
    monkeypatch.setattr(provenance, "_version", locked.get)
    assert provenance.collect(1, 1, "", "torch")["locked"] is True
    monkeypatch.setattr(provenance, "_version", {**locked, "torch": "2.0.0"}.get)
    assert provenance.collect(1, 1, "", "torch")["locked"] is False
    assert provenance.collect(1, 1, "", "custom")["locked"] is True


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_looking_at_a_checkout_leaves_it_as_it_is(tmp_path):
    """A plain git status would rewrite the index and hold its lock, which disturbs other git commands."""
    git = lambda *words: subprocess.run(["git", "-C", str(tmp_path), *words], check=True)  # noqa: E731
    git("init", "--quiet")
    (tmp_path / "file").write_text("content")
    git("add", "file")
    os.utime(tmp_path / "file", (1, 1))  # so that the index is not up to date
    before = (tmp_path / ".git" / "index").read_bytes()
    assert "file" in provenance._git(tmp_path, "status", "--porcelain")
    assert (tmp_path / ".git" / "index").read_bytes() == before
