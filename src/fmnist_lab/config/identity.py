"""The identity of a run: the settings that determine its result. And a configuration as one flat mapping."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from fmnist_lab.config.paths import shipped_data
from fmnist_lab.config.schema import COMMAND_KEYS, LATER_KEYS, Config, DataConfig, SourceConfig, entries


def flat(config: Config) -> dict[str, Any]:
    """Return every setting's value by its dotted name, without `data.source`, which follows from `data.name`."""
    return {name: value for name, _, value in entries(config) if not name.startswith("data.source.")}


def described(config: Config) -> dict[str, Any]:
    """Return the settings, with the numbers of pixels and classes of the data, as tables and figures need them."""
    source = config.data.source
    return flat(config) | {"data.pixels": math.prod(source.shape), "data.classes": len(source.classes)}


def identity(config: Config) -> dict[str, Any]:
    """Return the keys and values that determine the run's result; keys that have no effect in it are left out.

    The checksum of the data set's files is added by `fmnist_lab.runs.run`.
    """
    unused = {*COMMAND_KEYS}
    unused |= {"optimizer.betas", "optimizer.eps"} if config.optimizer.name == "sgd" else set()
    unused |= {"optimizer.momentum", "optimizer.nesterov"} if config.optimizer.name == "adam" else set()
    unused |= {"model.init_std"} if config.model.init != "normal" else set()
    unused |= {"optimizer.decay_biases"} if not config.optimizer.weight_decay else set()
    unused |= {"tolerance"} if config.patience == 0 else set()
    unused |= {"data.split"} if config.data.validation == 0 else set()
    settings = flat(config)
    unused |= {name for name, value in LATER_KEYS.items() if settings[name] == value}
    used = {name: value for name, value in settings.items() if name not in unused}
    return used | _unlike_fashion_mnist(config.data)


def _unlike_fashion_mnist(data: DataConfig) -> dict[str, Any]:
    """Return the facts of a data set that its files do not contain, where they differ from those of Fashion-MNIST.

    The first runs were all on Fashion-MNIST and recorded no facts; so they are still found.
    """
    own, first = (_determining(section["source"]) for section in (data.section(), shipped_data("fashion_mnist")))
    return {f"data.{name}": value for name, value in own.items() if value != first[name]}


def _determining(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts that change a result: not the names of classes or files; the shape is in the files."""
    defaults = {item.name: item.default for item in dataclasses.fields(SourceConfig)}
    numbers = {name: facts.get(name, defaults[name]) for name in ("first_label", "brightest")}
    return {"classes": len(facts["classes"]), **numbers}
