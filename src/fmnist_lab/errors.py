"""The one kind of error that is the user's to mend."""


class InputError(Exception):
    """Wrong input. The message is one line: the key, the value and what would be right."""
