"""One run: from a configuration to a record on disk, with the conditions under which it was made."""
