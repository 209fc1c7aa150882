"""Code that tests plant in the processes of workers."""

# Kills the process of a run with 77 images a batch, until a file called `repaired` exists.
DEADLY = """
import os, signal
from fmnist_lab.runs import run
original = run.fit
def fit(model, *arguments, **keywords):
    if keywords["batch_size"] == 77 and not os.path.exists("repaired"):
        os.kill(os.getpid(), signal.SIGKILL)
    return original(model, *arguments, **keywords)
run.fit = fit
"""
