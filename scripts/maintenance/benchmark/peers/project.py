"""The project's own models, through its own loop: `--model custom` or `--model torch`."""

from common import measure, parse_arguments, problem

from fmnist_lab import training
from fmnist_lab.runs import run

arguments = parse_arguments(model="custom")
given = problem(arguments, arguments.model)
with run.compute_threads(given.config):
    model = run.initialize(given.config)
    train_subset, _, _ = run.feed_all(model, given.dataset)
    measure(arguments, given, lambda rows: training.train_epoch(model, train_subset.feed, rows, arguments.batch))
