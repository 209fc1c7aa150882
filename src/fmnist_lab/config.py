"""What can be configured: each key's type, range and meaning, in one place.

`conf/` holds the values; these dataclasses are the schema they are checked against. A `Config` is plain data: only
`from_omegaconf` and `register` know where it came from.
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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from fmnist_lab.errors import InputError

Schema = TypeVar("Schema")


@dataclass(frozen=True)
class Rule:
    """What a key's value must be, in words (which complete "must be ...") and as a test."""

    words: str
    holds: Callable[[Any], bool]


def one_of(*names: str) -> Rule:
    return Rule("one of " + ", ".join(names), lambda value: value in names)


def whole(least: int) -> Rule:
    return Rule(f"a whole number of at least {least}", lambda value: value >= least)


POSITIVE = Rule("a number above 0", lambda value: math.isfinite(value) and value > 0)
NOT_NEGATIVE = Rule("a number of at least 0", lambda value: math.isfinite(value) and value >= 0)
FRACTION = Rule("a number from 0 to below 1", lambda value: 0 <= value < 1)
YES_NO = Rule("true or false", lambda value: isinstance(value, bool))
TEXT = Rule("text", lambda value: True)
BETAS = Rule("two numbers from 0 to below 1", lambda value: len(value) == 2 and all(map(FRACTION.holds, value)))
WIDTHS = Rule(
    "a list of one or more whole numbers above 0, such as [256,128]",
    lambda value: len(value) > 0 and all(width > 0 for width in value),
)
SHARE = Rule(
    "a fraction below 1, a whole number of images, or 0",
    lambda value: 0 <= value < 1 or (value >= 1 and value == int(value)),
)
# A sweep's name is a folder below outputs/sweeps: nothing in it may leave that folder, on any system.
FILENAME = Rule(
    "a folder name: letters, digits and . _ - + = , [ ] (not starting with a dot, at most 150 long)",
    lambda value: value is None or re.fullmatch(r"[\w\-+=,\[\]][\w.\-+=,\[\]]{0,149}", value, re.ASCII) is not None,
)


def key(rule: Rule) -> Any:
    """A required field whose value must satisfy `rule`."""
    return field(metadata={"rule": rule})


@dataclass
class ModelConfig:
    name: str = key(one_of("custom", "torch"))
    init: str = key(one_of("glorot_uniform", "he_normal", "torch_linear", "normal", "zeros"))
    init_std: float = key(NOT_NEGATIVE)
    init_bias: str = key(one_of("auto", "zeros", "same"))


@dataclass
class ArchitectureConfig:
    hidden: list[int] = key(WIDTHS)
    activation: str = key(one_of("relu", "tanh", "sigmoid", "identity"))


@dataclass
class OptimizerConfig:
    name: str = key(one_of("sgd", "adam"))
    momentum: float = key(FRACTION)
    nesterov: bool = key(YES_NO)
    weight_decay: float = key(NOT_NEGATIVE)
    betas: list[float] = key(BETAS)
    eps: float = key(POSITIVE)


@dataclass
class DataConfig:
    name: str = key(one_of("fashion_mnist"))
    root: str | None = key(TEXT)
    scaling: str = key(one_of("unit", "symmetric", "standard"))
    validation: float = key(SHARE)
    split: str = key(one_of("random", "first", "last"))
    shuffle: bool = key(YES_NO)


@dataclass
class Config:
    """One run, in full. `conf/config.yaml` says what each key means."""

    model: ModelConfig
    architecture: ArchitectureConfig
    optimizer: OptimizerConfig
    data: DataConfig
    lr: float = key(POSITIVE)
    epochs: int = key(whole(1))
    batch_size: int = key(whole(1))
    seed: int = key(whole(0))
    dtype: str = key(one_of("float32", "float64"))
    threads: int = key(whole(1))
    device: str = key(one_of("cpu", "cuda", "mps", "auto"))
    name: str | None = key(FILENAME)
    outputs: str = key(Rule("the path of a folder", lambda value: value != ""))
    test_every_epoch: bool = key(YES_NO)
    train: bool = key(YES_NO)
    force: bool = key(YES_NO)
    dry_run: bool = key(YES_NO)


# Keys that say where things lie or what a command does; no result depends on them.
HOUSEKEEPING = ("name", "outputs", "train", "force", "dry_run", "data.root")


def conf_folder() -> str:
    """Where the configuration lies: inside the package when installed from a wheel, else in the checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "conf"
    return str(inside if inside.is_dir() else package.parents[1] / "conf")


def compose(*overrides: str) -> Config:
    """The checked `Config` that the command line `overrides` means, for use without a command line."""
    return check(compose_as(Config, "config", *overrides))


def compose_as(schema: type[Schema], file: str, *overrides: str) -> Schema:
    """What `conf/<file>.yaml` and `overrides` come to, as an object of `schema` whose values keep their rules."""
    from hydra import compose as compose_with_hydra
    from hydra import initialize_config_dir

    register(schema)
    with initialize_config_dir(conf_folder(), version_base="1.3"):
        return typed(schema, compose_with_hydra(file, list(overrides)))


def expand(*overrides: str) -> list[Config]:
    """The checked `Config` of every run of the sweep that `overrides` mean after `-m`, such as `experiment=table1`."""
    with _composed_sweep(overrides) as (loader, sweep):
        jobs = split_jobs(loader, sweep.hydra.sweeper.params, sweep.hydra.overrides.task)
        return compose_jobs(loader, sweep, jobs)


def launcher_options(*overrides: str) -> Any:
    """The file of the launcher that `overrides` choose, `hydra/launcher=slurm`, with their changes to it."""
    with _composed_sweep(overrides) as (_, sweep):
        return sweep.hydra.launcher


@contextlib.contextmanager
def _composed_sweep(overrides: Sequence[str]) -> Iterator[tuple[Any, Any]]:
    """Hydra's configuration loader, and what it composed for a sweep."""
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.types import RunMode

    register()
    with initialize_config_dir(conf_folder(), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        sweep = hydra.compose_config("config", list(overrides), run_mode=RunMode.MULTIRUN, from_shell=False)
        yield hydra.config_loader, sweep


def split_jobs(loader: Any, params: Mapping[str, Any], arguments: Iterable[str]) -> list[list[str]]:
    """The overrides of each job of a sweep: every combination of the sweeper's `params` and the `arguments`."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    told = [*(f"{name}={values}" for name, values in params.items()), *arguments]
    overrides = OverridesParser.create(config_loader=loader).parse_overrides(told)
    (jobs,) = BasicSweeper.split_arguments(overrides, None)
    return jobs


def compose_jobs(loader: Any, sweep: Any, jobs: Sequence[Sequence[str]]) -> list[Config]:
    """The checked `Config` of every job of a sweep, from its overrides.

    Hydra takes long to compose. So each set of group choices (`model=torch`) is composed once, and what only sets a
    value (`lr=0.1`) is set on a copy, by Hydra's own hand.

    Args:
        loader: Hydra's configuration loader.
        sweep: what Hydra composed for the sweep itself.
        jobs: the overrides of each job.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parser, composed, configs = OverridesParser.create(config_loader=loader), {}, []
    for job in jobs:
        overrides = parser.parse_overrides(list(job))
        choices = tuple(str(each.input_line) for each in overrides if loader.repository.group_exists(each.key_or_group))
        if choices not in composed:
            composed[choices] = _own(loader.load_sweep_config(sweep, list(choices)))
        config = copy.deepcopy(composed[choices])
        loader._apply_overrides_to_config([each for each in overrides if each.input_line not in choices], config)
        configs.append(from_omegaconf(config))
    return configs


def from_omegaconf(composed: Any) -> Config:
    """The checked `Config` in what Hydra composed."""
    return check(typed(Config, composed))


def typed(schema: type[Schema], composed: Any) -> Schema:
    """What Hydra composed, or a plain mapping, as an object of `schema`.

    Raises InputError for a key it lacks or a value that breaks its rule.
    """
    from omegaconf import OmegaConf

    own = _own(composed)
    for name in _leaves(OmegaConf.to_container(own), rules(schema)):
        if name not in rules(schema):
            raise unknown(name, schema)
    config = OmegaConf.to_object(OmegaConf.merge(schema, own))
    assert isinstance(config, schema)
    return obey(config)


def _own(composed: Any) -> Any:
    """What Hydra composed, types and all, without what concerns Hydra itself."""
    from omegaconf import OmegaConf, open_dict

    own = OmegaConf.create(composed) if isinstance(composed, dict) else copy.copy(composed)
    with open_dict(own):
        own.pop("hydra", None)
    return own


def from_yaml(text: str) -> Config:
    """The `Config` that a record's config.yaml holds, as it was settled then. Raises ValueError when it holds none."""
    import yaml

    try:
        types, tree = typing.get_type_hints(Config), yaml.safe_load(text)
        return Config(**{key: types[key](**value) if isinstance(value, dict) else value for key, value in tree.items()})
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"no configuration of this version: {error}") from None


def register(schema: type = Config) -> None:
    """Make the schema known to Hydra as `schema`; it belongs to no group, so that no option list shows it."""
    from hydra.core.config_store import ConfigStore
    from hydra.core.plugins import Plugins

    store = ConfigStore.instance()
    store.store(name="schema", node=schema)
    # Hydra would check our launchers against those of the same names that plugins brought; ours are not theirs.
    Plugins.instance()
    theirs = store.repo.get("hydra", {}).get("launcher", {})
    for ours in Path(conf_folder(), "hydra", "launcher").glob("*.yaml"):
        theirs.pop(ours.name, None)


def obey(config: Schema) -> Schema:
    """`config` when every value keeps its rule; else InputError naming the first that does not."""
    for name, rule, value in _entries(config):
        if not rule.holds(value):
            raise wrong(name, value, rule.words)
    return config


def check(config: Config) -> Config:
    """`config`, settled, when every value keeps its rule and they fit together; else InputError."""
    obey(config)
    if config.optimizer.nesterov and not config.optimizer.momentum:
        raise wrong("optimizer.nesterov", True, "false unless optimizer.momentum is above 0")
    if config.force and not config.train:
        raise wrong("force", True, "false with train=false, which only reports")
    if config.device == "mps" and config.dtype == "float64":
        raise wrong("dtype", config.dtype, "float32 on device=mps, which has no float64")
    return _settle(config)


def wrong(name: str, value: object, words: str) -> InputError:
    """The one line for a wrong value."""
    shown = str(value).replace("\n", " ")
    return InputError(f"{name}={shown}: must be {words}")


def unknown(name: str, schema: type = Config) -> InputError:
    """The one line for a key that does not exist."""
    if name == "optimizer.lr":
        return InputError("optimizer.lr: there is no such key; use lr")
    near = difflib.get_close_matches(name, rules(schema), n=1)
    hint = f"did you mean {near[0]}?" if near else "--help lists them all"
    return InputError(f"{name}: there is no such key; {hint}")


def rules(schema: type = Config) -> Mapping[str, Rule]:
    """The rule of every key of `schema`, the lab's when none is given, by its dotted name."""
    return _rules(schema)


@functools.cache
def _rules(schema: type) -> Mapping[str, Rule]:
    return {name: rule for name, rule, _ in _entries(schema)}


def flat(config: Config) -> dict[str, Any]:
    """Every key's value, by its dotted name."""
    return {name: value for name, _, value in _entries(config)}


def identity(config: Config) -> dict[str, Any]:
    """The keys and values that determine the run's result, and no others: what does not apply is left out."""
    unused = {*HOUSEKEEPING}
    unused |= {"optimizer.betas", "optimizer.eps"} if config.optimizer.name == "sgd" else set()
    unused |= {"optimizer.momentum", "optimizer.nesterov"} if config.optimizer.name == "adam" else set()
    unused |= {"model.init_std"} if config.model.init != "normal" else set()
    unused |= {"data.split"} if config.data.validation == 0 else set()
    return {name: value for name, value in flat(config).items() if name not in unused}


def _settle(config: Config) -> Config:
    """Replace what means "as fits" by what it means, so that equal runs have equal configurations."""
    model = config.model
    if model.init_bias == "auto":
        settled = "same" if model.init == "torch_linear" else "zeros"
        model = dataclasses.replace(model, init_bias=settled)
    return dataclasses.replace(config, model=model)


def _leaves(tree: Any, known: Mapping[str, Rule], prefix: str = "") -> Iterator[str]:
    """The dotted names of all values; the value of a known key may itself be a mapping."""
    for name, value in tree.items():
        if isinstance(value, dict) and prefix + name not in known:
            yield from _leaves(value, known, f"{prefix}{name}.")
        else:
            yield prefix + name


def _entries(config: Any, prefix: str = "") -> Iterator[tuple[str, Rule, Any]]:
    """(dotted name, rule, value) of every key; of a class in place of an object, the values are None."""
    groups = typing.get_type_hints(config if isinstance(config, type) else type(config))
    for item in dataclasses.fields(config):
        inner = getattr(config, item.name, None)
        if "rule" in item.metadata:
            yield prefix + item.name, item.metadata["rule"], inner
        else:
            yield from _entries(inner or groups[item.name], f"{item.name}.")
