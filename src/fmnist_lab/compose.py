"""From what is typed to a `Config`: the one module beside the doors that knows Hydra.

Hydra composes the files of `conf/` and the overrides; what comes out is checked against the schema in `config.py`.
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
    with _loading(*overrides) as (loader, sweep):
        jobs = split_jobs(loader, sweep.hydra.sweeper.params, sweep.hydra.overrides.task)
        return compose_jobs(loader, sweep, jobs)


def launcher_options(*overrides: str) -> Any:
    """The file of the launcher that `overrides` choose, `hydra/launcher=slurm`, with their changes to it."""
    with _loading(*overrides) as (_, sweep):
        return sweep.hydra.launcher


@contextlib.contextmanager
def composing(config_dir: str | None = None) -> Iterator[Callable[[Sequence[str]], Config]]:
    """Gives a function that makes the checked `Config` of one run after another, each from its overrides.

    Args:
        config_dir: a folder of options beside those in `conf/`, as Hydra's `--config-dir` takes it.
    """
    if config_dir is not None and not Path(config_dir).is_dir():
        raise wrong("--config-dir", config_dir, "a folder")
    beside = [f"hydra.searchpath=['file://{Path(config_dir).resolve()}']"] if config_dir else []
    with _loading(*beside) as (loader, sweep):
        composed: dict[tuple[str, ...], Any] = {}
        yield lambda overrides: _compose_job(loader, sweep, overrides, composed)


@contextlib.contextmanager
def _loading(*overrides: str) -> Iterator[tuple[Any, Any]]:
    """Hydra's configuration loader, and what Hydra composes for the sweep that `overrides` mean."""
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
    composed: dict[tuple[str, ...], Any] = {}
    return [_compose_job(loader, sweep, job, composed) for job in jobs]


def _compose_job(loader: Any, sweep: Any, job: Sequence[str], composed: dict[tuple[str, ...], Any]) -> Config:
    """The `Config` of a job; `composed` keeps what each set of group choices came to."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    overrides = OverridesParser.create(config_loader=loader).parse_overrides(list(job))
    choices = tuple(str(each.input_line) for each in overrides if loader.repository.group_exists(each.key_or_group))
    if choices not in composed:
        composed[choices] = _own(loader.load_sweep_config(sweep, list(choices)))
    config = copy.deepcopy(composed[choices])
    loader._apply_overrides_to_config([each for each in overrides if each.input_line not in choices], config)
    return from_omegaconf(config)


def config_dir(runtime: Any) -> list[str]:
    """The `--config-dir` of the command line, if there was one, as Hydra's `runtime` remembers it."""
    sources = [source.path for source in runtime.config_sources if source.provider == "command-line"]
    return [f"--config-dir={path}" for path in sources]


def from_omegaconf(composed: Any) -> Config:
    """The checked `Config` in what Hydra composed."""
    return check(typed(Config, composed))


def typed(schema: type[Schema], composed: Any) -> Schema:
    """What Hydra composed, or a plain mapping, as an object of `schema`.

    Raises InputError for a key it lacks or a value that breaks its rule.
    """
    from omegaconf import OmegaConf

    own = _own(composed)
    for name in _leaves(OmegaConf.to_container(own), constraints(schema)):
        if name not in constraints(schema):
            raise unknown(name, schema)
    config = OmegaConf.to_object(OmegaConf.merge(schema, own))
    assert isinstance(config, schema)
    return check_values(config)


def _own(composed: Any) -> Any:
    """What Hydra composed, types and all, without what concerns Hydra itself."""
    from omegaconf import OmegaConf, open_dict

    own = OmegaConf.create(composed) if isinstance(composed, dict) else copy.copy(composed)
    with open_dict(own):
        own.pop("hydra", None)
    return own


def _leaves(tree: Any, known: Mapping[str, Constraint], prefix: str = "") -> Iterator[str]:
    """The dotted names of all values; the value of a known key may itself be a mapping."""
    for name, value in tree.items():
        if isinstance(value, dict) and prefix + name not in known:
            yield from _leaves(value, known, f"{prefix}{name}.")
        else:
            yield prefix + name


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


NOT_TEXT = ("null", "true", "false", "nan", "inf")  # to Hydra, unless quoted


def override(name: str, value: object) -> str:
    """What one types on the command line to give the key `name` this value: text, a number, None, or a list of them."""
    if re.fullmatch(r"[\w./]+", name) is None or is_hydras(name):
        raise unknown(name)
    return f"{name}={_typed_text(name, value)}"


def override_each(name: str, values: Iterable[object]) -> str:
    """The same for a sweep over `values`."""
    texts = [_typed_text(name, value) for value in values]
    if not texts:
        raise wrong(name, "[]", "one value or more to sweep over")
    return f"{override(name, None).removesuffix('null')}{','.join(texts)}"


def _typed_text(name: str, value: object) -> str:
    """A value in the language of Hydra's overrides, which reads it back as it is."""
    from hydra.core.override_parser.types import Quote, QuotedString

    if hasattr(value, "tolist"):  # NumPy's numbers and arrays
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
    """The key that an override such as `+a.b=1` sets."""
    return word.partition("=")[0].lstrip("+~")


def is_hydras(word: str) -> bool:
    """Whether an override is of Hydra itself, such as `hydra/launcher=ray`: it says how runs are done, not which."""
    return re.match(r"hydra\b", key_of(word)) is not None
