"""The figures, tables and settings of the report: report.yaml as dataclasses."""

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from fmnist_lab.comparison.parsing import Built, each, known_basis, number, package_text, parse

EPOCHS = 10


@dataclass(frozen=True)
class Fact:
    """A setting or definition of the report; `value` is a mapping by model where the models differ.

    `basis`, here and below, says how the value is known: stated, digitised, author's code or inferred.
    """

    value: Any
    basis: str
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """A printed figure: `series[metric][model]` has a value for each epoch.

    The values were read off the plot with an error of at most `reading_error[metric]`.
    """

    id: str
    basis: str
    lr: float
    reading_error: Mapping[str, float]
    series: Mapping[str, Mapping[str, tuple[float, ...]]]


class PrintedEntry(NamedTuple):
    """The values that a table prints for one model: a fraction of the test images, and wall-clock seconds."""

    test_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Row:
    """A network of a table: the widths of its hidden layers as printed, and an entry for each model.

    `unspecified`: it was trained at settings other than those of the table, which the report does not state.
    """

    hidden: tuple[int, ...]
    entries: Mapping[str, PrintedEntry]
    note: str = ""
    unspecified: bool = False


@dataclass(frozen=True)
class Table:
    """A printed table: one row for each network, all trained at one learning rate."""

    id: str
    basis: str
    lr: float
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Report:
    """The printed values of the report (figures and tables by id), and its settings as far as they are known."""

    source: str
    settings: Mapping[str, Fact]
    definitions: Mapping[str, Fact]
    figures: Mapping[str, Figure]
    tables: Mapping[str, Table]


@functools.cache
def load_report() -> Report:
    """Return the report that is part of this package."""
    return parse_report(package_text(__package__, "report.yaml"))


def parse_report(text: str) -> Report:
    """Return the report from YAML. Raises InputError for the first invalid entry."""
    return parse("report.yaml", text, _report)


def printed_title(id: str) -> str:
    """Return the title of a table or figure: `Table 1` for `table1`."""
    return f"{id.rstrip('0123456789').capitalize()} {id.lstrip('abcdefghijklmnopqrstuvwxyz')}"


# Each function below builds one kind of YAML entry; its keyword arguments are the keys of the entry.


def _report(*, source: str, settings: Any, definitions: Any, figures: Any, tables: Any) -> Report:
    return Report(
        source,
        settings=each(settings, lambda _, entry: _fact(**entry)),
        definitions=each(definitions, lambda _, entry: _fact(**entry)),
        figures=each(figures, lambda id, entry: _figure(id, **entry)),
        tables=each(tables, lambda id, entry: _table(id, **entry)),
    )


def _fact(*, value: Any, mark: str, note: str = "") -> Fact:
    return Fact(value, known_basis(mark), note)


def _figure(id: str, *, mark: str, lr: Any, reading_error: Any, validation_accuracy: Any, training_loss: Any) -> Figure:
    series = {
        "validation_accuracy": _by_model(_accuracies, **validation_accuracy),
        "training_loss": _by_model(_losses, **training_loss),
    }
    errors = each(reading_error, lambda _, error: number(error))
    if errors.keys() != series.keys():
        raise ValueError(f"reading_error has {', '.join(errors)}: should have {', '.join(series)}")
    return Figure(id, known_basis(mark), number(lr), errors, series)


def _table(id: str, *, mark: str, lr: Any, rows: Any) -> Table:
    read = each(dict(enumerate(rows, start=1)), lambda _, entry: _row(**entry))
    return Table(id, known_basis(mark), number(lr), tuple(read.values()))


def _row(*, hidden: Any, custom: Any, torch: Any, note: str = "", unspecified: bool = False) -> Row:
    if not all(type(width) is int and width > 0 for width in hidden):
        raise ValueError(f"hidden={hidden}: should be a list of widths")
    if unspecified and not note:
        raise ValueError(f"hidden={hidden}: should have a note that says why its settings are unspecified")
    return Row(tuple(hidden), _by_model(_printed_entry, custom=custom, torch=torch), note, unspecified)


def _by_model(build: Callable[[Any], Built], *, custom: Any, torch: Any) -> dict[str, Built]:
    return each({"custom": custom, "torch": torch}, lambda _, entry: build(entry))


def _printed_entry(entry: Any) -> PrintedEntry:
    accuracy, seconds = entry
    return PrintedEntry(number(accuracy, largest=1.0), number(seconds))


def _accuracies(entry: Any) -> tuple[float, ...]:
    return _curve(entry, largest=1.0)


def _losses(entry: Any) -> tuple[float, ...]:
    return _curve(entry, largest=math.inf)


def _curve(entry: Any, largest: float) -> tuple[float, ...]:
    if len(entry) != EPOCHS:
        raise ValueError(f"has {len(entry)} values: should have one for each of the {EPOCHS} epochs")
    return tuple(number(value, largest) for value in entry)
