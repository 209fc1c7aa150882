"""The command line: from what was typed to an exit status and, for an error, one line."""
