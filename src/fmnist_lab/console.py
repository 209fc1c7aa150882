"""The lab's voice: to the terminal, and the same lines to a sweep's log."""

from __future__ import annotations

import datetime
from pathlib import Path
from types import TracebackType

import rich.console
import rich.table


class Console:
    """Says lines and shows tables on standard output; keeps the lines in `log`."""

    def __init__(self, log: Path) -> None:
        self.screen = rich.console.Console(soft_wrap=True, highlight=False, markup=False)
        self._log = log

    def __enter__(self) -> Console:
        self._file = self._log.open("a", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def say(self, line: str) -> None:
        self.screen.print(line)
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        self._file.write(f"{now} {line}\n")
        self._file.flush()

    def show(self, table: rich.table.Table) -> None:
        self.screen.print(table, soft_wrap=False)
