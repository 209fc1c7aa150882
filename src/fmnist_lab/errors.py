"""What ends a command other than by its own fault."""


class InputError(Exception):
    """Wrong input. The message is one line: the key, the value and what would be right."""


class Terminated(KeyboardInterrupt):
    """The system asks to end (SIGTERM): heeded like Ctrl-C, with an exit status of its own."""
