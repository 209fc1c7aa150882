"""The command line: `python -m fmnist_lab`, or `fmnist-lab`."""

import sys

from fmnist_lab.cli.main import run


def main() -> None:
    """Run the command line and leave with its exit status."""
    sys.exit(run())


if __name__ == "__main__":
    main()
