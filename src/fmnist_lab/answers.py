"""How every command line of the lab answers: an exit status, and one line for what went wrong."""

from __future__ import annotations

import argparse
import errno
import io
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException
from yaml import MarkedYAMLError

from fmnist_lab.compose import register
from fmnist_lab.config.schema import rules, unknown
from fmnist_lab.errors import InputError, Terminated

WRONG_INPUT = (InputError, HydraException, OmegaConfBaseException, MarkedYAMLError)
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # what a disk says that takes no more


def answer(app: Callable[[], None], schema: type) -> int:
    """Run the command line of `app`, whose keys are those of `schema`; return the exit status."""
    open_door()
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


@contextmanager
def in_one_line(schema: type) -> Iterator[None]:
    """Where there is no command line: raise what is wrong with the input as an InputError of one line."""
    try:
        yield
    except WRONG_INPUT as error:
        raise InputError(explain(error, schema)) from None
    except ValueError as error:
        if not raised_by_hydra(error):
            raise
        raise InputError(explain(error, schema)) from None


def open_door() -> None:
    """What a command does first: heed SIGTERM as Ctrl-C, so that workers are ended too, and let no letter stop it."""
    signal.signal(signal.SIGTERM, _terminate)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # Windows writes files in a code page that has no σ₁


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


def raised_by_hydra(error: Exception) -> bool:
    """Hydra answers a few wrong overrides, such as model=3, with a plain ValueError."""
    *_, last = traceback.walk_tb(error.__traceback__)
    return str(last[0].f_globals.get("__name__")).startswith("hydra.")


def complain(error: Exception, schema: type) -> int:
    """Answer wrong input with one line; return its exit status."""
    print(f"fmnist_lab: {explain(error, schema)}", file=sys.stderr)
    return 2


def explain(error: Exception, schema: type) -> str:
    """One line that names the key, the value and what would be right."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark
        where = f"{Path(mark.name).name}, line {mark.line + 1}" if mark else "a configuration file"
        return f"{where}: cannot be read as YAML: {error.problem}"
    if in_file := re.match(r"In '([^']+)': (\w+) raised.* full_key: (\S+)", " ".join(str(error).split())):
        file, kind, key = in_file.groups()
        return explain_file(file, kind, key, schema)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, option = error.missing_cfg_file.rpartition("/")
        return f"{group}={option}: must be one of {', '.join(error.options or [])}"
    if isinstance(error, OverrideParseException):
        return f"{error.override}: cannot be read; it should look like key=value, with special characters quoted"
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    key = str(getattr(cause, "full_key", None) or "")
    if key and isinstance(cause, ConfigAttributeError | ConfigKeyError):
        return str(unknown(key, schema))
    rule = rules(schema).get(key.split("[")[0])
    if rule:
        override = re.search(r"override (.*)", str(error))
        return f"{override[1] if override else key}: must be {rule.words}"
    return " ".join(str(error).split())


def explain_file(file: str, kind: str, key: str, schema: type) -> str:
    """The same for a wrong key or value in a configuration file; `kind` is OmegaConf's name of the error."""
    if kind in (ConfigKeyError.__name__, ConfigAttributeError.__name__):
        return f"{file}.yaml: {unknown(key, schema)}"
    rule = rules(schema).get(key.split("[")[0])
    return f"{file}.yaml: {key}: must be {rule.words if rule else 'keys with values'}"
