"""The download's process, with a stand-in for torchvision and once with the real one."""

import dataclasses
import functools
import http.server
import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmnist_lab.data import download as module
from fmnist_lab.data.download import download
from fmnist_lab.data.folder import Unusable, read
from support.tiny_source import FASHION_MNIST, Tiny

STAND_IN = """
import pathlib, shutil, socket

def download_url(url, root, filename):
    {body}
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file of a module that stands in for torchvision."""
    package = tmp_path / "modules" / "torchvision" / "datasets"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package.parent / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(package.parents[1]), os.environ.get("PYTHONPATH", "")]))
    return package / "utils.py"


def test_files_arrive_in_a_process_of_its_own(tiny: Tiny, stand_in: Path, tmp_path: Path) -> None:
    server = tiny.write(tmp_path / "server")
    body = f"pathlib.Path(root).mkdir(exist_ok=True); shutil.copy(pathlib.Path({str(server)!r}, filename), root)"
    stand_in.write_text(STAND_IN.format(body=body))
    download(tiny.source, tmp_path / "target")
    assert read(tiny.source, tmp_path / "target") == list(tiny.contents)


def test_an_error_becomes_one_line(tiny: Tiny, stand_in: Path, tmp_path: Path) -> None:
    stand_in.write_text(STAND_IN.format(body="raise RuntimeError('Tried the server, got:\\n404\\n')"))
    with pytest.raises(Unusable, match=r"^Tried the server, got: 404$"):
        download(tiny.source, tmp_path)


def test_a_missing_torchvision_becomes_one_line(tiny: Tiny, stand_in: Path, tmp_path: Path) -> None:
    stand_in.write_text("import a_module_that_is_not_there")
    with pytest.raises(Unusable, match=r"^ModuleNotFoundError: .*a_module_that_is_not_there"):
        download(tiny.source, tmp_path)


def test_a_child_that_dies_silently_is_reported_by_its_exit_status(tiny: Tiny, stand_in: Path, tmp_path: Path) -> None:
    stand_in.write_text("import os; os._exit(3)")
    with pytest.raises(Unusable, match=r"^exit status 3$"):
        download(tiny.source, tmp_path)


def test_a_silent_server_is_given_up(tiny: Tiny, stand_in: Path, tmp_path: Path) -> None:
    stand_in.write_text(STAND_IN.format(body="raise RuntimeError(str(socket.getdefaulttimeout()))"))
    with pytest.raises(Unusable, match=f"^{module.STALL_SECONDS}$"):
        download(tiny.source, tmp_path)


def test_an_endless_download_is_given_up(
    tiny: Tiny, stand_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIMIT_SECONDS", 0.5)
    stand_in.write_text("import time; time.sleep(60)")
    with pytest.raises(Unusable, match="not finished after"):
        download(tiny.source, tmp_path)


@pytest.mark.promise
def test_the_real_torchvision_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the discard port: nobody listens
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(Unusable) as error:
        download(FASHION_MNIST, tmp_path)
    assert "\n" not in str(error.value)
    assert "ModuleNotFoundError" not in str(error.value)


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """Yield a folder, and the address at which a local server serves it."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(SilentHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class SilentHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.promise
def test_a_mirror_that_fails_is_followed_by_the_next(tiny: Tiny, served: tuple[Path, str], tmp_path: Path) -> None:
    folder, url = served
    tiny.write(folder / "files")
    source = dataclasses.replace(tiny.source, urls=(f"{url}missing/", f"{url}files/"))
    download(source, tmp_path / "target")
    assert read(source, tmp_path / "target") == list(tiny.contents)


@pytest.mark.promise
def test_files_are_taken_out_of_an_archive_and_nothing_else_is(
    tiny: Tiny, served: tuple[Path, str], tmp_path: Path
) -> None:
    folder, url = served
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for path in tiny.write(tmp_path / "files").iterdir():
            archive.write(path, f"gzip/deep/{path.name}")
        archive.writestr("../../escaped", "out")
    source = dataclasses.replace(tiny.source, urls=(f"{url}all.zip",))
    download(source, tmp_path / "target")
    assert read(source, tmp_path / "target") == list(tiny.contents)
    assert {path.name for path in (tmp_path / "target").iterdir()} == {
        "archive.zip",
        *(f"{file.name}.gz" for file in source.files),
    }
    assert not list(tmp_path.rglob("escaped"))
