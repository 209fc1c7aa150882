"""Output to the terminal, with the same lines in a sweep's log."""

from __future__ import annotations

import contextlib
import datetime
from pathlib import Path

import rich.console
import rich.table


class Console:
    """Prints lines and tables on standard output; appends the lines to `log`, unless the disk is full."""

    def __init__(self, log: Path | None) -> None:
        # A notebook claims to be a terminal, but shows plain lines as one block of text, and bars and colours badly.
        terminal = False if rich.console.Console().is_jupyter else None
        self.screen = rich.console.Console(
            soft_wrap=True, highlight=False, markup=False, force_jupyter=False, force_terminal=terminal
        )
        self._log = log

    def print(self, line: str) -> None:
        self.screen.print(line)
        if self._log is None:
            return
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        with contextlib.suppress(OSError), self._log.open("a", encoding="utf-8") as file:
            file.write(f"{now} {line}\n")

    def show(self, table: rich.table.Table) -> None:
        self.screen.print(table, soft_wrap=False)
