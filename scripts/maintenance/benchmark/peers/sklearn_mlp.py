"""scikit-learn's MLPClassifier: plain SGD, no penalty, no early stop. Its own initial weights and its own order."""

import numpy as np
from common import LR, Rows, measure, options, problem
from sklearn.neural_network import MLPClassifier

told = options()
given = problem(told)
images, labels = given.inputs()[given.rows], given.labels[given.rows]
model = MLPClassifier(
    told.hidden,
    solver="sgd",
    alpha=0.0,
    batch_size=told.batch,
    learning_rate_init=LR,
    momentum=0.0,
    nesterovs_momentum=False,
    shuffle=True,
    random_state=told.seed,
)


def train(rows: Rows) -> list[float]:
    """One epoch over as many images as there are `rows`."""
    model.partial_fit(images[: len(rows)], labels[: len(rows)], classes=np.unique(labels))
    return [model.loss_]


measure(told, given, train)
