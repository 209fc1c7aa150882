"""The command line: `python -m fmnist_lab`, or `fmnist-lab`."""

import sys


def main() -> None:
    """Check that Hydra can start on this Python, and open the door."""
    if sys.version_info >= (3, 14):
        sys.exit(unsupported())
    from fmnist_lab.door import run

    sys.exit(run())


def unsupported() -> int:
    """Say in one line why not, and what to use."""
    version = ".".join(map(str, sys.version_info[:3]))
    print(f"fmnist_lab: Python {version}: Hydra 1.3 cannot start on 3.14; use Python 3.11 to 3.13", file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
