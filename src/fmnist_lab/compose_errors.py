"""What Hydra, OmegaConf and PyYAML raise for wrong input, as one line that names the key and the value."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException
from yaml import MarkedYAMLError

from fmnist_lab.config.checks import unknown
from fmnist_lab.config.schema import constraints
from fmnist_lab.errors import InputError

WRONG_INPUT = (InputError, HydraException, OmegaConfBaseException, MarkedYAMLError)


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


def raised_by_hydra(error: Exception) -> bool:
    """Hydra answers a few wrong overrides, such as model=3, with a plain ValueError."""
    *_, last = traceback.walk_tb(error.__traceback__)
    return str(last[0].f_globals.get("__name__")).startswith("hydra.")


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
    constraint = constraints(schema).get(key.split("[")[0])
    if constraint:
        override = re.search(r"override (.*)", str(error))
        return f"{override[1] if override else key}: must be {constraint.words}"
    return " ".join(str(error).split())


def explain_file(file: str, kind: str, key: str, schema: type) -> str:
    """The same for a wrong key or value in a configuration file; `kind` is OmegaConf's name of the error."""
    if kind in (ConfigKeyError.__name__, ConfigAttributeError.__name__):
        return f"{file}.yaml: {unknown(key, schema)}"
    constraint = constraints(schema).get(key.split("[")[0])
    return f"{file}.yaml: {key}: must be {constraint.words if constraint else 'keys with values'}"
