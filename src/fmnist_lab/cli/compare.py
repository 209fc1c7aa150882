"""Compare tables of published numbers with runs: each number beside the runs of its settings, with a verdict.

`python -m fmnist_lab compare mine.yaml --seeds 5` trains what is missing, seed by seed, and writes the table and a page
into outputs/checks/mine. docs/your-own-table.md explains the file. Without a file, the tables of other publications
that are part of the package are compared. Words with `=` are settings for every run.
"""

from __future__ import annotations

from collections.abc import Sequence

from fmnist_lab.cli.arguments import Parser, parse_words
from fmnist_lab.cli.exit_status import prepare_process, status_of
from fmnist_lab.comparison.compare import compare_tables
from fmnist_lab.config.schema import Config
from fmnist_lab.reproduction.reproduce import page_of
from fmnist_lab.sweeps.plan import quoted


def main(words: Sequence[str]) -> int:
    """Compare the tables that the command line names; return the exit status."""
    parser = Parser("compare", "Compare tables of published numbers with runs: each number gets a verdict.")
    parser.add_argument("--config-dir", metavar="FOLDER", help="a folder with presets of your own: experiment/*.yaml")
    parser.add_argument(
        "words", nargs="*", metavar="table.yaml|key=value",
        help="tables, by default those of the package; and settings for every run, such as outputs=FOLDER",
    )  # fmt: skip
    arguments, files, overrides = parse_words(parser, words)
    command = " ".join(["python -m fmnist_lab compare", *map(quoted, words)])
    prepare_process()
    return status_of(
        lambda: compare_tables(files, arguments.seeds, overrides, command, arguments.config_dir, page_of), Config
    )
