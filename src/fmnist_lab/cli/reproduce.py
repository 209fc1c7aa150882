"""Reproduce the report: each run trained once, seed by seed, and after each seed the page of all runs so far.

`python -m fmnist_lab reproduce --seeds 5` runs the experiments of the report, `reproduce studies` those beside it.
Words with `=` are settings for every run: `hydra/launcher=slurm` trains on a cluster. An interrupted command continues
when it is repeated; no finished run is trained again.
"""

from __future__ import annotations

from collections.abc import Sequence

from fmnist_lab.cli.arguments import Parser, parse_words
from fmnist_lab.cli.exit_status import prepare_process, status_of
from fmnist_lab.config.schema import Config
from fmnist_lab.reproduction.reproduce import reproduce


def main(words: Sequence[str]) -> int:
    """Reproduce the experiments that the command line names; return the exit status."""
    parser = Parser("reproduce", "Train the report's experiments seed by seed, and write the page after each seed.")
    parser.add_argument(
        "words", nargs="*", metavar="studies|key=value",
        help="studies: the experiments beside the report instead; and settings for every run: outputs=FOLDER",
    )  # fmt: skip
    arguments, names, overrides = parse_words(parser, words)
    if names not in ([], ["studies"]):
        parser.error(f"{' '.join(names)}: must be studies, left out, or settings such as outputs=FOLDER")
    prepare_process()
    return status_of(lambda: reproduce("studies" if names else "paper", arguments.seeds, overrides), Config)
