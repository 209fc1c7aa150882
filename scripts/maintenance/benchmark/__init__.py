"""The modules of the benchmark, which run.py starts."""
