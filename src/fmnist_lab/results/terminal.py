"""The summary of a sweep for the terminal."""

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from fmnist_lab.results.factors import label
from fmnist_lab.results.summary_statistics import TIMES_DIFFER, analyze, same_conditions, summarize
from fmnist_lab.results.tables import LOSS, TEST, TIME, VALIDATION, readable

SHORT = {VALIDATION: "validation %", TEST: "test %", TIME: "time s"}
NUMBERS = {"n", *SHORT.values()}


def summary(results: pd.DataFrame, curves: pd.DataFrame, settings: pd.DataFrame) -> Table:
    """Return a table with a row for each combination of levels and each model, legible at 80 columns.

    The arguments are those of `analyze`.
    """
    factors, runs = analyze(results, curves, settings)
    table = summarize(runs, [factor.name for factor in factors])
    # name the factors by their keys, as the user typed them on the command line
    keys = {label(factor.name): factor.name for factor in factors}
    text = readable(table, factors).assign(model=table["model"]).drop(columns=LOSS).rename(columns=keys | SHORT)
    text = text.drop(columns=[name for name in ("time s", "notes") if not text[name].any()])
    shown = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, caption=_caption(runs))
    for name in map(str, text):
        justify: JustifyMethod = "right" if name in NUMBERS else "left"
        shown.add_column(Text(name), justify=justify, no_wrap=name in NUMBERS, overflow="fold")
    for row in text.itertuples(index=False):
        shown.add_row(*map(Text, row))
    return shown


def _caption(runs: pd.DataFrame) -> str | None:
    several_seeds = "±: half-width of the 95 % interval over seeds" if runs["seed"].nunique() > 1 else ""
    times = "" if same_conditions(runs) else TIMES_DIFFER
    return "; ".join(filter(None, [several_seeds, times])) or None
