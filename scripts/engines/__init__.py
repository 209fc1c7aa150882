"""Real engines to test against."""
