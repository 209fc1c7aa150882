"""Train one run: from a configuration to its record. Works without Hydra."""

from __future__ import annotations

import dataclasses
import logging
import math
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import yaml

from fmnist_lab import data
from fmnist_lab.config.checks import check, wrong
from fmnist_lab.config.identity import identity
from fmnist_lab.config.schema import Config
from fmnist_lab.models import Model, ModelSpec, OptimizerSpec, Weights, build
from fmnist_lab.models.initialization import initial_weights
from fmnist_lab.runs import provenance
from fmnist_lab.runs.files import finite
from fmnist_lab.runs.numerics import numerics
from fmnist_lab.runs.record import Record, fingerprint
from fmnist_lab.training import Epoch, Fit, Subset, evaluate, fit, predict, score

# What is drawn from the seed, each with its own generator, so that one more draw for one changes no other.
STREAMS = {"weights": 0, "split": 1, "order": 2}

log = logging.getLogger(__name__)


def train(config: Config, *, workers: int = 1) -> Record:
    """Train the run of `config` unless it is on disk already; return its record.

    `workers` is the number of runs that the caller trains at once; it is written to the record's provenance. A damaged
    record is set aside and the run trained again. Raises InputError for a wrong configuration or data set. A crash is
    written to the record (`error.txt`) and raised again.
    """
    config = bind_to_machine(config)
    record = locate(config)
    # A second process with the same run waits here and then finds it done.
    with record.lock():
        if damaged := record.set_aside():
            log.warning("%s is damaged (%s): set aside as %s", record.run, damaged[1], damaged[0])
        if config.force or record.summary() is None:
            try:
                _train(config, record, workers)
            except Exception as error:
                _write_failure(record, error)
                raise
    return record


def bind_to_machine(config: Config) -> Config:
    """Check `config` against the data set and this machine; return it with its device chosen.

    Raises InputError for the first value that does not fit.
    """
    config = check(config)
    images = data.training_images(data.source_of(config.data.section()), config.data.validation)
    if config.batch_size > images:
        raise wrong("batch_size", config.batch_size, f"at most {images}, the number of training images")
    if config.threads > provenance.cores():
        raise wrong("threads", config.threads, f"at most {provenance.cores()}, the number of cores here")
    return dataclasses.replace(config, device=_device(config))


def updates_an_epoch(config: Config) -> int:
    """Return the number of updates in an epoch: one per batch, the last and smaller one included."""
    images = data.training_images(data.source_of(config.data.section()), config.data.validation)
    return math.ceil(images / config.batch_size)


def locate(config: Config) -> Record:
    """Return the record of a configuration after `bind_to_machine`, whether or not it exists on disk."""
    source = data.source_of(config.data.section())
    determinants = identity(config) | {"data.checksum": source.checksum, "numerics": numerics()}
    return Record(Path(config.outputs) / "runs" / fingerprint(determinants))


def initialize(config: Config, weights: Weights | None = None) -> Model:
    """Build the model of `config`, from `weights` where they are given and else from its initial weights."""
    return build(model_spec(config), weights or draw_weights(config))


def model_spec(config: Config) -> ModelSpec:
    """Return the settings of the model of `config`."""
    return ModelSpec(
        config.model.name,
        config.architecture.activation,
        optimizer_spec(config),
        batch_size=config.batch_size,
        device=config.device,
        biases=config.architecture.biases,
    )


def optimizer_spec(config: Config) -> OptimizerSpec:
    """Return the settings of the optimiser of `config`."""
    optimizer = config.optimizer
    return OptimizerSpec(
        optimizer.name,
        lr=config.lr,
        momentum=optimizer.momentum,
        nesterov=optimizer.nesterov,
        weight_decay=optimizer.weight_decay,
        decay_biases=optimizer.decay_biases,
        betas=(optimizer.betas[0], optimizer.betas[1]),
        eps=optimizer.eps,
    )


def draw_weights(config: Config) -> Weights:
    """Draw the initial weights of `config`; they depend on seed, initialisation and sizes, not on the model."""
    source = data.source_of(config.data.section())
    return initial_weights(
        source.layer_sizes(config.architecture.hidden),
        config.model.init,
        bias=config.model.init_bias,
        std=config.model.init_std,
        rng=generator(config.seed, "weights"),
        dtype=config.dtype,
    )


def load_data(config: Config) -> data.Dataset:
    """Load the data set of `config`, split and with its scaling."""
    return data.load(
        data.source_of(config.data.section()),
        config.data.root,
        scaling=config.data.scaling,
        validation=config.data.validation,
        split=config.data.split,
        rng=generator(config.seed, "split"),
    )


def feed_all(model: Model, dataset: data.Dataset) -> tuple[Subset, Subset, Subset]:
    """Return training, validation and test subsets, their images in the memory of the model's device."""
    scaling = dataset.scaling
    feeds = {
        id(examples.images): model.feed(examples.images, examples.labels, scaling.factor, scaling.offset)
        for examples in (dataset.train, dataset.test)
    }
    train, validation, test = (
        Subset(feeds[id(examples.images)], examples.rows, examples.labels[examples.rows])
        for examples in (dataset.train, dataset.validation, dataset.test)
    )
    return train, validation, test


def generator(seed: int, stream: str) -> np.random.Generator:
    """Return the generator of one of `STREAMS`."""
    return np.random.default_rng([seed, STREAMS[stream]])


@contextmanager
def compute_threads(config: Config) -> Iterator[None]:
    """Limit BLAS, and PyTorch where it is used, to the configured threads; restore the old limits afterwards.

    Uses threadpoolctl, as an environment variable is read only when NumPy is first imported.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(config.threads):
        if config.model.name != "torch":
            yield
            return
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(config.threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _train(config: Config, record: Record, workers: int) -> None:
    record.begin(yaml.safe_dump(dataclasses.asdict(config), sort_keys=False))
    with compute_threads(config):
        dataset = load_data(config)
        model = initialize(config)
        train_subset, validation_subset, test_subset = feed_all(model, dataset)
        history: list[dict[str, float]] = []
        test_history: list[dict[str, float]] = []

        def after_epoch(epoch: Epoch) -> None:
            history.append(dataclasses.asdict(epoch))
            record.write_history(history)
            if config.test_every_epoch:
                loss, accuracy = evaluate(model, test_subset)
                test_history.append({"epoch": epoch.epoch, "test_loss": loss, "test_accuracy": accuracy})
                record.write_history(test_history, "test_history.csv")

        result = fit(
            model,
            train_subset,
            validation_subset,
            epochs=config.epochs,
            batch_size=config.batch_size,
            patience=config.patience,
            tolerance=config.tolerance,
            order=generator(config.seed, "order") if config.data.shuffle else None,
            after_epoch=after_epoch,
        )
        metrics = {} if result.diverged else _final(model, train_subset, test_subset, record)
    record.write_weights(model.weights())
    record.finish(
        {
            "status": "diverged" if result.diverged else "finished",
            **_outcome(result),
            **metrics,
            "provenance": provenance.collect(config.threads, workers, dataset.source.checksum, config.model.name)
            | {"numerics": numerics()},
        }
    )


def _write_failure(record: Record, error: Exception) -> None:
    """Write the traceback to the record, or log one line where the disk is too full for it."""
    try:
        record.write_error("".join(traceback.format_exception(error)))
    except OSError:
        log.error("fmnist_lab: run %s: %s: %s", record.run, type(error).__name__, error)


def _final(model: Model, train_subset: Subset, test_subset: Subset, record: Record) -> dict[str, float | None]:
    """Return what is measured once, after training: accuracy on the training images, loss and accuracy on the test."""
    start = time.perf_counter()
    _, train_accuracy = evaluate(model, train_subset)
    logits = predict(model, test_subset)
    test_loss, test_accuracy = score(logits, test_subset.labels)
    seconds = time.perf_counter() - start
    record.write_test_predictions(logits.argmax(axis=1).astype(np.uint8))
    return {
        "train_accuracy": train_accuracy,
        "test_loss": finite(test_loss),  # a test image may overflow although no validation image does
        "test_accuracy": test_accuracy,
        "evaluate_seconds": seconds,
    }


def _outcome(result: Fit) -> dict[str, float | None]:
    """Return the last and the best epoch and the times of a run, nan as None."""
    last = result.history[-1]
    validated = [epoch for epoch in result.history if epoch.validation_accuracy >= 0]
    best = max(validated, key=lambda epoch: epoch.validation_accuracy, default=None)
    return {
        "epochs": last.epoch,
        "train_loss": finite(last.train_loss),
        "validation_loss": finite(last.validation_loss),
        "validation_accuracy": finite(last.validation_accuracy),
        "best_epoch": best.epoch if best else None,
        "best_validation_accuracy": best.validation_accuracy if best else None,
        "train_seconds": result.train_seconds,
        "fit_seconds": result.fit_seconds,
    }


def _device(config: Config) -> str:
    """Return the device that `config` computes on. Raises InputError when it is not available here."""
    if config.device == "cpu":
        return "cpu"
    from fmnist_lab.models.torch import pick_device

    try:
        device = pick_device(config.device)
    except LookupError as error:
        raise wrong("device", config.device, f"cpu or auto: {error}") from None
    # The hand-written model computes on the processor only.
    return "cpu" if config.model.name == "custom" else device
