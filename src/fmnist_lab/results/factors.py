"""The factors of a sweep (the settings that varied) and their levels (the values they took)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from typing import Any, Literal

import pandas as pd

CONDITIONS = ["cpu", "blas", "threads", "workers"]  # times are comparable only where these agree
SIZES = ["data.pixels", "data.classes"]  # the numbers of inputs and outputs of a network for the data
NEVER_FACTORS = {"model.name", "seed", *CONDITIONS}
LOGARITHMIC = {"lr", "batch_size"}
LABELS = {"lr": "learning rate", "init": "initialisation"}
METRICS = ["validation_accuracy", "test_accuracy", "train_loss", "fit_seconds"]

Scale = Literal["words", "linear", "log"]


@dataclass(frozen=True)
class Factor:
    """A setting that took several values in a sweep.

    `levels` are the values as text, in the order of the axis; `positions` are their places on the axis.
    """

    key: str
    name: str
    levels: tuple[str, ...]
    positions: tuple[float, ...]
    scale: Scale
    axis_label: str

    @property
    def ticks(self) -> list[str]:
        """Return the labels of the axis, one per level."""
        return [*map(display, self.levels)] if self.scale == "words" else [f"{at:g}" for at in self.positions]


def label(name: str) -> str:
    """Return the setting's name for readers, such as `learning rate` for `lr`."""
    return LABELS.get(name, name.replace("_", " "))


def display(level: str) -> str:
    """Return a level for readers: hidden widths as `256-128`, any other unchanged."""
    return "-".join(map(str, widths(level))) if re.fullmatch(r"\[\d+(, *\d+)*\]", level) else level


def widths(hidden: str) -> list[int]:
    """Return the widths of the hidden layers in a text such as `[256, 128]`."""
    return [int(width) for width in re.findall(r"\d+", hidden)]


def describe(combination: Mapping[str, str]) -> str:
    """Return a combination of levels in one line: `learning rate 0.002, hidden 256-128`."""
    return ", ".join(f"{label(name)} {display(level)}" for name, level in combination.items())


def find_factors(settings: pd.DataFrame) -> list[Factor]:
    """Return the settings that varied, in the order of the columns.

    A key whose value depends on the model alone is no factor, nor is one that depends on the choice of its group alone,
    as `optimizer.momentum` may depend on `optimizer.name`.

    Args:
        settings: one row per run, one column per dotted configuration key, `model.name` among them.
    """
    texts = settings.map(as_text)
    keys = [str(key) for key in settings if key not in NEVER_FACTORS and _varied(texts, str(key))]
    return [_factor(key, name, settings) for key, name in _short_names(keys).items()]


def join_runs(results: pd.DataFrame, settings: pd.DataFrame, factors: Sequence[Factor]) -> pd.DataFrame:
    """Return each run once, with a column for each factor (an ordered categorical) and each of CONDITIONS.

    `diverged_epoch` is NaN, as only the curves show it (see `analyze`). Raises KeyError if `settings` lacks a run.

    Args:
        results: one row per run, with the columns of `results.csv`.
        settings: indexed by run, one column per dotted configuration key.
    """
    own = settings[~settings.index.duplicated()].loc[results["run"]]
    columns: dict[str, Any] = {factor.name: _categories(own[factor.key], factor.levels) for factor in factors}
    columns |= {condition: own[condition].to_numpy() for condition in CONDITIONS}
    columns |= {
        metric: results[metric].astype(float) for metric in METRICS
    }  # if all runs failed, the columns are empty and not of floats
    columns["without_validation"] = own["data.validation"].map(_is_zero).to_numpy(dtype=bool)
    runs = results.assign(**columns, diverged_epoch=math.nan)
    return runs.drop_duplicates("run", ignore_index=True)


def as_text(value: object) -> str:
    """Return a configuration value as a level."""
    return "none" if value is None or value is pd.NA or value != value else str(value)


def _varied(texts: pd.DataFrame, key: str) -> bool:
    group_choice = f"{key.partition('.')[0]}.name"
    within = ["model.name"] + ([group_choice] if group_choice in texts and group_choice != key else [])
    return bool((texts.groupby(within)[key].nunique() > 1).any())


def _short_names(keys: Sequence[str]) -> dict[str, str]:
    short = {key: key.removesuffix(".name").rpartition(".")[2] for key in keys}
    times = Counter(short.values())
    return {key: name if times[name] == 1 else key for key, name in short.items()}


def _factor(key: str, name: str, settings: pd.DataFrame) -> Factor:
    by_level = {as_text(value): value for value in settings[key]}
    if key == "architecture.hidden":
        inputs, outputs = (int(settings[size].iloc[0]) for size in SIZES)
        levels = sorted(by_level, key=lambda level: _parameters([inputs, *widths(level), outputs]))
        return _hidden_factor(key, name, levels)
    if not all(map(_is_number, by_level.values())):
        return _words(key, name, list(by_level))
    levels = sorted(by_level, key=lambda level: float(by_level[level]))
    positions = tuple(float(by_level[level]) for level in levels)
    scale: Scale = "log" if key in LOGARITHMIC and positions[0] > 0 else "linear"
    return Factor(key, name, tuple(levels), positions, scale, label(name))


def _words(key: str, name: str, levels: Sequence[str]) -> Factor:
    return Factor(key, name, tuple(levels), tuple(map(float, range(len(levels)))), "words", label(name))


def _hidden_factor(key: str, name: str, levels: Sequence[str]) -> Factor:
    layer = _only_varying_layer([widths(level) for level in levels])
    if layer is None:
        return _words(key, name, levels)
    levels = sorted(levels, key=lambda level: widths(level)[layer])
    positions = tuple(float(widths(level)[layer]) for level in levels)
    others = [f"hidden {at} = {width}" for at, width in enumerate(widths(levels[0]), start=1) if at != layer + 1]
    axis_label = f"hidden {layer + 1}" + (f" ({', '.join(others)})" if others else "")
    return Factor(key, name, tuple(levels), positions, "log", axis_label)


def _only_varying_layer(networks: list[list[int]]) -> int | None:
    if len({len(network) for network in networks}) > 1:
        return None
    varying = [at for at, layer in enumerate(zip(*networks, strict=True)) if len(set(layer)) > 1]
    return varying[0] if len(varying) == 1 else None


def _parameters(sizes: Sequence[int]) -> int:
    return sum((inputs + 1) * outputs for inputs, outputs in pairwise(sizes))


def _categories(values: pd.Series[Any], levels: Sequence[str]) -> pd.Categorical[str]:
    return pd.Categorical(values.map(as_text), categories=list(levels), ordered=True)


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)


def _is_zero(value: Any) -> bool:
    return _is_number(value) and value == 0
