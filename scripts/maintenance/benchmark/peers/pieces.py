"""The hand-written model: the seconds that each piece of its steps takes in an epoch."""

import time
from collections import defaultdict

import numpy as np
from common import parse_arguments, problem, show

from fmnist_lab import training
from fmnist_lab.models.custom import CustomModel, softmax_cross_entropy
from fmnist_lab.runs import run

arguments = parse_arguments()
given = problem(arguments)


def epoch(model: CustomModel) -> dict[str, float]:
    """Return the seconds of each piece; a call of the clock (tens of nanoseconds) counts with the piece before it."""
    seconds: dict[str, float] = defaultdict(float)
    for rows in training.batches(next(orders), arguments.batch):
        times = [time.perf_counter()]
        inputs, labels = train_subset.feed(rows)
        times.append(time.perf_counter())
        logits = model.logits(inputs)
        times.append(time.perf_counter())
        _, slope = softmax_cross_entropy(logits, labels)
        times.append(time.perf_counter())
        model.backward(slope)
        times.append(time.perf_counter())
        model.optimizer.step()
        times.append(time.perf_counter())
        for piece, took in zip(("feed", "forward", "loss", "backward", "update"), np.diff(times), strict=True):
            seconds[f"{piece}_seconds"] += took
    return seconds


with run.compute_threads(given.config):
    model = run.initialize(given.config)
    assert isinstance(model, CustomModel)
    train_subset, _, _ = run.feed_all(model, given.dataset)
    orders = given.orders()
    epoch(model)  # warms up
    show(**epoch(model))
