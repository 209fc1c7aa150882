"""Download by torchvision's own function, in a separate process because torchvision imports torch."""

import logging
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from fmnist_lab.data.folder import Unusable
from fmnist_lab.data.source import Source

log = logging.getLogger("fmnist_lab.data")

STALL_SECONDS = 10.0
"""Time after which a silent server is given up; torchvision itself would wait forever."""

LIMIT_SECONDS = 600.0
"""Time limit of the download from one address: enough for some 30 MB at 0.5 Mbit/s."""

CHILD = "import sys; from fmnist_lab.data.download import fetch; fetch(*sys.argv[1:])"


def download(source: Source, folder: Path) -> None:
    """Download the source's gzipped files into `folder`. Raises `Unusable` when none of its addresses has them.

    The files are not verified here: `read` compares them with the source's checksums.
    """
    failures = []
    for url in source.urls:
        log.info("downloading %s from %s", source.title, url)
        try:
            return _in_a_process(url, str(folder), *(f"{file.name}.gz" for file in source.files))
        except Unusable as reason:
            failures.append(str(reason))
    raise Unusable("; ".join(failures) or "it has no address to download from")


def _in_a_process(*arguments: str) -> None:
    try:
        child = subprocess.run(
            [sys.executable, "-c", CHILD, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=LIMIT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise Unusable(f"not finished after {LIMIT_SECONDS:.0f} s") from error
    if child.returncode:
        raise Unusable((child.stderr.splitlines() or [f"exit status {child.returncode}"])[-1])


def fetch(url: str, folder: str, *names: str) -> None:
    """Download the files from `url`, a folder or a zip archive, or exit with one line; runs in the child process."""
    from torchvision.datasets.utils import download_url

    socket.setdefaulttimeout(STALL_SECONDS)
    try:
        if url.endswith(".zip"):
            download_url(url, folder, "archive.zip")
            unpack(Path(folder, "archive.zip"), Path(folder), names)
        else:
            for name in names:
                download_url(url + name, folder, name)
    except Exception as error:
        sys.exit(" ".join(str(error).split()))


def unpack(archive: Path, folder: Path, names: Sequence[str]) -> None:
    """Extract only the files called `names` from an archive, whatever folders they are in."""
    with zipfile.ZipFile(archive) as opened:
        members = {PurePosixPath(member.filename).name: member for member in opened.infolist()}
        for name in names:
            with opened.open(members[name]) as source, (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target)
