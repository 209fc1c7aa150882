"""The parts of `scripts/benchmark.py`: what is measured, and what is made of it."""

# First, while NumPy is not loaded: it chooses OpenBLAS's kernels, here and for every process started from here.
import fmnist_lab  # noqa: F401
