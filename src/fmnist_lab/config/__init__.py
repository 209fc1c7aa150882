"""The configuration of a run: its schema, constraints and checks, and which settings make two runs the same run."""
