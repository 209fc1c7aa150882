"""Search for the settings that would explain the report's tables: `python -m fmnist_lab audit --seeds 5`."""

from __future__ import annotations

from collections.abc import Sequence

from fmnist_lab.audit.run import audit
from fmnist_lab.cli.arguments import Parser
from fmnist_lab.cli.exit_status import prepare_process, status_of
from fmnist_lab.config.schema import Config
from fmnist_lab.reproduction.reproduce import page_of


def main(words: Sequence[str]) -> int:
    """Search with the seeds and settings of the command line; return the exit status."""
    parser = Parser("audit", "Search for the settings that would explain the report's tables, and write the page.")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="a setting for every run, such as outputs=FOLDER"
    )
    arguments = parser.parse_intermixed_args(words)
    prepare_process()
    return status_of(lambda: audit(arguments.seeds, arguments.overrides, page_of(arguments.overrides)), Config)
