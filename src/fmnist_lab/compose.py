"""From the words of a command line to a checked `Config`.

Hydra composes the files of `conf/` and the overrides; the outcome is checked by `config/`. This module, `cli/` and the
plugins in `hydra_plugins` are the only ones that know Hydra.
"""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from fmnist_lab.config.checks import check, check_values, unknown, wrong
from fmnist_lab.config.constraints import Constraint
from fmnist_lab.config.paths import conf_folder
from fmnist_lab.config.schema import Config, constraints

Schema = TypeVar("Schema")


def compose(*overrides: str) -> Config:
    """Return the checked `Config` of one run with `overrides`, written as on the command line."""
    return check(compose_as(Config, "config", *overrides))


def compose_as(schema: type[Schema], file: str, *overrides: str) -> Schema:
    """Return `conf/<file>.yaml` with `overrides` as an object of `schema`, its values checked."""
    from hydra import compose as compose_with_hydra
    from hydra import initialize_config_dir

    register(schema)
    with initialize_config_dir(conf_folder(), version_base="1.3"):
        return typed(schema, compose_with_hydra(file, list(overrides)))


def expand(*overrides: str) -> list[Config]:
    """Return the checked `Config` of every run of a sweep; `overrides` are written as after `-m`: `lr=0.1,0.2`."""
    with _loading(*overrides) as (loader, sweep):
        jobs = split_jobs(loader, sweep.hydra.sweeper.params, sweep.hydra.overrides.task)
        return compose_jobs(loader, sweep, jobs)


def launcher_options(*overrides: str) -> Any:
    """Return the options of the launcher that `overrides` choose (`hydra/launcher=slurm`) and change."""
    with _loading(*overrides) as (_, sweep):
        return sweep.hydra.launcher


@contextlib.contextmanager
def composing(config_dir: str | None = None) -> Iterator[Callable[[Sequence[str]], Config]]:
    """Yield a function that returns the checked `Config` of one run from its overrides; faster than `compose`.

    Args:
        config_dir: a folder with options in addition to those in `conf/`, as Hydra's `--config-dir` takes it.

    Raises InputError if `config_dir` is no folder.
    """
    if config_dir is not None and not Path(config_dir).is_dir():
        raise wrong("--config-dir", config_dir, "a folder")
    search_path = [f"hydra.searchpath=['file://{Path(config_dir).resolve()}']"] if config_dir else []
    with _loading(*search_path) as (loader, sweep):
        cache: dict[tuple[str, ...], Any] = {}
        yield lambda overrides: _compose_job(loader, sweep, overrides, cache)


@contextlib.contextmanager
def _loading(*overrides: str) -> Iterator[tuple[Any, Any]]:
    """Yield Hydra's configuration loader, and the configuration that Hydra composes for a sweep with `overrides`."""
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
    """Return the overrides of each job of a sweep: every combination of the sweeper's `params` and the `arguments`."""
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser

    words = [*(f"{name}={values}" for name, values in params.items()), *arguments]
    overrides = OverridesParser.create(config_loader=loader).parse_overrides(words)
    (jobs,) = BasicSweeper.split_arguments(overrides, None)
    return jobs


def compose_jobs(loader: Any, sweep: Any, jobs: Sequence[Sequence[str]]) -> list[Config]:
    """Return the checked `Config` of every job of a sweep.

    Hydra is slow at composing. So each set of group choices (`model=torch`) is composed once, and the overrides that
    only set a value (`lr=0.1`) are applied to a copy, by Hydra too.

    Args:
        loader: Hydra's configuration loader.
        sweep: the configuration that Hydra composed for the sweep itself.
        jobs: the overrides of each job.
    """
    cache: dict[tuple[str, ...], Any] = {}
    return [_compose_job(loader, sweep, job, cache) for job in jobs]


def _compose_job(loader: Any, sweep: Any, job: Sequence[str], cache: dict[tuple[str, ...], Any]) -> Config:
    """Return the checked `Config` of a job; `cache` holds the configuration of each set of group choices."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    overrides = OverridesParser.create(config_loader=loader).parse_overrides(list(job))
    choices = tuple(str(each.input_line) for each in overrides if loader.repository.group_exists(each.key_or_group))
    if choices not in cache:
        cache[choices] = _without_hydra(loader.load_sweep_config(sweep, list(choices)))
    config = copy.deepcopy(cache[choices])
    loader._apply_overrides_to_config([each for each in overrides if each.input_line not in choices], config)
    return from_omegaconf(config)


def config_dir(runtime: Any) -> list[str]:
    """Return the `--config-dir` of the command line as a list of one word, or none, from Hydra's `runtime`."""
    sources = [source.path for source in runtime.config_sources if source.provider == "command-line"]
    return [f"--config-dir={path}" for path in sources]


def from_omegaconf(composed: Any) -> Config:
    """Return the checked `Config` of a configuration that Hydra composed."""
    return check(typed(Config, composed))


def typed(schema: type[Schema], composed: Any) -> Schema:
    """Return a configuration that Hydra composed, or a plain mapping, as an object of `schema`.

    Raises InputError for an unknown key and for a value that does not satisfy its constraint.
    """
    from omegaconf import OmegaConf

    own = _without_hydra(composed)
    for name in _leaves(OmegaConf.to_container(own), constraints(schema)):
        if name not in constraints(schema):
            raise unknown(name, schema)
    config = OmegaConf.to_object(OmegaConf.merge(schema, own))
    assert isinstance(config, schema)
    return check_values(config)


def _without_hydra(composed: Any) -> Any:
    """Return a copy of a composed configuration, with its types, without the section `hydra`."""
    from omegaconf import OmegaConf, open_dict

    own = OmegaConf.create(composed) if isinstance(composed, dict) else copy.copy(composed)
    with open_dict(own):
        own.pop("hydra", None)
    return own


def _leaves(tree: Any, known: Mapping[str, Constraint], prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all values; the value of a known key may itself be a mapping."""
    for name, value in tree.items():
        if isinstance(value, dict) and prefix + name not in known:
            yield from _leaves(value, known, f"{prefix}{name}.")
        else:
            yield prefix + name


def register(schema: type = Config) -> None:
    """Register the schema with Hydra as `schema`; it is in no group, so that no list of options shows it."""
    from hydra.core.config_store import ConfigStore
    from hydra.core.plugins import Plugins

    store = ConfigStore.instance()
    store.store(name="schema", node=schema)
    # Hydra would check our launchers against the schemas that plugins registered for theirs under the same names.
    Plugins.instance()
    registered = store.repo.get("hydra", {}).get("launcher", {})
    for launcher in Path(conf_folder(), "hydra", "launcher").glob("*.yaml"):
        registered.pop(launcher.name, None)


NOT_TEXT = ("null", "true", "false", "nan", "inf")  # Hydra takes these for text only when they are quoted


def override(name: str, value: object) -> str:
    """Return the word of a command line that gives the key `name` this value: text, a number, None, or a list of them.

    Raises InputError for a name that cannot be a key, and for any other type of value.
    """
    if re.fullmatch(r"[\w./]+", name) is None or is_hydras(name):
        raise unknown(name)
    return f"{name}={_typed_text(name, value)}"


def override_each(name: str, values: Iterable[object]) -> str:
    """Return the word of a command line that sweeps the key `name` over `values`. Raises InputError as `override`."""
    texts = [_typed_text(name, value) for value in values]
    if not texts:
        raise wrong(name, "[]", "one value or more to sweep over")
    return f"{override(name, None).removesuffix('null')}{','.join(texts)}"


def _typed_text(name: str, value: object) -> str:
    """Return a value in the grammar of Hydra's overrides, from which Hydra parses the same value."""
    from hydra.core.override_parser.types import Quote, QuotedString

    if hasattr(value, "tolist"):  # a NumPy number or array
        value = value.tolist()
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(_typed_text(name, each) for each in value)}]"
    if not isinstance(value, str | Path):
        raise wrong(name, value, "text, a number, true or false, None, or a list of these")
    text = str(value)
    plain = re.fullmatch(r"[A-Za-z_][\w.-]*", text, re.ASCII) and text.lower() not in NOT_TEXT
    return text if plain else str(QuotedString(text, Quote.single).with_quotes())


def key_of(word: str) -> str:
    """Return the key that an override sets: `a.b` of `+a.b=1`."""
    return word.partition("=")[0].lstrip("+~")


def is_hydras(word: str) -> bool:
    """Return whether an override is for Hydra itself, such as `hydra/launcher=ray`, and not for the runs."""
    return re.match(r"hydra\b", key_of(word)) is not None
