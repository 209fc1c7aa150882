"""Write measurements as tables of Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from benchmark.arithmetic import (
    FLOOR,
    FLOPS,
    GIGA,
    epoch_flops,
    epoch_seconds,
    ratios,
    scaling_series,
    spread,
    straight_line,
)
from benchmark.tasks import SETTINGS, Setting

BASE = Setting().hidden


def markdown(table: pd.DataFrame, digits: int = 3) -> str:
    """Return a table as Markdown, its numbers with `digits` significant digits."""
    rules = ["---:" if pd.api.types.is_numeric_dtype(table[name]) else "---" for name in table]
    rows = [[formatted(value, digits) for value in row] for row in table.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(texts)} |" for texts in [list(table.columns), rules, *rows])


def formatted(value: object, digits: int) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else significant(value, digits)
    return str(value).replace("|", "\\|")


def significant(value: float, digits: int = 3) -> str:
    """Return `value` with so many significant digits, without an exponent below a million."""
    return f"{value:.0f}" if 10**digits <= abs(value) < 1e6 else f"{value:.{digits}g}"


def format_spread(rows: pd.DataFrame) -> list[str]:
    """Return "median [least–largest]" of each row."""
    columns = zip(rows["median"], rows["min"], rows["max"], strict=True)
    return [f"{significant(mid)} [{significant(low)}–{significant(high)}]" for mid, low, high in columns]


def grid(values: pd.DataFrame, by: str) -> str:
    """Return a table with a row a value of the setting `by` and a column a contender."""
    spreads = spread(values)
    table = spreads.assign(text=format_spread(spreads)).pivot(index=by, columns="contender", values="text")
    order = [name for name in values if name in table]
    return markdown(table.loc[spreads[by].unique(), order].fillna("").reset_index())


def epoch(frame: pd.DataFrame) -> Iterable[str]:
    seconds = epoch_seconds(frame)
    yield "Seconds an epoch:"
    yield grid(seconds, "hidden")
    for base, words in ((FLOOR, "the floor"), ("custom", "the hand-written model")):
        over = ratios(seconds, base)
        if over.notna().any(axis=None):
            yield f"Times {words}, of the same round:"
            yield grid(over, "hidden")
    compiling = frame.loc[frame["quantity"] == "compile_seconds", "value"]
    if len(compiling):
        yield f"`torch_compile` compiles for {significant(compiling.median())} s first; they are not in its epochs."


def threads(frame: pd.DataFrame) -> Iterable[str]:
    yield f"Seconds an epoch at [{BASE}], by threads:"
    yield grid(epoch_seconds(frame), "threads")


def scaling(frame: pd.DataFrame) -> Iterable[str]:
    """Yield each series and its largest distance from a straight line a + b x; for widths, from 256 up."""
    for name, points in scaling_series(frame).items():
        yield f"Seconds by {name}:"
        yield markdown(pd.DataFrame({name: points["x"], "seconds": format_spread(points)}))
        wide = points[points["x"] >= epoch_flops(BASE) / GIGA] if name == FLOPS else points
        if name != "batch size" and len(wide) > 2:
            yield linearity(wide)


def linearity(points: pd.DataFrame) -> str:
    low, slope, away = straight_line(points["x"], points["median"])
    return (
        f"Straight line from {significant(points['x'].min())} up: {significant(low)} s + {significant(slope)} s each; "
        f"the farthest median lies {100 * away:.1f} % from it."
    )


def listing(frame: pd.DataFrame) -> Iterable[str]:
    """Yield a table of every quantity, with the settings that vary."""
    varied = [name for name in SETTINGS if frame[name].nunique() > 1]
    by = ["contender", *varied, "quantity"]
    found = frame.groupby(by, sort=False)["value"].agg(["median", "min", "max"]).reset_index()
    yield markdown(found[by].assign(**{"median [least–largest]": format_spread(found)}))


SECTIONS: dict[str, tuple[str, Callable[[pd.DataFrame], Iterable[str]]]] = {
    "epoch": ("One epoch", epoch),
    "threads": ("Threads", threads),
    "pieces": ("Where an epoch goes", listing),
    "kernels": ("Kernels of OpenBLAS", listing),
    "scaling": ("Scaling", scaling),
    "cold": ("Cold start", listing),
    "startup": ("Start-up", listing),
    "sweep": ("A sweep", listing),
    "memory": ("Memory", listing),
}
