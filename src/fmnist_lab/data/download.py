"""torchvision's download, in a process of its own because torchvision imports torch."""

import logging
import socket
import subprocess
import sys
from pathlib import Path

from fmnist_lab.data.folder import Unusable
from fmnist_lab.data.source import Source

log = logging.getLogger("fmnist_lab.data")

STALL_SECONDS = 10.0
"""A server that is silent for so long is given up: torchvision itself would wait for ever."""

LIMIT_SECONDS = 600.0
"""The whole download: some 30 MB, so 0.5 Mbit/s will do."""

CHILD = "import sys; from fmnist_lab.data.download import fetch; fetch(*sys.argv[1:])"


def download(source: Source, folder: Path) -> None:
    """Download the source's files into `folder`, in torchvision's layout; `Unusable` when that fails."""
    log.info("downloading %s by torchvision", source.title)
    try:
        child = subprocess.run(
            [sys.executable, "-c", CHILD, source.torchvision, str(folder)],
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


def fetch(dataset: str, folder: str) -> None:
    """The child's part: download by torchvision's class `dataset`, or exit with the reason in one line."""
    from torchvision import datasets

    socket.setdefaulttimeout(STALL_SECONDS)
    try:
        getattr(datasets, dataset)(folder, download=True)
    except Exception as error:
        sys.exit(" ".join(str(error).split()))
