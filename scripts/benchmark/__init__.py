"""The parts of `scripts/benchmark.py`: what is measured, and what is made of it."""
