"""Tables of published numbers, checked: each number beside the runs that its settings give, with a verdict.

`python -m fmnist_lab.check mine.yaml --seeds 5` trains what is missing, seed by seed, and writes the table and a page
into outputs/checks/mine. docs/your-own-table.md says what stands in the file. Without a file, the tables that come with
the lab are checked: numbers that others printed. Further words are overrides for every run.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from fmnist_lab.cli.exit_status import prepare_process, status_of
from fmnist_lab.comparison.compare import compare_tables
from fmnist_lab.config.schema import Config
from fmnist_lab.reproduction.reproduce import page_of
from fmnist_lab.sweeps.plan import quoted


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the tables that the command line names; return the exit status."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(prog="python -m fmnist_lab.check", description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="seeds 0 to N - 1; 5 by default")
    parser.add_argument(
        "--config-dir", metavar="FOLDER", help="a folder of presets of your own, as conf/ is of the lab's"
    )
    parser.add_argument("words", nargs="*", metavar="table.yaml|key=value",
                        help="tables; and settings for every run: outputs=elsewhere")  # fmt: skip
    told = parser.parse_intermixed_args(words)
    files = [word for word in told.words if "=" not in word]
    overrides = [word for word in told.words if "=" in word]
    command = " ".join(["python -m fmnist_lab.check", *map(quoted, words)])
    prepare_process()
    return status_of(lambda: compare_tables(files, told.seeds, overrides, command, told.config_dir, page_of), Config)


if __name__ == "__main__":
    sys.exit(main())
