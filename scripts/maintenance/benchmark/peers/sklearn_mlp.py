"""scikit-learn's MLPClassifier: plain SGD, no penalty, no early stop. Its own initial weights and its own order."""

import numpy as np
from common import LR, Rows, measure, parse_arguments, problem
from sklearn.neural_network import MLPClassifier

arguments = parse_arguments()
given = problem(arguments)
images, labels = given.inputs()[given.rows], given.labels[given.rows]
model = MLPClassifier(
    arguments.hidden,
    solver="sgd",
    alpha=0.0,
    batch_size=arguments.batch,
    learning_rate_init=LR,
    momentum=0.0,
    nesterovs_momentum=False,
    shuffle=True,
    random_state=arguments.seed,
)


def train(rows: Rows) -> list[float]:
    """One epoch over as many images as there are `rows`."""
    model.partial_fit(images[: len(rows)], labels[: len(rows)], classes=np.unique(labels))
    return [model.loss_]


measure(arguments, given, train)
