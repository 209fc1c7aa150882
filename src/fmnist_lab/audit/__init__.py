"""Which settings explain printed tables: search, planted proof, outcome."""
