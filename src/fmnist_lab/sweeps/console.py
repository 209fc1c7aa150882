"""The lab's voice: to the terminal, and the same lines to a sweep's log."""

from __future__ import annotations

import contextlib
import datetime
from pathlib import Path

import rich.console
import rich.table


class Console:
    """Says lines and shows tables on standard output; keeps the lines in `log`, as long as the disk takes them."""

    def __init__(self, log: Path | None) -> None:
        # In a notebook, which calls itself a terminal, plain lines make one block of text; bars and colours would not.
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
