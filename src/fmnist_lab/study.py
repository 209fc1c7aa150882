"""Several experiments as one: each run trained once, seed by seed, and after each seed the page of all there is so far.

`python -m fmnist_lab.study paper --seeds 5`, or studies, or audit; further words are overrides for every experiment, as
on the lab's own command line: `hydra/launcher=slurm` trains on a cluster. Stopped at any time, the same command
continues: nothing that is done is done again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from fmnist_lab.cli.exit_status import prepare_process, status_of
from fmnist_lab.config.schema import Config
from fmnist_lab.reproduction.reproduce import PRESETS, page_of, reproduce


def main(arguments: Sequence[str] | None = None) -> int:
    """Conduct the study that the command line names; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m fmnist_lab.study", description=__doc__.split("\n")[0])
    parser.add_argument("study", choices=(*PRESETS, "audit"))
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="seeds 0 to N - 1; 5 by default")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="for every experiment: outputs=elsewhere")
    told = parser.parse_intermixed_args(arguments)
    prepare_process()
    if told.study == "audit":
        from fmnist_lab.audit.run import audit

        return status_of(lambda: audit(told.seeds, told.overrides, page_of(told.overrides)), Config)
    return status_of(lambda: reproduce(told.study, told.seeds, told.overrides), Config)


if __name__ == "__main__":
    sys.exit(main())
