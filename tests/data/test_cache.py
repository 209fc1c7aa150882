"""Where the data is looked for, and the cache: whole or not there, whatever happens."""

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fmnist_lab.data import NotAtHand, cache, prepare
from fmnist_lab.data.cache import ARRAYS, map_arrays
from fmnist_lab.data.source import Source, decode, idx_header
from fmnist_lab.errors import InputError
from support.tiny_source import FASHION_MNIST, Tiny, write_files

pytestmark = pytest.mark.usefixtures("empty_cache", "offline")


def complaint(source: Source, root: str | None) -> str:
    with pytest.raises(InputError) as error:
        prepare(source, root)
    assert "\n" not in str(error.value)
    return str(error.value)


def assert_whole(tiny: Tiny, folder: Path) -> None:
    for array, content, shape in zip(map_arrays(folder), tiny.contents, tiny.source.file_shapes, strict=True):
        np.testing.assert_array_equal(array, decode(content, shape), strict=True)
    assert not [path for path in folder.iterdir() if path.suffix == ".tmp" or path.name == "download"]


# The order of the search


def test_a_given_root_fills_the_cache(tiny: Tiny, tmp_path: Path, empty_cache: Path) -> None:
    folder = prepare(tiny.source, str(tiny.write(tmp_path / "root")))
    assert folder == empty_cache / f"tiny-{tiny.source.checksum[:12]}"
    assert_whole(tiny, folder)


@pytest.mark.parametrize("root", [None, ""])
def test_without_a_root_the_package_is_used(tiny: Tiny, root: str | None) -> None:
    tiny.write(Path(tiny.source.package_folder))
    assert_whole(tiny, prepare(tiny.source, root))


def test_without_a_package_torchvision_downloads(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "download", lambda source, folder: tiny.write(folder / "Tiny" / "raw"))
    assert_whole(tiny, prepare(tiny.source, None))


def test_a_full_cache_needs_no_source(tiny: Tiny, tmp_path: Path) -> None:
    folder = prepare(tiny.source, str(tiny.write(tmp_path / "root")))
    assert prepare(tiny.source, None) == folder


def test_a_broken_package_is_passed_over(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    (tiny.write(Path(tiny.source.package_folder)) / "t10k-labels-idx1-ubyte.gz").write_bytes(b"broken")
    monkeypatch.setattr(cache, "download", lambda source, folder: tiny.write(folder))
    assert_whole(tiny, prepare(tiny.source, None))


def test_only_the_given_root_is_used(tiny: Tiny, tmp_path: Path) -> None:
    tiny.write(Path(tiny.source.package_folder))
    missing = tmp_path / "missing"
    assert complaint(tiny.source, str(missing)) == f"data.root={missing}: no such folder"


def test_a_bad_root_is_reported_though_the_cache_is_full(tiny: Tiny, tmp_path: Path) -> None:
    root = tiny.write(tmp_path / "root")
    prepare(tiny.source, str(root))
    (root / "t10k-labels-idx1-ubyte.gz").write_bytes(b"broken")
    assert complaint(tiny.source, str(root)).startswith(f"data.root={root}: t10k-labels-idx1-ubyte.gz ")


def test_a_bad_root_leaves_no_trace(tiny: Tiny, tmp_path: Path, empty_cache: Path) -> None:
    complaint(tiny.source, str(tmp_path))
    assert not empty_cache.exists()


def test_a_tilde_in_the_root_is_the_home(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    tiny.write(tmp_path / "root")
    assert_whole(tiny, prepare(tiny.source, "~/root"))


def test_without_any_source_the_message_says_where_was_looked_and_what_to_do(tiny: Tiny, empty_cache: Path) -> None:
    message = complaint(tiny.source, None)
    for place in (str(empty_cache), tiny.source.package_folder, "no network"):
        assert place in message
    for remedy in ("data.root=FOLDER", "python scripts/fetch_data.py", "dataset-tiny"):
        assert remedy in message
    with pytest.raises(NotAtHand):
        prepare(tiny.source, None)


# What can happen to the cache


@pytest.mark.parametrize("survivors", range(len(ARRAYS)))
def test_a_cut_off_write_is_never_taken_for_whole(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survivors: int
) -> None:
    root, written = str(tiny.write(tmp_path / "root")), 0
    save = np.save

    def save_some(file, array, **options) -> None:  # type: ignore[no-untyped-def]
        nonlocal written
        if written == survivors:
            file.write(b"\x93NUMPY half")
            raise KeyboardInterrupt
        written += 1
        save(file, array, **options)

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", save_some)
        with pytest.raises(KeyboardInterrupt):
            prepare(tiny.source, root)
    with pytest.raises(NotAtHand):
        prepare(tiny.source, None)
    assert_whole(tiny, prepare(tiny.source, root))


def test_a_cut_off_download_leaves_nothing(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_off(source: Source, folder: Path) -> None:
        tiny.write(folder)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cache, "download", cut_off)
        with pytest.raises(KeyboardInterrupt):
            prepare(tiny.source, None)
    assert "no network" in complaint(tiny.source, None)


def test_the_files_of_a_killed_download_are_not_used(
    tiny: Tiny, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_over = empty_cache / f"tiny-{tiny.source.checksum[:12]}" / "download"
    tiny.write(left_over, suffix="")
    (left_over / "train-labels-idx1-ubyte").write_bytes(b"half")
    monkeypatch.setattr(cache, "download", lambda source, folder: tiny.write(folder))
    assert_whole(tiny, prepare(tiny.source, None))


def _flip(position: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[:-1],
    "lengthless": lambda data: data[:20],
    "magic": _flip(0),
    "version": _flip(6),
    "header length": _flip(8),
    "header": _flip(30),
    "zip": lambda data: b"PK\x03\x04" + data,
    "first value": _flip(128),
    "last byte": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
}


@pytest.mark.parametrize("name", ["train_images", "test_labels"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_a_damaged_array_is_made_again(tiny: Tiny, tmp_path: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    root = str(tiny.write(tmp_path / "root"))
    path = prepare(tiny.source, root) / f"{name}.npy"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(NotAtHand):
        prepare(tiny.source, None)
    assert_whole(tiny, prepare(tiny.source, root))


def test_verification_happens_once_a_process(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = prepare(tiny.source, str(tiny.write(tmp_path / "root")))
    prepare(tiny.source, None)
    monkeypatch.delattr(cache, "is_genuine")
    assert prepare(tiny.source, None) == folder


def test_a_cache_that_cannot_be_written_is_named(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("FMNIST_LAB_CACHE", str(blocked))
    message = complaint(tiny.source, str(tiny.write(tmp_path / "root")))
    assert str(blocked) in message
    assert "FMNIST_LAB_CACHE" in message


def test_the_cache_is_the_systems_unless_chosen(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = str(tiny.write(tmp_path / "root"))
    monkeypatch.setattr(cache, "user_cache_path", lambda name: tmp_path / "system" / name)
    monkeypatch.setenv("FMNIST_LAB_CACHE", "")
    assert prepare(tiny.source, root).parent == tmp_path / "system" / "fmnist_lab"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FMNIST_LAB_CACHE", "here")
    assert prepare(tiny.source, root).parent == tmp_path / "here"


def test_mapped_arrays_are_plain_and_read_only(tiny: Tiny, tmp_path: Path) -> None:
    for array in map_arrays(prepare(tiny.source, str(tiny.write(tmp_path / "root")))):
        assert type(array) is np.ndarray
        assert isinstance(array.base, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_decoding_is_logged(tiny: Tiny, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = str(tiny.write(tmp_path / "root"))
    with caplog.at_level(logging.INFO, "fmnist_lab.data"):
        prepare(tiny.source, root)
        prepare(tiny.source, root)
    assert [record.getMessage().split(" into ")[0] for record in caplog.records] == ["decoding Tiny"]


# The real data


PREPARE = """
import logging, sys
from fmnist_lab.data import prepare, shipped
logging.basicConfig(level=logging.INFO, format="%(message)s")
print(prepare(shipped("fashion_mnist"), sys.argv[1]))
"""


def test_four_processes_at_once_fill_an_empty_cache_once(real_folder: Path, tmp_path: Path, empty_cache: Path) -> None:
    contents = tuple(
        idx_header(shape) + array.astype(np.uint8).tobytes()
        for shape, array in zip(FASHION_MNIST.file_shapes, map_arrays(real_folder), strict=True)
    )
    root = str(write_files(tmp_path / "root", FASHION_MNIST, contents, suffix=""))
    command = [sys.executable, "-c", PREPARE, root]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    outputs = [process.communicate(timeout=60) for process in processes]
    folder = empty_cache / real_folder.name
    assert [out.strip() for out, _ in outputs] == [str(folder)] * 4
    assert sum(err.count("decoding") for _, err in outputs) == 1
    assert prepare(FASHION_MNIST, None) == folder


def test_the_real_arrays_are_balanced_over_the_classes(real_folder: Path) -> None:
    _, train_labels, _, test_labels = map_arrays(real_folder)
    assert np.bincount(train_labels).tolist() == [6000] * 10
    assert np.bincount(test_labels).tolist() == [1000] * 10


def test_importing_the_data_is_light() -> None:
    heavy = "torch", "torchvision", "pandas", "hydra", "omegaconf", "matplotlib", "scipy"
    code = f"import sys, fmnist_lab.data; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
