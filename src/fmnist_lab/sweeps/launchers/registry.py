"""From the name of a launcher and its options to the launcher."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fmnist_lab.compose import launcher_options, typed
from fmnist_lab.config.checks import wrong
from fmnist_lab.config.schema import constraints
from fmnist_lab.errors import InputError
from fmnist_lab.sweeps.launchers.base import Launcher
from fmnist_lab.sweeps.launchers.joblib import Joblib
from fmnist_lab.sweeps.launchers.ray import Ray
from fmnist_lab.sweeps.launchers.slurm import Slurm
from fmnist_lab.sweeps.launchers.submitit_local import SubmititLocal

if TYPE_CHECKING:
    pass


def build_launcher(name: str, options: Mapping[str, Any]) -> Launcher:
    """The engine of this name with these options; InputError when one is wrong or something is not installed."""
    kind = LAUNCHERS[name]
    if importlib.util.find_spec(kind.package) is None:
        raise InputError(f'hydra/launcher={name}: needs {kind.package}: pip install "fmnist-lab[{kind.extra}]"')
    if kind.program and shutil.which(kind.program) is None:
        raise InputError(f"hydra/launcher={name}: needs the command {kind.program}: use it where the cluster has it")
    try:
        return typed(kind, options)
    except InputError as error:
        raise InputError(f"hydra.launcher.{error}") from None
    except ValueError as error:  # of the wrong type
        option = str(getattr(error, "full_key", "")).split("[")[0]
        raise wrong(f"hydra.launcher.{option}", options[option], constraints(kind)[option].words) from None


def choose_launcher(*overrides: str) -> Launcher:
    """The engine that `overrides` such as `hydra/launcher=slurm` choose; joblib when they choose none."""
    options = launcher_options("hydra/launcher=joblib", *overrides)
    if "launcher" not in options:
        raise InputError(f"hydra/launcher: must be one of {', '.join(LAUNCHERS)}, which train without Hydra")
    return build_launcher(options.launcher, own_options(options))


def own_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Of a launcher's file, what the engine itself wants to know."""
    return {name: value for name, value in options.items() if name not in ("_target_", "launcher")}


LAUNCHERS: dict[str, type[Launcher]] = {
    "joblib": Joblib,
    "submitit_local": SubmititLocal,
    "slurm": Slurm,
    "ray": Ray,
}
