"""What can be configured: each key's type, range and meaning, in one place.

`conf/` holds the values; these dataclasses are the schema they are checked against. A `Config` is plain data, and does
not know where it came from: `composition.py` does.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import difflib
import functools
import math
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fmnist_lab.config.paths import shipped_data
from fmnist_lab.errors import InputError

Schema = TypeVar("Schema")


@dataclass(frozen=True)
class Constraint:
    """What a key's value must be, in words (which complete "must be ...") and as a test."""

    words: str
    holds: Callable[[Any], bool]


def one_of(*names: str) -> Constraint:
    return Constraint("one of " + ", ".join(names), lambda value: value in names)


def whole(least: int) -> Constraint:
    return Constraint(f"a whole number of at least {least}", lambda value: value >= least)


POSITIVE = Constraint("a number above 0", lambda value: math.isfinite(value) and value > 0)
NOT_NEGATIVE = Constraint("a number of at least 0", lambda value: math.isfinite(value) and value >= 0)
FRACTION = Constraint("a number from 0 to below 1", lambda value: 0 <= value < 1)
YES_NO = Constraint("true or false", lambda value: isinstance(value, bool))
TEXT = Constraint("text", lambda value: True)
BETAS = Constraint("two numbers from 0 to below 1", lambda value: len(value) == 2 and all(map(FRACTION.holds, value)))
WIDTHS = Constraint(
    "a list of one or more whole numbers above 0, such as [256,128]",
    lambda value: len(value) > 0 and all(width > 0 for width in value),
)
SHARE = Constraint(
    "a fraction below 1, a whole number of images, or 0",
    lambda value: 0 <= value < 1 or (value >= 1 and value == int(value)),
)
# A sweep's name is a folder below outputs/sweeps: nothing in it may leave that folder, on any system.
FILENAME = Constraint(
    "a folder name: letters, digits and . _ - + = , [ ] (not starting with a dot, at most 150 long)",
    lambda value: value is None or re.fullmatch(r"[\w\-+=,\[\]][\w.\-+=,\[\]]{0,149}", value, re.ASCII) is not None,
)


SHAPE = Constraint(
    "height and width of an image in pixels, and its channels if there are several, such as [28,28] or [32,32,3]",
    lambda value: len(value) in (2, 3) and all(size > 0 for size in value),
)
LINE = Constraint("one line of text", lambda value: value.isprintable() and value.strip() != "")
CLASSES = Constraint(
    "a list of 2 to 256 different names, in the order of the labels",
    lambda value: 2 <= len(value) <= 256 and len({*value}) == len(value) and all(map(LINE.holds, value)),
)
BYTE = Constraint("a whole number from 1 to 255", lambda value: 1 <= value <= 255)
LABEL = Constraint("a whole number from 0 to 255", lambda value: 0 <= value <= 255)


def pattern(words: str, expression: str) -> Constraint:
    """Text of this form from end to end, or none."""
    return Constraint(words, lambda value: value is None or re.fullmatch(expression, value, re.ASCII) is not None)


# Nothing that names a file may lead out of its folder, and nothing that reaches a command may look like an option.
NAME = pattern("a name: letters, digits, _ and - (at most 50)", r"\w[\w\-]{0,49}")
BASENAME = pattern(
    "a file name without folders and without .gz: letters, digits and . _ - (not starting with a dot, at most 100)",
    r"(?!.*\.gz$)\w[\w.\-]{0,99}",
)
PACKAGE = pattern("the name of a Debian package", r"[a-z0-9][a-z0-9+.\-]+")
ABSOLUTE = pattern("the absolute path of a folder, without ..", r"/(?!(.*/)?\.\.(/|$)).*")
URLS = Constraint(
    "a list of web addresses (http or https), each ending in / (a folder of the gzipped files) or in .zip",
    lambda value: all(
        re.fullmatch(r"https?://[\w.\-]+(:\d+)?/([\w./~%+\-]*(/|\.zip))?", url, re.ASCII) for url in value
    ),
)


def hexadecimal(digits: int) -> Constraint:
    return pattern(f"a checksum of {digits} hexadecimal digits in lower case", rf"[0-9a-f]{{{digits}}}")


def key(constraint: Constraint, *default: Any) -> Any:
    """A field whose value must satisfy `constraint`, required unless a default is given."""
    default_of: dict[str, Any] = {}
    if default:
        (value,) = default
        default_of = {"default_factory": lambda: copy.copy(value)} if isinstance(value, list) else {"default": value}
    return field(**default_of, metadata={"constraint": constraint})


@dataclass
class ModelConfig:
    name: str = key(one_of("custom", "torch"))
    init: str = key(
        one_of(
            "glorot_uniform",
            "glorot_normal",
            "he_uniform",
            "he_normal",
            "lecun_normal",
            "torch_linear",
            "normal",
            "zeros",
        )
    )
    init_std: float = key(NOT_NEGATIVE)
    init_bias: str = key(one_of("auto", "zeros", "same"))


@dataclass
class ArchitectureConfig:
    hidden: list[int] = key(WIDTHS)
    activation: str = key(one_of("relu", "tanh", "sigmoid", "identity"))
    biases: bool = key(YES_NO)


@dataclass
class OptimizerConfig:
    name: str = key(one_of("sgd", "adam"))
    momentum: float = key(FRACTION)
    nesterov: bool = key(YES_NO)
    weight_decay: float = key(NOT_NEGATIVE)
    decay_biases: bool = key(YES_NO)
    betas: list[float] = key(BETAS)
    eps: float = key(POSITIVE)


@dataclass
class FileConfig:
    """An IDX file, with one of three checksums."""

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
    """The facts of a data set, which no run may choose; `docs/data.md` explains them."""

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
    scaling: str = key(one_of("unit", "symmetric", "standard", "standard_global", "raw"))
    validation: float = key(SHARE)
    split: str = key(one_of("random", "first", "last"))
    shuffle: bool = key(YES_NO)

    def section(self) -> dict[str, Any]:
        """The data section as plain data, from which `fmnist_lab.data.source_of` makes the data set."""
        return dataclasses.asdict(self)


@dataclass
class Config:
    """One run, in full. `conf/config.yaml` says what each key means."""

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
    dtype: str = key(one_of("float32", "float64"))
    threads: int = key(whole(1))
    device: str = key(one_of("cpu", "cuda", "mps", "auto"))
    name: str | None = key(FILENAME)
    outputs: str = key(Constraint("the path of a folder", lambda value: value != ""))
    test_every_epoch: bool = key(YES_NO)
    train: bool = key(YES_NO)
    force: bool = key(YES_NO)
    dry_run: bool = key(YES_NO)


# Keys that say where things lie or what a command does; no result depends on them.
COMMAND_KEYS = ("name", "outputs", "train", "force", "dry_run", "data.root")

# Keys that are younger than the first runs, each with the value that every run had before it existed. At that value a
# key stays out of a run's identity, so that older runs are still found; a new key belongs here.
LATER_KEYS: dict[str, Any] = {
    "architecture.biases": True,
    "optimizer.decay_biases": True,
    "patience": 0,
    "tolerance": 1e-4,
}


def from_yaml(text: str) -> Config:
    """The `Config` that a record's config.yaml holds, as it was settled then. Raises ValueError when it holds none."""
    import yaml

    try:
        tree = yaml.safe_load(text)
        tree["data"].setdefault("source", shipped_data(tree["data"]["name"])["source"])
        config: Config = _built(Config, _with_later_keys(tree))
    except (yaml.YAMLError, AttributeError, KeyError, OSError, TypeError) as error:
        raise ValueError(f"no configuration of this version: {error}") from None
    return config


def _built(schema: type, tree: Mapping[str, Any]) -> Any:
    types = _types(schema)
    groups = {name: dataclasses.is_dataclass(types.get(name)) for name in tree}
    return schema(**{name: _built(types[name], value) if groups[name] else value for name, value in tree.items()})


def _with_later_keys(tree: dict[str, Any]) -> dict[str, Any]:
    """A record's configuration with the keys that it is too old to have."""
    for name, value in LATER_KEYS.items():
        *groups, last = name.split(".")
        functools.reduce(lambda at, group: at[group], groups, tree).setdefault(last, value)
    return tree


def check_values(config: Schema) -> Schema:
    """`config`, its numbers of their keys' types, when every value keeps its rule; else InputError naming the first."""
    checked: Schema = _check_values(config)
    return checked


def _check_values(config: Any, prefix: str = "") -> Any:
    types, default_of = _types(config.__class__), {}
    for item in dataclasses.fields(config):
        name, value = prefix + item.name, getattr(config, item.name)
        constraint = item.metadata.get("constraint")
        default_of[item.name] = (
            _check_value(name, value, types[item.name], constraint) if constraint else _check_values(value, f"{name}.")
        )
    return dataclasses.replace(config, **default_of)


def _check_value(name: str, value: Any, kind: Any, constraint: Constraint) -> Any:
    with contextlib.suppress(TypeError, ValueError, OverflowError):  # no number, or one that the key cannot hold
        told = _number(value, kind)
        if constraint.holds(told):
            return told
    raise wrong(name, value, constraint.words)


def _number(value: Any, kind: Any) -> Any:
    """`value` as a number, or a list of them, where `kind` says so: 1 and NumPy's 1 name the same run as 1.0."""
    if kind in (list[int], list[float]):
        return [_number(each, *typing.get_args(kind)) for each in value]
    if kind not in (int, float):
        return value
    told = kind(value)
    if told != value:
        raise ValueError
    return told


def check(config: Config) -> Config:
    """`config`, settled, when every value keeps its rule and they fit together; else InputError."""
    config = check_values(config)
    if config.optimizer.nesterov and not config.optimizer.momentum:
        raise wrong("optimizer.nesterov", True, "false unless optimizer.momentum is above 0")
    if config.force and not config.train:
        raise wrong("force", True, "false with train=false, which only reports")
    if config.device == "mps" and config.dtype == "float64":
        raise wrong("dtype", config.dtype, "float32 on device=mps, which has no float64")
    if config.model.init_bias == "same" and not config.architecture.biases:
        raise wrong("model.init_bias", "same", "auto or zeros with architecture.biases=false, which has none to draw")
    _check_source(config.data.source)
    return _resolve_auto(config)


def _check_source(source: SourceConfig) -> None:
    for array, file in dataclasses.asdict(source.files).items():
        if sum(value is not None for value in file.values()) != 2:  # the name and one checksum
            words = "with exactly one of sha256 (of the content), sha256_gz and md5_gz (of the gzipped file)"
            raise wrong(f"data.source.files.{array}", file["name"], words)
    if source.first_label + len(source.classes) > 256:
        raise wrong("data.source.first_label", source.first_label, "so small that the last label is at most 255")


def wrong(name: str, value: object, words: str) -> InputError:
    """The one line for a wrong value."""
    shown = str(value).replace("\n", " ")
    return InputError(f"{name}={shown}: must be {words}")


def unknown(name: str, schema: type = Config) -> InputError:
    """The one line for a key that does not exist."""
    if name == "optimizer.lr":
        return InputError("optimizer.lr: there is no such key; use lr")
    near = difflib.get_close_matches(name, constraints(schema), n=1)
    hint = f"did you mean {near[0]}?" if near else "--help lists them all"
    return InputError(f"{name}: there is no such key; {hint}")


def groups(schema: type = Config) -> list[str]:
    """What is chosen by name on the command line, such as `model=torch`: a folder of `conf/` each."""
    return [*dict.fromkeys(name.partition(".")[0] for name in constraints(schema) if "." in name), "experiment"]


def constraints(schema: type = Config) -> Mapping[str, Constraint]:
    """The rule of every key of `schema`, the lab's when none is given, by its dotted name."""
    return _constraints(schema)


@functools.cache
def _constraints(schema: type) -> Mapping[str, Constraint]:
    return {name: constraint for name, constraint, _ in _entries(schema)}


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
    return {name: value for name, _, value in _entries(config)}


def _resolve_auto(config: Config) -> Config:
    """Replace what means "as fits" by what it means, so that equal runs have equal configurations."""
    model = config.model
    if model.init_bias == "auto":
        default_of = "same" if model.init == "torch_linear" and config.architecture.biases else "zeros"
        model = dataclasses.replace(model, init_bias=default_of)
    return dataclasses.replace(config, model=model)


@functools.cache
def _types(schema: type) -> Mapping[str, Any]:
    """The type of each field; Python takes long to find out."""
    return typing.get_type_hints(schema)


def _entries(config: Any, prefix: str = "") -> Iterator[tuple[str, Constraint, Any]]:
    """(dotted name, rule, value) of every key; of a class in place of an object, the values are None."""
    groups = _types(config if isinstance(config, type) else type(config))
    for item in dataclasses.fields(config):
        inner = getattr(config, item.name, None)
        if "constraint" in item.metadata:
            yield prefix + item.name, item.metadata["constraint"], inner
        else:
            yield from _entries(inner or groups[item.name], f"{prefix}{item.name}.")
