"""The options of the subcommands that train seed by seed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
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


def parse_words(parser: Parser, words: Sequence[str]) -> tuple[argparse.Namespace, list[str], list[str]]:
    """Return the options, the words of `parser.words` without `=`, and those with it: the settings for every run."""
    arguments = parser.parse_intermixed_args(words)
    names = [word for word in arguments.words if "=" not in word]
    return arguments, names, [word for word in arguments.words if "=" in word]
