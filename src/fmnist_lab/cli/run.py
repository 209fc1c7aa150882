"""The Hydra application: train one run, or with -m the runs of a sweep."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from fmnist_lab.cli.exit_status import print_error, run_hydra_app
from fmnist_lab.compose import config_dir, from_omegaconf
from fmnist_lab.compose_errors import WRONG_INPUT
from fmnist_lab.config.paths import conf_folder
from fmnist_lab.config.schema import Config
from fmnist_lab.errors import InputError


@hydra.main(version_base="1.3", config_path=conf_folder(), config_name="config")
def app(composed: DictConfig) -> None:
    """Train a single run and exit with its status; as a job of a sweep, train the run and return."""
    from fmnist_lab.runs.run import train

    if HydraConfig.get().mode == RunMode.MULTIRUN:
        train(from_omegaconf(composed))
        return
    try:
        sys.exit(single_run(from_omegaconf(composed)))
    except WRONG_INPUT as error:  # handled here, as Hydra would print a line of its own first
        sys.exit(print_error(error, Config))


def single_run(config: Config) -> int:
    """Train one run as a sweep of its own; return the exit status.

    Raises InputError for a preset and for a launcher: both need -m.
    """
    from fmnist_lab.sweeps.execute import run_sweep
    from fmnist_lab.sweeps.launchers.serial import in_turn
    from fmnist_lab.sweeps.plan import command_line, default_name

    choices = HydraConfig.get().runtime.choices
    if preset := choices.get("experiment"):  # without -m Hydra would train one network of it
        raise InputError(f"experiment={preset}: is a sweep: add -m (python -m fmnist_lab -m experiment={preset})")
    if (launcher := choices["hydra/launcher"]) != "basic":  # without -m Hydra would ignore it
        raise InputError(f"hydra/launcher={launcher}: is for sweeps: add -m (python -m fmnist_lab -m ...)")

    overrides = HydraConfig.get().overrides.task
    command = command_line([*config_dir(HydraConfig.get().runtime), *overrides], sweep=False)
    return run_sweep([config], [command], default_name(overrides), lambda jobs: in_turn([job.config for job in jobs]))


def main(words: Sequence[str]) -> int:
    """Train what the command line asks for; return the exit status."""
    return run_hydra_app(app, Config, words)
