"""The saddle's door: `python -m fmnist_lab.saddle`."""

import sys

import hydra
from omegaconf import DictConfig

from fmnist_lab.cli.exit_status import complain, run_command
from fmnist_lab.compose import typed
from fmnist_lab.compose_errors import WRONG_INPUT
from fmnist_lab.config.paths import conf_folder
from fmnist_lab.errors import InputError
from fmnist_lab.saddle.config import SaddleConfig


@hydra.main(version_base="1.3", config_path=conf_folder(), config_name="saddle")
def app(composed: DictConfig) -> None:
    try:
        config = typed(SaddleConfig, composed)
        from fmnist_lab.saddle.run import run_saddle

        sys.exit(run_saddle(config))
    except WRONG_INPUT as error:  # answered here, as Hydra would put a line of its own before it
        sys.exit(complain(error, SaddleConfig))


def main() -> int:
    """Run the command line; return the exit status."""
    if {"-m", "--multirun"} & set(sys.argv[1:]):  # Hydra would write a file before anything could object
        return complain(InputError("-m: is not needed; a list is one command, such as depths=[1,2,3]"), SaddleConfig)
    return run_command(app, SaddleConfig)


if __name__ == "__main__":
    sys.exit(main())
