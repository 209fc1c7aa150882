"""Reproducible, honest small-network experiments on Fashion-MNIST."""

from fmnist_lab.blas import choose_kernels

__version__ = "0.1.0"

choose_kernels()  # before anything imports NumPy
