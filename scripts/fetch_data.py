"""Fetch a data set into the project's data cache: `python scripts/fetch_data.py [mnist]`, on any system.

Without a name it is Fashion-MNIST; the names of those that come with the lab are the files of conf/data/.

Where the data is at hand already (the cache, Debian's package) nothing is downloaded. Otherwise its servers are asked
first and then, on a Debian or Ubuntu machine, the distribution's archive, without installing anything. Prints the
folder of the data, and writes its path to the file that `--note` names. Exit status 2 with one line on stderr when the
data cannot be had.
"""

import argparse
import logging
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fmnist_lab.config.paths import conf_folder
from fmnist_lab.data import NotAtHand, Source, prepare, shipped
from fmnist_lab.errors import InputError


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description="Fetch a data set into the project's data cache.")
    parser.add_argument("name", nargs="?", default="fashion_mnist", help="a file of conf/data/")
    parser.add_argument("--note", type=Path, help="a file for the path of the folder where the data lies")
    arguments = parser.parse_args()
    try:
        source = known(arguments.name)
        folder = fetch(source)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.note:
        arguments.note.write_text(str(folder), encoding="utf-8")
    print(f"{source.title} lies in {folder} (SHA-256 {source.checksum})")
    return 0


def known(name: str) -> Source:
    names = sorted(path.stem for path in Path(conf_folder(), "data").glob("*.yaml"))
    if name not in names:
        raise InputError(f"{name}: must be one of {', '.join(names)}")
    return shipped(name)


def fetch(source: Source) -> Path:
    try:
        return prepare(source, None)
    except NotAtHand as error:
        if not (source.package and shutil.which("apt-get") and shutil.which("dpkg")):
            raise
        return fetch_from_archive(source, source.package, error)


def fetch_from_archive(source: Source, package: str, error: NotAtHand) -> Path:
    logging.info("no server can be reached: asking the system's archive for %s", package)
    with tempfile.TemporaryDirectory() as folder:
        try:
            unpack_package(package, Path(folder))
        except subprocess.CalledProcessError as failure:
            reason = (failure.stderr.splitlines() or [str(failure)])[-1]
            raise InputError(f"{error}; apt-get failed too ({reason}): it may need `apt-get update`") from failure
        return prepare(source, str(Path(folder, *Path(str(source.package_folder)).parts[1:])))


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
