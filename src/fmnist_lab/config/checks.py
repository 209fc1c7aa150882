"""Check the values of a configuration, one by one and together; an error is one line."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import typing
from typing import Any, TypeVar

from fmnist_lab.config.constraints import Constraint
from fmnist_lab.config.schema import Config, SourceConfig, constraints, field_types
from fmnist_lab.errors import InputError

Schema = TypeVar("Schema")


def check(config: Config) -> Config:
    """Return `config` with numbers cast to their keys' types and `auto` resolved.

    Raises InputError for the first value that does not satisfy its constraint, or that does not fit the others.
    """
    config = check_values(config)
    if config.optimizer.nesterov and not config.optimizer.momentum:
        raise wrong("optimizer.nesterov", True, "false unless optimizer.momentum is above 0")
    if config.force and not config.train:
        raise wrong("force", True, "false with train=false, which trains nothing")
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


def _resolve_auto(config: Config) -> Config:
    """Return `config` with `auto` replaced by its value, so that equal runs have equal configurations."""
    model = config.model
    if model.init_bias == "auto":
        init_bias = "same" if model.init == "torch_linear" and config.architecture.biases else "zeros"
        model = dataclasses.replace(model, init_bias=init_bias)
    return dataclasses.replace(config, model=model)


def check_values(config: Schema) -> Schema:
    """Return `config` with numbers cast to each key's type. Raises InputError for the first invalid value."""
    checked: Schema = _check_values(config)
    return checked


def _check_values(config: Any, prefix: str = "") -> Any:
    types, values = field_types(config.__class__), {}
    for item in dataclasses.fields(config):
        name, value = prefix + item.name, getattr(config, item.name)
        constraint = item.metadata.get("constraint")
        values[item.name] = (
            _check_value(name, value, types[item.name], constraint) if constraint else _check_values(value, f"{name}.")
        )
    return dataclasses.replace(config, **values)


def _check_value(name: str, value: Any, kind: Any, constraint: Constraint) -> Any:
    with contextlib.suppress(TypeError, ValueError, OverflowError):  # no number, or not one of the key's type
        number = _cast(value, kind)
        if constraint.holds(number):
            return number
    raise wrong(name, value, constraint.words)


def _cast(value: Any, kind: Any) -> Any:
    """Return `value` cast to `kind` if that is a number or a list of numbers: so 1 and NumPy's 1 mean the run of 1.0.

    Raises ValueError if the cast changes the value.
    """
    if kind in (list[int], list[float]):
        return [_cast(each, *typing.get_args(kind)) for each in value]
    if kind not in (int, float):
        return value
    number = kind(value)
    if number != value:
        raise ValueError
    return number


def wrong(name: str, value: object, words: str) -> InputError:
    """Return the error for a wrong value: one line, in which `words` complete "must be ..."."""
    shown = str(value).replace("\n", " ")
    return InputError(f"{name}={shown}: must be {words}")


def unknown(name: str, schema: type = Config) -> InputError:
    """Return the error for a key that does not exist: one line with the most similar key."""
    if name == "optimizer.lr":
        return InputError("optimizer.lr: there is no such key; use lr")
    near = difflib.get_close_matches(name, constraints(schema), n=1)
    hint = f"did you mean {near[0]}?" if near else "--help lists them all"
    return InputError(f"{name}: there is no such key; {hint}")
