"""Compute ratios from measurements: to the least possible time (the floor), and between contenders of one round."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd

from benchmark.tasks import SETTINGS, Setting
from fmnist_lab import data
from fmnist_lab.compose import compose

FLOOR, EAGER = "floor", "torch_eager"
FLOPS, GIGA = "GFLOPs an epoch", 1e9
EAGER_FORMS = ["torch_eager_float", "torch_eager_bytes"]
KEYS = ["round", *SETTINGS]


def step_flops(rows: int, sizes: Sequence[int]) -> int:
    """Return the floating-point operations of the matrix products of one update.

    A product of (rows, fan_in) and (fan_in, fan_out) takes 2 · rows · fan_in · fan_out; a layer needs three (its
    output, its weights' gradient, its input's gradient), the first one two, as pixels do not learn. `sizes` are the
    units of each layer, from the pixels to the classes.
    """
    return sum(2 * rows * i * o * (3 if place else 2) for place, (i, o) in enumerate(pairwise(sizes)))


def epoch_flops(hidden: str, images: int | None = None) -> int:
    """Return the operations of an epoch over `images` (default: all training images); `hidden` as in "256,128"."""
    sizes = source().layer_sizes([int(width) for width in hidden.split(",")])
    return step_flops(images or training_images(), sizes)


@cache
def source() -> data.Source:
    """Return the default data set."""
    return data.source_of(compose().data.section())


@cache
def training_images() -> int:
    """Return the number of training images of an epoch."""
    return data.training_images(source(), compose().data.validation)


def wide(frame: pd.DataFrame, quantity: str = "seconds") -> pd.DataFrame:
    """Return one quantity with a row a round and setting and a column a contender, in the order of measurement."""
    chosen = frame[frame["quantity"] == quantity]
    table = chosen.pivot(index=KEYS, columns="contender", values="value")
    return table.loc[pd.MultiIndex.from_frame(chosen[KEYS]).unique(), chosen["contender"].unique()]


def epoch_seconds(frame: pd.DataFrame) -> pd.DataFrame:
    """Return seconds an epoch as `wide` does, with floor (operations / peak rate of the round) and best eager form."""
    seconds = wide(frame)
    rate = wide(frame, "flops_per_second").get("peak", pd.Series(dtype=float)).reindex(seconds.index)
    flops = [float(epoch_flops(hidden)) for hidden in seconds.index.get_level_values("hidden")]
    forms = [name for name in EAGER_FORMS if name in seconds]
    derived = {FLOOR: flops / rate} | ({EAGER: seconds[forms].min(axis=1)} if forms else {})
    return seconds.assign(**derived)


def ratio(seconds: pd.DataFrame, above: str, below: str) -> pd.Series:
    """Return `above` / `below`, paired by round and setting; empty where either is missing."""
    if above not in seconds or below not in seconds:
        return pd.Series(dtype=float, index=seconds.index[:0])
    return (seconds[above] / seconds[below]).dropna()


def ratios(seconds: pd.DataFrame, base: str) -> pd.DataFrame:
    """Return the ratio of every other contender to `base`, a column each."""
    others = [name for name in map(str, seconds) if name != base]
    return pd.DataFrame({name: ratio(seconds, name, base) for name in others}, index=seconds.index)


def spread(values: pd.DataFrame) -> pd.DataFrame:
    """Return median, min, max and count over the rounds; a row a setting and contender, in the order of `values`."""
    long = values.rename_axis(columns="contender").stack().dropna()
    grouped = long.groupby(level=[*SETTINGS, "contender"], sort=False)
    return grouped.agg(["median", "min", "max", "count"]).reset_index()


def straight_line(x: pd.Series, y: pd.Series) -> tuple[float, float, float]:
    """Return intercept a and slope b of y = a + b x, fitted to relative errors, and the largest relative error."""
    slope, intercept = np.polyfit(x, y, 1, w=1 / y)
    return float(intercept), float(slope), float(np.max(np.abs((intercept + slope * x) / y - 1)))


def scaling_series(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return for each size that cost grows with: `x` and the median, min and max of the seconds over the rounds."""
    usual = Setting()
    custom = frame[frame["contender"] == "custom"]
    here = {name: custom[name] == getattr(usual, name) for name in ("hidden", "batch_size", "epochs")}
    widths = custom[here["batch_size"] & here["epochs"]]
    chosen = {
        FLOPS: (widths.assign(x=widths["hidden"].map(epoch_flops) / GIGA), "seconds"),
        "batch size": (custom[here["hidden"] & here["epochs"]].assign(x=custom["batch_size"]), "seconds"),
        "epochs": (custom[here["hidden"] & here["batch_size"]].assign(x=custom["epochs"]), "total_seconds"),
        "runs": (frame[frame["contender"] == "custom sweep"].assign(x=frame["runs"]), "seconds"),
    }
    return {name: _by_x(rows[rows["quantity"] == quantity]) for name, (rows, quantity) in chosen.items()}


def _by_x(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.groupby("x")["value"].agg(["median", "min", "max"]).reset_index()
