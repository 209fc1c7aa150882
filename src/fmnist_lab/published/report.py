"""The report's figures, tables and settings: report.yaml, typed and checked."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, NamedTuple, TypeVar

import yaml

from fmnist_lab.errors import InputError

MARKS = ("stated", "digitised", "author's code", "inferred")
EPOCHS = 10

Built = TypeVar("Built")


@dataclass(frozen=True)
class Fact:
    """A setting or definition of the report; `value` is a mapping from model where the models differ.

    `mark`, here and below, is one of MARKS: it says how the value is known.
    """

    value: Any
    mark: str
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """A printed figure: `series[metric][model]` has a value for each epoch.

    They are read off the plot, with an error of `reading_error[metric]` at most.
    """

    id: str
    mark: str
    lr: float
    reading_error: Mapping[str, float]
    series: Mapping[str, Mapping[str, tuple[float, ...]]]


class Cell(NamedTuple):
    """What a table prints for one model: a fraction of the test images, and wall-clock seconds."""

    test_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Row:
    """A network of a table: the widths of its hidden layers as printed, and a cell for each model."""

    hidden: tuple[int, ...]
    cells: Mapping[str, Cell]
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A printed table: a row for each network, all trained at one learning rate."""

    id: str
    mark: str
    lr: float
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Report:
    """What the report printed (figures and tables by their id), and what is known of how it was made."""

    source: str
    settings: Mapping[str, Fact]
    definitions: Mapping[str, Fact]
    figures: Mapping[str, Figure]
    tables: Mapping[str, Table]


def load_report() -> Report:
    """The report as this package carries it."""
    return parse_report(resources.files(__package__).joinpath("report.yaml").read_text(encoding="utf-8"))


def parse_report(text: str) -> Report:
    """The report from YAML. Raises InputError at the first entry that is not as it should be."""
    try:
        return _report(**yaml.safe_load(text))
    except (yaml.YAMLError, TypeError, ValueError) as error:
        raise InputError(f"published/report.yaml: {' '.join(str(error).split())}") from error


# Each function below reads one kind of entry; its keywords are the keys that the entry has to have.


def _report(*, source: str, settings: Any, definitions: Any, figures: Any, tables: Any) -> Report:
    return Report(
        source,
        settings=_each(settings, lambda _, entry: _fact(**entry)),
        definitions=_each(definitions, lambda _, entry: _fact(**entry)),
        figures=_each(figures, lambda id, entry: _figure(id, **entry)),
        tables=_each(tables, lambda id, entry: _table(id, **entry)),
    )


def _fact(*, value: Any, mark: str, note: str = "") -> Fact:
    return Fact(value, _checked(mark), note)


def _figure(id: str, *, mark: str, lr: Any, reading_error: Any, validation_accuracy: Any, training_loss: Any) -> Figure:
    series = {
        "validation_accuracy": _by_model(_accuracies, **validation_accuracy),
        "training_loss": _by_model(_losses, **training_loss),
    }
    errors = _each(reading_error, lambda _, error: _number(error))
    if errors.keys() != series.keys():
        raise ValueError(f"reading_error has {', '.join(errors)}: should have {', '.join(series)}")
    return Figure(id, _checked(mark), _number(lr), errors, series)


def _table(id: str, *, mark: str, lr: Any, rows: Any) -> Table:
    read = _each(dict(enumerate(rows, start=1)), lambda _, entry: _row(**entry))
    return Table(id, _checked(mark), _number(lr), tuple(read.values()))


def _row(*, hidden: Any, custom: Any, torch: Any, note: str = "") -> Row:
    if not all(type(width) is int and width > 0 for width in hidden):
        raise ValueError(f"hidden={hidden}: should be a list of widths")
    return Row(tuple(hidden), _by_model(_cell, custom=custom, torch=torch), note)


def _by_model(build: Callable[[Any], Built], *, custom: Any, torch: Any) -> dict[str, Built]:
    return _each({"custom": custom, "torch": torch}, lambda _, entry: build(entry))


def _cell(entry: Any) -> Cell:
    accuracy, seconds = entry
    return Cell(_number(accuracy, largest=1.0), _number(seconds))


def _accuracies(entry: Any) -> tuple[float, ...]:
    return _curve(entry, largest=1.0)


def _losses(entry: Any) -> tuple[float, ...]:
    return _curve(entry, largest=math.inf)


def _curve(entry: Any, largest: float) -> tuple[float, ...]:
    if len(entry) != EPOCHS:
        raise ValueError(f"has {len(entry)} values: should have one for each of the {EPOCHS} epochs")
    return tuple(_number(value, largest) for value in entry)


def _number(value: Any, largest: float = math.inf) -> float:
    if type(value) not in (int, float) or not 0 < value <= largest:
        raise ValueError(f"{value!r} should be a number above 0 and at most {largest:g}")
    return float(value)


def _checked(mark: str) -> str:
    if mark not in MARKS:
        raise ValueError(f"mark={mark}: should be one of {', '.join(MARKS)}")
    return mark


def _each(entries: Any, build: Callable[[str, Any], Built]) -> dict[str, Built]:
    """What `build` makes of each entry and its key; an error is told with the key in front of it."""
    built = {}
    for key, entry in dict(entries).items():
        try:
            built[key] = build(key, entry)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{key}: {error}") from error
    return built
