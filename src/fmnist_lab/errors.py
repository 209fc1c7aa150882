"""What ends a command other than by its own fault."""


class InputError(Exception):
    """Wrong input. The message is one line: the key, the value and what would be right."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the line, and not where in the lab it was noticed."""
        return [f"{type(self).__name__}: {self}"]


class Terminated(KeyboardInterrupt):
    """The system asks to end (SIGTERM): heeded like Ctrl-C, with an exit status of its own."""
