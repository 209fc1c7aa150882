"""Reproducible, honest small-network experiments on Fashion-MNIST."""

__version__ = "0.1.0"
