"""The project's own models, through its own loop: `--model custom` or `--model torch`."""

from common import measure, options, problem

from fmnist_lab import training
from fmnist_lab.runs import run

told = options(model="custom")
given = problem(told, told.model)
with run.compute_threads(given.config):
    model = run.initialize(given.config)
    part, _, _ = run.feed_all(model, given.dataset)
    measure(told, given, lambda rows: training.train_epoch(model, part.feed, rows, told.batch))
