"""The command `python -m fmnist_lab`, installed as `fmnist-lab` too."""

import sys

from fmnist_lab.cli.main import run_command_line


def main() -> None:
    """Run the command line and exit with its status."""
    sys.exit(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
