"""The command line: the first word chooses a subcommand; without one, the words are settings of runs to train."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from fmnist_lab import __version__

SUBCOMMANDS = ("compare", "reproduce", "audit", "saddle")  # a module of this package each, with a `main`


def run_command_line(arguments: Sequence[str]) -> int:
    """Run what the command line asks for; return the exit status."""
    if "--version" in arguments:  # Hydra would print its own
        print(f"fmnist_lab {__version__}")
        return 0
    first, *rest = arguments or [""]
    module, words = (first, rest) if first in SUBCOMMANDS else ("run", arguments)
    status: int = import_module(f"fmnist_lab.cli.{module}").main(words)
    return status
