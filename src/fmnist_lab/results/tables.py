"""Tables as CSV with exact numbers, and as Markdown with rounded ones."""

import re
from collections.abc import Collection, Iterable, Sequence

import pandas as pd

from fmnist_lab.results.factors import Factor, display, label
from fmnist_lab.results.style import MODEL_STYLES

WHOLE = ("epochs", "batch_size", "seed", "best_epoch", "epoch", "threads", "workers")
VALIDATION, TEST, LOSS, TIME = "validation accuracy (%)", "test accuracy (%)", "final train loss", "time (s)"
NUMBERS = {"n", VALIDATION, TEST, LOSS, TIME}
FOOTNOTE = "Accuracy: mean ± half-width of the 95 % t interval over n seeds. Time: median."


def to_csv(table: pd.DataFrame) -> bytes:
    """Return a frame as CSV in UTF-8, the same on every system: shortest exact floats, NaN as an empty entry."""
    whole = {name: "Int64" for name in WHOLE if name in table and table[name].dtype != "category"}
    return table.astype(whole).to_csv(index=False, lineterminator="\n").encode()


def to_markdown(text: pd.DataFrame, numbers: Collection[str] = NUMBERS, footnote: str = FOOTNOTE) -> bytes:
    """Return a table of texts as Markdown, with the columns `numbers` aligned to the right."""
    alignments = ["---:" if name in numbers else "---" for name in text]
    rows = [map(_escape, row) for row in text.itertuples(index=False)]
    lines = [_line(map(_escape, map(str, text))), _line(alignments), *map(_line, rows)]
    return ("\n".join(lines) + f"\n\n{footnote}\n").encode()


def readable(table: pd.DataFrame, factors: Sequence[Factor]) -> pd.DataFrame:
    """Return a table from `summarize` as texts: accuracies in % with two decimals; empty where not measured."""
    settings = {label(factor.name): [display(level) for level in table[factor.name]] for factor in factors}
    columns = {
        "model": [MODEL_STYLES[model].label for model in table["model"]],
        "n": table["n"].astype(str),
        VALIDATION: _percentages(table, "validation_accuracy"),
        TEST: _percentages(table, "test_accuracy"),
        LOSS: rounded(table["train_loss_mean"], 4),
        TIME: rounded(table["fit_seconds_median"], 1),
        "notes": table["notes"],
    }
    return pd.DataFrame(settings | columns, dtype=str)


def _percentages(table: pd.DataFrame, metric: str) -> list[str]:
    means = rounded(100 * table[f"{metric}_mean"], 2)
    half_widths = rounded(100 * table[f"{metric}_half_width"], 2)
    return [f"{mean} ± {half}" if half else mean for mean, half in zip(means, half_widths, strict=True)]


def rounded(values: Iterable[float], decimals: int) -> list[str]:
    """Return the values as texts with so many decimals; empty for NaN."""
    return ["" if pd.isna(value) else f"{value:.{decimals}f}" for value in values]


def _line(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_<>|$~\[\]&])", r"\\\1", " ".join(text.split()))


def signed(value: float, decimals: int = 2) -> str:
    """Return a difference as text with its sign; empty for NaN."""
    return "" if pd.isna(value) else f"{value:+.{decimals}f}".replace("-", "−")
