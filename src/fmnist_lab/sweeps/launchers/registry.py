"""The launchers by name, and how to build one from its options."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from typing import Any

from fmnist_lab.compose import launcher_options, typed
from fmnist_lab.config.checks import wrong
from fmnist_lab.config.schema import constraints
from fmnist_lab.errors import InputError
from fmnist_lab.sweeps.launchers.base import Launcher
from fmnist_lab.sweeps.launchers.joblib import Joblib
from fmnist_lab.sweeps.launchers.ray import Ray
from fmnist_lab.sweeps.launchers.slurm import Slurm
from fmnist_lab.sweeps.launchers.submitit_local import SubmititLocal


def build_launcher(name: str, options: Mapping[str, Any]) -> Launcher:
    """Return the launcher of this name. Raises InputError if an option is wrong or a package is missing."""
    kind = LAUNCHERS[name]
    if importlib.util.find_spec(kind.package) is None:
        raise InputError(f'hydra/launcher={name}: needs {kind.package}: pip install "fmnist-lab[{kind.extra}]"')
    if kind.program and shutil.which(kind.program) is None:
        raise InputError(f"hydra/launcher={name}: needs the command {kind.program}: use a machine that has it")
    try:
        return typed(kind, options)
    except InputError as error:
        raise InputError(f"hydra.launcher.{error}") from None
    except ValueError as error:  # a value of the wrong type
        option = str(getattr(error, "full_key", "")).split("[")[0]
        raise wrong(f"hydra.launcher.{option}", options[option], constraints(kind)[option].words) from None


def choose_launcher(*overrides: str) -> Launcher:
    """Return the launcher that `overrides` such as `hydra/launcher=slurm` choose; joblib if they choose none.

    Raises InputError for a launcher of Hydra or of a plugin, which needs Hydra to train.
    """
    options = launcher_options("hydra/launcher=joblib", *overrides)
    if "launcher" not in options:
        raise InputError(f"hydra/launcher: must be one of {', '.join(LAUNCHERS)}, which train without Hydra")
    return build_launcher(options.launcher, own_options(options))


def own_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a launcher's file that the launcher itself takes."""
    return {name: value for name, value in options.items() if name not in ("_target_", "launcher")}


LAUNCHERS: dict[str, type[Launcher]] = {
    "joblib": Joblib,
    "submitit_local": SubmititLocal,
    "slurm": Slurm,
    "ray": Ray,
}
