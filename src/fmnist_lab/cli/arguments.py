"""The options of the subcommands that train seed by seed."""

from __future__ import annotations

import argparse
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """A parser that has `--seeds`, and that reports a wrong option in one line, with exit status 2."""

    def __init__(self, subcommand: str, description: str) -> None:
        super().__init__(prog=f"python -m fmnist_lab {subcommand}", description=description, allow_abbrev=False)
        self.add_argument(
            "--seeds", type=int, default=5, metavar="N", help="train with the seeds 0 to N - 1; default: %(default)s"
        )

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"fmnist_lab: {message}; {self.prog} --help lists the options\n")


def add_overrides(parser: Parser) -> None:
    """Add the settings for every run, which stand anywhere on the command line."""
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="a setting for every run, such as outputs=FOLDER"
    )
