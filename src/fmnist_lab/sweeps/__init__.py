"""Sweeps: plan a list of runs, train those that are missing, show the progress, write the outcome."""
