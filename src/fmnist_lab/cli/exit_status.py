"""The exit status of every command, and one line on standard error for what went wrong."""

from __future__ import annotations

import argparse
import errno
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import cache
from types import FrameType
from typing import Any

from fmnist_lab.compose import register
from fmnist_lab.compose_errors import WRONG_INPUT, explain, raised_by_hydra
from fmnist_lab.errors import Terminated

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # the disk accepts no more data


def run_hydra_app(app: Callable[[], None], schema: type, words: Sequence[str]) -> int:
    """Run the Hydra application `app`, whose keys are those of `schema`, with `words`; return the exit status."""
    sys.argv[1:] = words  # Hydra reads them there
    prepare_process()
    if sys.version_info >= (3, 14):
        accept_lazy_help()
    register(schema)
    if "HYDRA_FULL_ERROR" not in os.environ:
        os.environ["HYDRA_FULL_ERROR"] = "1"  # so that Hydra raises the error that it would print
    elif os.environ["HYDRA_FULL_ERROR"] == "1":
        app()  # the user asks for tracebacks
        return 0
    return status_of(app, schema)


@cache  # once a process
def accept_lazy_help() -> None:
    """Make argparse accept a help that is not a string, as Hydra 1.3 has it for `--shell-completion`.

    Python 3.14 searches the help of an argument for "%" when the argument is added, and fails for Hydra's object, which
    becomes a string only when it is shown. Remove this when pyproject.toml requires Hydra 1.4, which avoids the check.
    """
    container: Any = argparse._ActionsContainer
    check = container._check_help

    def check_string(parser: argparse.ArgumentParser, action: argparse.Action) -> None:
        if isinstance(action.help, str):
            check(parser, action)

    container._check_help = check_string


def status_of(run: Callable[[], int | None], schema: type) -> int:
    """Call `run` and return the exit status: its own, or that of the exception that stopped it.

    Wrong input and a full disk are reported in one line on standard error; other exceptions are raised.
    """
    try:
        return run() or 0
    except Terminated:
        return 128 + signal.SIGTERM
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except WRONG_INPUT as error:
        return print_error(error, schema)
    except ValueError as error:
        if not raised_by_hydra(error):
            raise
        return print_error(error, schema)
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        print(f"fmnist_lab: the results cannot be written: {error.strerror}", file=sys.stderr)
        return 1


def prepare_process() -> None:
    """Treat SIGTERM like Ctrl-C, so that workers end too, and replace characters that the terminal cannot show."""
    signal.signal(signal.SIGTERM, _terminate)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # on Windows, output to a file is in a code page without σ₁


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def print_error(error: Exception, schema: type) -> int:
    """Print one line for wrong input on standard error; return the exit status."""
    print(f"fmnist_lab: {explain(error, schema)}", file=sys.stderr)
    return 2
