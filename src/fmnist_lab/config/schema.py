"""The schema of a run's configuration: each key's type and constraint, in one place.

`conf/` holds the values; `compose.py` makes a `Config` of them and of the command line, `checks.py` checks it. A
`Config` is plain data.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fmnist_lab.config.constraints import (
    ABSOLUTE,
    ACTIVATIONS,
    BASENAME,
    BETAS,
    BIAS_INITIALIZATIONS,
    BYTE,
    CLASSES,
    DEVICES,
    DTYPES,
    FILENAME,
    FRACTION,
    INITIALIZATIONS,
    LABEL,
    LINE,
    MODELS,
    NAME,
    NOT_NEGATIVE,
    OPTIMIZERS,
    PACKAGE,
    POSITIVE,
    SCALINGS,
    SHAPE,
    SHARE,
    SPLITS,
    TEXT,
    URLS,
    WIDTHS,
    YES_NO,
    Constraint,
    hexadecimal,
    whole,
)
from fmnist_lab.config.paths import shipped_data


def key(constraint: Constraint, *default: Any) -> Any:
    """Return a field whose value must satisfy `constraint`; it is required unless a default is given."""
    options: dict[str, Any] = {}
    if default:
        (value,) = default
        options = {"default_factory": lambda: copy.copy(value)} if isinstance(value, list) else {"default": value}
    return field(**options, metadata={"constraint": constraint})


@dataclass
class ModelConfig:
    name: str = key(MODELS)
    init: str = key(INITIALIZATIONS)
    init_std: float = key(NOT_NEGATIVE)
    init_bias: str = key(BIAS_INITIALIZATIONS)


@dataclass
class ArchitectureConfig:
    hidden: list[int] = key(WIDTHS)
    activation: str = key(ACTIVATIONS)
    biases: bool = key(YES_NO)


@dataclass
class OptimizerConfig:
    name: str = key(OPTIMIZERS)
    momentum: float = key(FRACTION)
    nesterov: bool = key(YES_NO)
    weight_decay: float = key(NOT_NEGATIVE)
    decay_biases: bool = key(YES_NO)
    betas: list[float] = key(BETAS)
    eps: float = key(POSITIVE)


@dataclass
class FileConfig:
    """An IDX file with exactly one of three checksums."""

    name: str = key(BASENAME)
    sha256: str | None = key(hexadecimal(64), None)
    sha256_gz: str | None = key(hexadecimal(64), None)
    md5_gz: str | None = key(hexadecimal(32), None)


@dataclass
class FilesConfig:
    train_images: FileConfig
    train_labels: FileConfig
    test_images: FileConfig
    test_labels: FileConfig


@dataclass
class SourceConfig:
    """The facts of a data set, which are no settings of a run; `docs/data.md` explains them."""

    files: FilesConfig
    title: str = key(LINE)
    shape: list[int] = key(SHAPE)
    classes: list[str] = key(CLASSES)
    train_size: int = key(whole(1))
    test_size: int = key(whole(1))
    first_label: int = key(LABEL, 0)
    brightest: int = key(BYTE, 255)
    transposed: bool = key(YES_NO, False)
    urls: list[str] = key(URLS, [])
    torchvision: str | None = key(BASENAME, None)
    package: str | None = key(PACKAGE, None)
    package_folder: str | None = key(ABSOLUTE, None)


@dataclass
class DataConfig:
    source: SourceConfig
    name: str = key(NAME)
    root: str | None = key(TEXT)
    scaling: str = key(SCALINGS)
    validation: float = key(SHARE)
    split: str = key(SPLITS)
    shuffle: bool = key(YES_NO)

    def section(self) -> dict[str, Any]:
        """Return the section as plain data, from which `fmnist_lab.data.source_of` makes the data set."""
        return dataclasses.asdict(self)


@dataclass
class Config:
    """The configuration of one run. `conf/config.yaml` explains each key."""

    model: ModelConfig
    architecture: ArchitectureConfig
    optimizer: OptimizerConfig
    data: DataConfig
    lr: float = key(POSITIVE)
    epochs: int = key(whole(1))
    patience: int = key(whole(0))
    tolerance: float = key(NOT_NEGATIVE)
    batch_size: int = key(whole(1))
    seed: int = key(whole(0))
    dtype: str = key(DTYPES)
    threads: int = key(whole(1))
    device: str = key(DEVICES)
    name: str | None = key(FILENAME)
    outputs: str = key(Constraint("the path of a folder", lambda value: value != ""))
    test_every_epoch: bool = key(YES_NO)
    train: bool = key(YES_NO)
    force: bool = key(YES_NO)
    dry_run: bool = key(YES_NO)


# Keys of the command: folders, and what it does. No result depends on them.
COMMAND_KEYS = ("name", "outputs", "train", "force", "dry_run", "data.root")

# Keys that were added after the first runs, each with the value that all runs before had. With that value a key is left
# out of a run's identity, so that older runs are still found. Add every new key here.
LATER_KEYS: dict[str, Any] = {
    "architecture.biases": True,
    "optimizer.decay_biases": True,
    "patience": 0,
    "tolerance": 1e-4,
}


def constraints(schema: type = Config) -> Mapping[str, Constraint]:
    """Return the constraint of every key of `schema`, by its dotted name."""
    return _constraints(schema)


@functools.cache
def _constraints(schema: type) -> Mapping[str, Constraint]:
    return {name: constraint for name, constraint, _ in entries(schema)}


def groups(schema: type = Config) -> list[str]:
    """Return the groups, which are chosen by name on the command line (`model=torch`): a folder of `conf/` each."""
    return [*dict.fromkeys(name.partition(".")[0] for name in constraints(schema) if "." in name), "experiment"]


def entries(config: Any, prefix: str = "") -> Iterator[tuple[str, Constraint, Any]]:
    """Yield (dotted name, constraint, value) of every key; for a class in place of an object the values are None."""
    groups = field_types(config if isinstance(config, type) else type(config))
    for item in dataclasses.fields(config):
        inner = getattr(config, item.name, None)
        if "constraint" in item.metadata:
            yield prefix + item.name, item.metadata["constraint"], inner
        else:
            yield from entries(inner or groups[item.name], f"{prefix}{item.name}.")


@functools.cache
def field_types(schema: type) -> Mapping[str, Any]:
    """Return the type of each field. Cached, as `get_type_hints` is slow."""
    return typing.get_type_hints(schema)


def from_yaml(text: str) -> Config:
    """Return the `Config` in a record's config.yaml, without checking it again. Raises ValueError if it holds none."""
    import yaml

    try:
        tree = yaml.safe_load(text)
        tree["data"].setdefault("source", shipped_data(tree["data"]["name"])["source"])
        config: Config = _built(Config, _with_later_keys(tree))
    except (yaml.YAMLError, AttributeError, KeyError, OSError, TypeError) as error:
        raise ValueError(f"no configuration of this version: {error}") from None
    return config


def _built(schema: type, tree: Mapping[str, Any]) -> Any:
    types = field_types(schema)
    groups = {name: dataclasses.is_dataclass(types.get(name)) for name in tree}
    return schema(**{name: _built(types[name], value) if groups[name] else value for name, value in tree.items()})


def _with_later_keys(tree: dict[str, Any]) -> dict[str, Any]:
    """Return a record's configuration with the keys of `LATER_KEYS` that it lacks."""
    for name, value in LATER_KEYS.items():
        *groups, last = name.split(".")
        functools.reduce(lambda at, group: at[group], groups, tree).setdefault(last, value)
    return tree
