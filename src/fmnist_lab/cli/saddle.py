"""Check the theory of the saddle at zero on real data: `python -m fmnist_lab saddle`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import hydra
from omegaconf import DictConfig

from fmnist_lab.cli.exit_status import print_error, run_hydra_app
from fmnist_lab.compose import typed
from fmnist_lab.compose_errors import WRONG_INPUT
from fmnist_lab.config.paths import conf_folder
from fmnist_lab.errors import InputError
from fmnist_lab.saddle.config import SaddleConfig


@hydra.main(version_base="1.3", config_path=conf_folder(), config_name="saddle")
def app(composed: DictConfig) -> None:
    """Run the checks with the configuration that Hydra composed; exit with their status."""
    try:
        config = typed(SaddleConfig, composed)
        from fmnist_lab.saddle.run import run_saddle

        sys.exit(run_saddle(config))
    except WRONG_INPUT as error:  # handled here, as Hydra would print a line of its own first
        sys.exit(print_error(error, SaddleConfig))


def main(words: Sequence[str]) -> int:
    """Run the checks with the settings of the command line; return the exit status."""
    if {"-m", "--multirun"} & {*words}:  # Hydra would write a file before we could object
        return print_error(InputError("-m: is not needed; a list is one command, such as depths=[1,2,3]"), SaddleConfig)
    return run_hydra_app(app, SaddleConfig, words)
