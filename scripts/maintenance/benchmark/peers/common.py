"""What the peers share: their options, the project's data, weights and order of batches, and the timing."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from fmnist_lab.compose import compose
from fmnist_lab.config.schema import Config
from fmnist_lab.data import Dataset
from fmnist_lab.models import Weights
from fmnist_lab.runs import run

LR = 0.002
Rows = NDArray[np.int64]


def parse_arguments(**more: Any) -> argparse.Namespace:
    """Return the options of every peer, and `more` as name=default; limit BLAS to `--threads` from here on."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hidden", type=lambda text: [int(width) for width in text.split(",")], default=[256, 128])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=1, help="timed epochs")
    parser.add_argument("--warm-up", type=float, default=1.0, help="epochs before the timed ones; may be a fraction")
    parser.add_argument("--images", type=int, default=None, help="images an epoch (default: all training images)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--dtype", default="float32")
    for name, default in more.items():
        parser.add_argument(f"--{name}", type=type(default), default=default)
    arguments = parser.parse_args()
    threadpool_limits(arguments.threads)
    return arguments


@dataclass(frozen=True)
class Problem:
    """The project's training images (n, pixels), labels (n,), rows of an epoch, and initial weights."""

    config: Config
    dataset: Dataset
    rows: Rows
    weights: Weights

    @property
    def labels(self) -> NDArray[np.int64]:
        return self.dataset.train.labels

    @property
    def images(self) -> NDArray[np.uint8]:
        return self.dataset.train.images

    def inputs(self) -> NDArray[Any]:
        """Return all images, scaled as a network gets them: (n, pixels)."""
        return self.dataset.scaling.apply(self.images, self.config.dtype)

    def scaling(self) -> tuple[float, float]:
        """Return factor and offset of x = factor · pixel + offset."""
        return float(self.dataset.scaling.factor), float(self.dataset.scaling.offset)

    def orders(self) -> Iterator[Rows]:
        """Yield the rows in the project's order, epoch after epoch."""
        generator = run.generator(self.config.seed, "order")
        while True:
            yield generator.permutation(self.rows)


def configure(arguments: argparse.Namespace, model: str = "custom") -> Config:
    """Return the configuration of a run; every contender has the same initial weights."""
    return compose(
        f"model={model}",
        "model.init=glorot_uniform",
        "model.init_bias=zeros",
        f"architecture.hidden=[{','.join(map(str, arguments.hidden))}]",
        f"lr={LR}",
        f"batch_size={arguments.batch}",
        f"seed={arguments.seed}",
        f"dtype={arguments.dtype}",
        f"threads={arguments.threads}",
    )


def problem(arguments: argparse.Namespace, model: str = "custom") -> Problem:
    """Return the configuration with its data and initial weights."""
    config = configure(arguments, model)
    dataset = run.load_data(config)
    return Problem(config, dataset, dataset.train.rows[: arguments.images], run.draw_weights(config))


def batches(rows: Rows, size: int) -> Iterator[Rows]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def measure(
    arguments: argparse.Namespace, given: Problem, train: Callable[[Rows], Sequence[float]], **more: float
) -> None:
    """Time `train`, which trains an epoch on the rows in their order and returns its losses; print one line of JSON.

    The order is drawn before the timing and the losses are averaged after it, as in the project's own loop.
    """
    orders = given.orders()
    whole, part = divmod(arguments.warm_up, 1)
    for fraction in [1.0] * int(whole) + [part] * (part > 0):
        train(next(orders)[: round(fraction * len(given.rows))])
    seconds, losses = [], []
    for _, rows in zip(range(arguments.epochs), orders, strict=False):
        start = time.perf_counter()
        epoch = train(rows)
        seconds.append(time.perf_counter() - start)
        losses.append(float(np.mean(epoch)))
    show(seconds=seconds, losses=losses, **more)


def show(**measured: Any) -> None:
    print(json.dumps(measured))
