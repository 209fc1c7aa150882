"""How every command line of the lab answers: an exit status, and one line for what went wrong."""

from __future__ import annotations

import argparse
import errno
import io
import os
import signal
import sys
from collections.abc import Callable
from functools import cache
from types import FrameType
from typing import Any

from fmnist_lab.compose import register
from fmnist_lab.compose_errors import WRONG_INPUT, explain, raised_by_hydra
from fmnist_lab.errors import Terminated

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # what a disk says that takes no more


def run_command(app: Callable[[], None], schema: type) -> int:
    """Run the command line of `app`, whose keys are those of `schema`; return the exit status."""
    prepare_process()
    if sys.version_info >= (3, 14):
        accept_lazy_help()
    register(schema)
    if "HYDRA_FULL_ERROR" not in os.environ:
        os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise what it would print
    elif os.environ["HYDRA_FULL_ERROR"] == "1":
        app()  # the user asks for tracebacks
        return 0
    return status_of(app, schema)


@cache  # once a process
def accept_lazy_help() -> None:
    """Let argparse accept a help that is not a string, which Hydra 1.3 gives to `--shell-completion`.

    Python 3.14 looks for "%" in the help of an argument as soon as it is added, and fails at Hydra's object, which
    becomes a string only when it is shown. Remove this when pyproject.toml requires Hydra 1.4, which avoids the check.
    """
    container: Any = argparse._ActionsContainer
    check = container._check_help

    def check_string(parser: argparse.ArgumentParser, action: argparse.Action) -> None:
        if isinstance(action.help, str):
            check(parser, action)

    container._check_help = check_string


def status_of(run: Callable[[], int | None], schema: type) -> int:
    """The exit status of `run`: its own, or that of what stopped it; wrong input and a full disk get one line."""
    try:
        return run() or 0
    except Terminated:
        return 128 + signal.SIGTERM
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except WRONG_INPUT as error:
        return complain(error, schema)
    except ValueError as error:
        if not raised_by_hydra(error):
            raise
        return complain(error, schema)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        print(f"fmnist_lab: the outcome cannot be written: {error.strerror}", file=sys.stderr)
        return 1


def prepare_process() -> None:
    """What a command does first: heed SIGTERM as Ctrl-C, so that workers are ended too, and let no letter stop it."""
    signal.signal(signal.SIGTERM, _terminate)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # Windows writes files in a code page that has no σ₁


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def complain(error: Exception, schema: type) -> int:
    """Answer wrong input with one line; return its exit status."""
    print(f"fmnist_lab: {explain(error, schema)}", file=sys.stderr)
    return 2
