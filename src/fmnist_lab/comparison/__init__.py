"""Published numbers against runs: the table format, the statistics of a verdict, the outcome."""
