"""One run: configuration in, record out; the record on disk; the conditions it was made under."""
