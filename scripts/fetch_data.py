"""Fetch Fashion-MNIST into the project's data cache: `python scripts/fetch_data.py`, on any system.

Where the data is at hand already (the cache, Debian's package) nothing is downloaded. Otherwise torchvision's
server is asked first and then, on a Debian or Ubuntu machine, the distribution's archive, without installing
anything. Prints where the data lies; exit status 2 with one line on stderr when it cannot be had.
"""

import logging
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fmnist_lab.data import FASHION_MNIST, NotAtHand, Source, prepare
from fmnist_lab.errors import InputError


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    source = FASHION_MNIST
    try:
        folder = fetch(source)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{source.title} lies in {folder} (SHA-256 {source.checksum})")
    return 0


def fetch(source: Source) -> Path:
    try:
        return prepare(source, None)
    except NotAtHand as error:
        if not (shutil.which("apt-get") and shutil.which("dpkg")):
            raise
        return fetch_from_archive(source, error)


def fetch_from_archive(source: Source, error: NotAtHand) -> Path:
    logging.info("torchvision's server cannot be reached: asking the system's archive for %s", source.package)
    with tempfile.TemporaryDirectory() as folder:
        try:
            unpack_package(source.package, Path(folder))
        except subprocess.CalledProcessError as failure:
            reason = (failure.stderr.splitlines() or [str(failure)])[-1]
            raise InputError(f"{error}; apt-get failed too ({reason}): it may need `apt-get update`") from failure
        return prepare(source, str(Path(folder, *Path(source.package_folder).parts[1:])))


def unpack_package(package: str, folder: Path) -> None:
    try:
        run("apt-get", "download", package, folder=folder)
    except subprocess.CalledProcessError:  # the lists of packages may be old or empty
        run("apt-get", "update", folder=folder)
        run("apt-get", "download", package, folder=folder)
    for archive in folder.glob("*.deb"):
        run("dpkg", "-x", str(archive), str(folder), folder=folder)


def run(*command: str, folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)


if __name__ == "__main__":
    sys.exit(main())
