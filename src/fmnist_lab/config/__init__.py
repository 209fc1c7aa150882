"""What a run is made of: the schema, its constraints, which settings make two runs the same."""
