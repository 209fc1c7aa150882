"""Turn the errors of Hydra, OmegaConf and PyYAML for wrong input into one line that names the key and the value."""

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
    """Raise errors for wrong input as an InputError whose message is one line; for use without a command line."""
    try:
        yield
    except WRONG_INPUT as error:
        raise InputError(explain(error, schema)) from None
    except ValueError as error:
        if not raised_by_hydra(error):
            raise
        raise InputError(explain(error, schema)) from None


def raised_by_hydra(error: Exception) -> bool:
    """Return whether Hydra raised the error: for some wrong overrides, such as model=3, it raises a ValueError."""
    *_, last = traceback.walk_tb(error.__traceback__)
    return str(last[0].f_globals.get("__name__")).startswith("hydra.")


def explain(error: Exception, schema: type) -> str:
    """Return one line that names the key, the value and what was expected."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, MarkedYAMLError):
        position = error.problem_mark
        where = f"{Path(position.name).name}, line {position.line + 1}" if position else "a configuration file"
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
    """Return one line for a wrong key or value in a configuration file; `kind` is the name of OmegaConf's error."""
    if kind in (ConfigKeyError.__name__, ConfigAttributeError.__name__):
        return f"{file}.yaml: {unknown(key, schema)}"
    constraint = constraints(schema).get(key.split("[")[0])
    return f"{file}.yaml: {key}: must be {constraint.words if constraint else 'keys with values'}"
