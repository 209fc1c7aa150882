"""The door between Hydra and the lab: what Hydra composed becomes a `Config`, what went wrong one line."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from fmnist_lab.config import Config, conf_folder, from_omegaconf, register, rules, unknown
from fmnist_lab.errors import InputError, Terminated

WRONG_INPUT = (InputError, HydraException, OmegaConfBaseException)


@hydra.main(version_base="1.3", config_path=conf_folder(), config_name="config")
def app(composed: DictConfig) -> None:
    """One job of a sweep, or a single run."""
    from fmnist_lab.run import train

    if HydraConfig.get().mode == RunMode.MULTIRUN:
        train(from_omegaconf(composed), workers=workers())
        return
    try:
        sys.exit(single_run(from_omegaconf(composed)))
    except WRONG_INPUT as error:  # answered here, as Hydra would put a line of its own before it
        sys.exit(complain(error))


def single_run(config: Config) -> int:
    """A sweep of one run; return the exit status."""
    from fmnist_lab.run import train
    from fmnist_lab.sweep import command_line, conduct, default_name

    preset = HydraConfig.get().runtime.choices.get("experiment")
    if preset:  # without -m Hydra would quietly train one network
        raise InputError(f"experiment={preset}: is a sweep: add -m (python -m fmnist_lab -m experiment={preset})")

    def launch(places: Sequence[int]) -> None:
        with contextlib.suppress(Exception):  # its record says why
            train(dataclasses.replace(config, force=False))

    overrides = HydraConfig.get().overrides.task
    return conduct([config], [command_line(overrides, sweep=False)], default_name(overrides), launch)


def workers() -> int:
    """How many runs the launcher has going at once."""
    return int(HydraConfig.get().launcher.get("n_jobs", 1))


def run() -> int:
    """Run the command line; return the exit status."""
    signal.signal(signal.SIGTERM, terminate)
    register()
    if "HYDRA_FULL_ERROR" not in os.environ:
        os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise what it would print
    elif os.environ["HYDRA_FULL_ERROR"] == "1":
        app()  # the user asks for tracebacks
        return 0
    try:
        app()
    except Terminated:
        return 128 + signal.SIGTERM
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except WRONG_INPUT as error:
        return complain(error)
    except ValueError as error:
        if not raised_by_hydra(error):
            raise
        return complain(error)
    return 0


def terminate(number: int, frame: FrameType | None) -> None:
    """What SIGTERM does: end as Ctrl-C does, so that workers are ended too."""
    raise Terminated


def raised_by_hydra(error: Exception) -> bool:
    """Hydra answers a few wrong overrides, such as model=3, with a plain ValueError."""
    *_, last = traceback.walk_tb(error.__traceback__)
    return str(last[0].f_globals.get("__name__")).startswith("hydra.")


def complain(error: Exception) -> int:
    """Answer wrong input with one line; return its exit status."""
    print(f"fmnist_lab: {explain(error)}", file=sys.stderr)
    return 2


def explain(error: Exception) -> str:
    """One line that names the key, the value and what would be right."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, option = error.missing_cfg_file.rpartition("/")
        return f"{group}={option}: must be one of {', '.join(error.options or [])}"
    if isinstance(error, OverrideParseException):
        return f"{error.override}: cannot be read; it should look like key=value, with special characters quoted"
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    key = str(getattr(cause, "full_key", None) or "")
    if key and isinstance(cause, ConfigAttributeError | ConfigKeyError):
        return str(unknown(key))
    rule = rules().get(key.split("[")[0])
    if rule:
        override = re.search(r"override (.*)", str(error))
        return f"{override[1] if override else key}: must be {rule.words}"
    return " ".join(str(error).split())
