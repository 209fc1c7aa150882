"""A folder of IDX files: every accepted layout, and a message for every defect."""

import gzip
import hashlib
from pathlib import Path

import pytest

from fmnist_lab.data import folder as module
from fmnist_lab.data.folder import Unusable, read, verify
from support.tiny_source import Tiny

FIRST, SECOND = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def complaint(tiny: Tiny, folder: Path) -> str:
    """Return the message of `read`, which must be that of `verify` too."""
    with pytest.raises(Unusable) as by_read:
        read(tiny.source, folder)
    with pytest.raises(Unusable) as by_verify:
        verify(tiny.source, folder)
    assert str(by_read.value) == str(by_verify.value)
    return str(by_read.value)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("layout", [".", "raw", "Tiny/raw"])
def test_files_are_found_in_every_layout_gzipped_or_not(tiny: Tiny, tmp_path: Path, layout: str, suffix: str) -> None:
    tiny.write(tmp_path / layout, suffix)
    verify(tiny.source, tmp_path)
    assert read(tiny.source, tmp_path) == list(tiny.contents)


def test_missing_folder(tiny: Tiny, tmp_path: Path) -> None:
    assert complaint(tiny, tmp_path / "nowhere") == "no such folder"


def test_a_file_is_not_a_folder(tiny: Tiny, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    assert complaint(tiny, path) == "not a folder"


def test_missing_files_are_named(tiny: Tiny, tmp_path: Path) -> None:
    folder = tiny.write(tmp_path)
    (folder / f"{FIRST}.gz").unlink()
    (folder / f"{SECOND}.gz").unlink()
    assert complaint(tiny, folder).startswith(f"lacks {FIRST}, {SECOND} (gzipped or not")


@pytest.mark.parametrize("keep", [1, 9, -9, -1])
def test_truncated_gzip_is_named(tiny: Tiny, tmp_path: Path, keep: int) -> None:
    path = tiny.write(tmp_path) / f"{FIRST}.gz"
    path.write_bytes(path.read_bytes()[:keep])
    assert complaint(tiny, tmp_path) == f"{FIRST}.gz is a truncated or corrupt gzip file"


DAMAGED = gzip.compress(b"x" * 99, mtime=0)[:10] + b"\xff" * 30


@pytest.mark.parametrize("data", [b"<html>404</html>", DAMAGED], ids=["page", "damaged"])
def test_corrupt_gzip_is_named(tiny: Tiny, tmp_path: Path, data: bytes) -> None:
    (tiny.write(tmp_path) / f"{SECOND}.gz").write_bytes(data)
    assert complaint(tiny, tmp_path) == f"{SECOND}.gz is a truncated or corrupt gzip file"


def test_unpacking_a_gzip_file_stops_at_its_expected_length(tiny: Tiny, tmp_path: Path) -> None:
    (tiny.write(tmp_path) / f"{SECOND}.gz").write_bytes(gzip.compress(bytes(10**7)))
    assert complaint(tiny, tmp_path) == f"{SECOND}.gz unpacks to more than the 20 bytes that it should hold"


def test_wrong_content_is_shown_with_both_checksums(tiny: Tiny, tmp_path: Path) -> None:
    (tiny.write(tmp_path, suffix="") / FIRST).write_bytes(b"other")
    found, expected = hashlib.sha256(b"other").hexdigest()[:12], tiny.source.files[0].checksum[:12]
    assert complaint(tiny, tmp_path) == f"{FIRST}: content has SHA-256 {found}, expected {expected}"


def test_mnist_is_recognised(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "owner_of", lambda checksum: "MNIST")
    (tiny.write(tmp_path) / f"{FIRST}.gz").write_bytes(gzip.compress(b"handwritten digits"))
    assert complaint(tiny, tmp_path).endswith("it is MNIST's, served under this name")


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_folder_in_the_place_of_a_file_cannot_be_read(tiny: Tiny, tmp_path: Path, suffix: str) -> None:
    path = tiny.write(tmp_path, suffix) / f"{FIRST}{suffix}"
    path.unlink()
    path.mkdir()
    assert complaint(tiny, tmp_path).startswith(f"{path.name} cannot be read (")


def test_a_forbidden_file_cannot_be_read(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    tiny.write(tmp_path)
    monkeypatch.setattr(Path, "read_bytes", forbid)
    assert complaint(tiny, tmp_path) == f"{FIRST}.gz cannot be read (Permission denied)"


def test_a_verified_file_is_read_again_only_after_a_change(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny.write(tmp_path) / f"{FIRST}.gz"
    verify(tiny.source, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", None)  # a call would fail
        verify(tiny.source, tmp_path)
    path.write_bytes(gzip.compress(b"other content"))
    with pytest.raises(Unusable):
        verify(tiny.source, tmp_path)
