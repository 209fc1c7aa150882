"""Which settings make two runs the same run, and a configuration as a flat mapping of names to values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from fmnist_lab.config.paths import shipped_data
from fmnist_lab.config.schema import COMMAND_KEYS, LATER_KEYS, Config, DataConfig, SourceConfig, entries


def flat(config: Config) -> dict[str, Any]:
    """Every setting's value, by its dotted name; `data.source` is no setting, but what `data.name` stands for."""
    return {name: value for name, value in _values(config).items() if not name.startswith("data.source.")}


def described(config: Config) -> dict[str, Any]:
    """The settings, and the sizes that networks for the data begin and end with, as reports take them."""
    source = config.data.source
    return flat(config) | {"data.pixels": math.prod(source.shape), "data.classes": len(source.classes)}


def identity(config: Config) -> dict[str, Any]:
    """The keys and values that determine the run's result, and no others: what does not apply is left out.

    The data set's files are told by their checksum, which the run adds.
    """
    unused = {*COMMAND_KEYS}
    unused |= {"optimizer.betas", "optimizer.eps"} if config.optimizer.name == "sgd" else set()
    unused |= {"optimizer.momentum", "optimizer.nesterov"} if config.optimizer.name == "adam" else set()
    unused |= {"model.init_std"} if config.model.init != "normal" else set()
    unused |= {"optimizer.decay_biases"} if not config.optimizer.weight_decay else set()
    unused |= {"tolerance"} if config.patience == 0 else set()
    unused |= {"data.split"} if config.data.validation == 0 else set()
    told = flat(config)
    unused |= {name for name, value in LATER_KEYS.items() if told[name] == value}
    chosen = {name: value for name, value in told.items() if name not in unused}
    return chosen | _unlike_the_first(config.data)


def _unlike_the_first(data: DataConfig) -> dict[str, Any]:
    """What a data set's description adds to its files, where it differs from the one data set that the first runs had.

    Those were on Fashion-MNIST, and are still found.
    """
    own, first = (_determining(section["source"]) for section in (data.section(), shipped_data("fashion_mnist")))
    return {f"data.{name}": value for name, value in own.items() if value != first[name]}


def _determining(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Which facts change a result: not the names of classes or files, and the shape is in the files."""
    usual = {item.name: item.default for item in dataclasses.fields(SourceConfig)}
    numbers = {name: facts.get(name, usual[name]) for name in ("first_label", "brightest")}
    return {"classes": len(facts["classes"]), **numbers}


def _values(config: Config) -> dict[str, Any]:
    return {name: value for name, _, value in entries(config)}
