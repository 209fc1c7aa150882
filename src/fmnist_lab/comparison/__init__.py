"""Published numbers compared with runs: the table format, the statistics of a verdict, the files of the outcome."""
