"""Compare each number of a published table with its runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from fmnist_lab.comparison.run_selection import Sample, Samples
from fmnist_lab.comparison.table_format import PublishedEntry, PublishedTable
from fmnist_lab.comparison.verdict_statistics import Comparison, compare_family, explained
from fmnist_lab.results.factors import as_text, display


def assess_table(
    table: PublishedTable, samples: Samples, settings: Sequence[Sample | None], changed: str = ""
) -> pd.DataFrame:
    """Compare each number of a published table with its runs; return one row per number, in the order of the file.

    Args:
        samples: the runs.
        settings: for each number all settings of its runs; None if it is not testable.
        changed: how the settings differ from those of the table; added to the note of every row.

    Returns:
        Columns number (its name), metric, unit, published, published_runs, published_sd, reading_error, margin, mark
        (its basis), measured (mean), low, high (prediction interval), difference, half_width, detectable, n, p
        (corrected for the table), verdict, reason, note.
    """
    entries = table.entries
    testable = [(entry, sample) for entry, sample in zip(entries, settings, strict=True) if sample is not None]
    found = iter(
        compare_family(
            [entry.published for entry, _ in testable],
            [samples.measure(_at(entry, sample), entry.metric).to_numpy() for entry, sample in testable],
        )
    )
    rows = [
        _row(entry, name, Comparison("not testable", entry.not_testable, 0), "")
        if sample is None
        else _row(entry, name, next(found), samples.failure_note(sample))
        for entry, name, sample in zip(entries, entry_names(entries), settings, strict=True)
    ]
    notes = ["; ".join(filter(None, [changed, entry.note])) for entry in entries]
    return pd.DataFrame(rows).assign(note=notes).astype({"n": "Int64"})


def entry_names(entries: Sequence[PublishedEntry]) -> list[str]:
    """Return a name for each entry: its own, or the settings that differ between the entries."""
    texts = [{key: display(as_text(value)) for key, value in entry.settings.items()} for entry in entries]
    keys = dict.fromkeys(key for text in texts for key in text)
    varied = [key for key in keys if len({text.get(key) for text in texts}) > 1]
    return [
        entry.name or ", ".join(f"{key.rpartition('.')[2]} {text[key]}" for key in varied if key in text) or "all rows"
        for entry, text in zip(entries, texts, strict=True)
    ]


def _row(entry: PublishedEntry, name: str, found: Comparison, failure_note: str) -> dict[str, Any]:
    published = entry.published
    measured = published.value + found.difference
    return {
        "number": name,
        "metric": entry.metric if entry.at_epoch is None else f"{entry.metric} at epoch {entry.at_epoch}",
        "unit": entry.unit,
        "published": published.value,
        "published_runs": published.runs,
        "published_sd": math.nan if published.sd is None else published.sd,
        "reading_error": published.reading_error,
        "margin": published.margin,
        "mark": entry.basis,
        "measured": measured,
        "low": measured - found.half_width,
        "high": measured + found.half_width,
        "difference": found.difference,
        "half_width": found.half_width,
        "detectable": found.detectable,
        "n": found.n,
        "p": found.p,
        "verdict": explained(found.verdict, entry.fitted),
        "reason": "; ".join(filter(None, [found.reason, failure_note])),
    }


def _at(entry: PublishedEntry, sample: Sample) -> Sample:
    return sample if entry.at_epoch is None else {**sample, "at": entry.at_epoch}
