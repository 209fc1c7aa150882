"""Exceptions for causes outside the program: wrong input, and a request to end."""


class InputError(Exception):
    """Wrong input. The message is one line with the key, the value and what was expected."""

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the message without a traceback."""
        return [f"{type(self).__name__}: {self}"]


class Terminated(KeyboardInterrupt):
    """SIGTERM: the system asks the process to end. Handled like Ctrl-C, with an exit status of its own."""
