"""Anybody's table of published numbers, as a YAML file: what was printed, and the settings that it was printed for.

docs/your-own-table.md describes the format. The tables that this package carries are files of the same kind.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from fmnist_lab.comparison.parsing import each, known_basis, one_of, parse_plain, printable
from fmnist_lab.comparison.statistics import MARGIN, Published
from fmnist_lab.errors import InputError

LARGEST = 200_000  # bytes of a file
LONGEST_TEXT = 500  # signs
MOST = 10**9  # of anything that is counted

# What can be measured of a run, and its unit: after the last epoch; those OF_EPOCHS after any.
METRICS = {
    "test_accuracy": "accuracy",
    "test_loss": "loss",
    "train_accuracy": "accuracy",
    "train_loss": "loss",
    "validation_accuracy": "accuracy",
    "validation_loss": "loss",
}
OF_EPOCHS = ("train_loss", "validation_accuracy", "validation_loss")
MARGINS = {"accuracy": MARGIN, "loss": 0.05}

Setting = str | int | float | bool | None | list[Any]


@dataclass(frozen=True)
class PublishedEntry:
    """A published number, and the settings of the runs that it is compared with: configuration keys, or groups.

    `name` is empty where the settings tell it from the others. `at_epoch` is None for the end of a run. `fitted` says
    that the settings were chosen to fit the number. Where `not_testable` says why no run can judge it, there need be
    no settings.
    """

    settings: Mapping[str, Setting]
    published: Published
    metric: str
    at_epoch: int | None = None
    mark: str = "stated"
    fitted: bool = False
    name: str = ""
    note: str = ""
    not_testable: str = ""

    @property
    def unit(self) -> str:
        return METRICS[self.metric]


@dataclass(frozen=True)
class PublishedTable:
    """A table of published numbers, and the `text` of its file."""

    file: str
    title: str
    source: str
    cells: tuple[PublishedEntry, ...]
    text: str

    @property
    def name(self) -> str:
        return Path(self.file).stem


def shipped() -> dict[str, str]:
    """The tables that this package carries: the text of each by its name."""
    folder = resources.files(__package__).joinpath("tables")
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {Path(file.name).stem: file.read_text(encoding="utf-8") for file in files if file.name.endswith(".yaml")}


def read_table(file: str, settings: Collection[str]) -> PublishedTable:
    """The table in a file, or the one of that name that this package carries.

    Args:
        settings: the names that a run's settings can have.

    Raises InputError, in one line that names the row and the key, at the first entry that is not as it should be.
    """
    carried = shipped()
    if file in carried:
        return parse_table(f"{file}.yaml", carried[file], settings)
    text = _decoded(file, f"it should be a YAML file, or one of {', '.join(carried)}")
    return parse_table(Path(file).name, text, settings)


def _decoded(file: str, hint: str) -> str:
    """The text of a file from anywhere."""
    shown = printable(file)
    try:
        if not Path(file).is_file():
            raise InputError(f"{shown}: there is no such file; {hint}")
        with Path(file).open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"{shown}: cannot be read ({error.strerror}); {hint}") from None
    if len(content) > LARGEST:
        raise InputError(f"{shown}: is too large; a table has at most {LARGEST} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{shown}: should be a text in UTF-8 (byte {error.start} is not)") from None


def parse_table(file: str, text: str, settings: Collection[str]) -> PublishedTable:
    """The table in the text of `file`. Raises InputError as `read_table` does."""
    return parse_plain(file, text, lambda **entries: _check(file, text, settings, **entries))


def headings(file: str, text: str) -> tuple[str, str]:
    """The title and the source of a table."""
    return parse_plain(file, text, lambda title, source, **_: (str(title), str(source)))


# What the keys of an entry have to be: each function gives the value, or raises ValueError.


def _text(key: str, value: Any) -> str:
    if isinstance(value, bool | list | dict) or value is None:
        raise ValueError(f"{key}={_shown(value)}: should be a text")
    text = " ".join(str(value).split())
    if not text.isprintable() or len(text) > LONGEST_TEXT:
        raise ValueError(f"{key}={_shown(text)}: should be a text of at most {LONGEST_TEXT} printable signs")
    return text


def _metric(key: str, value: Any) -> str:
    return one_of(key, _text(key, value), METRICS)


def _mark(key: str, value: Any) -> str:
    return known_basis(_text(key, value))


def _yes_no(key: str, value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError(f"{key}={_shown(value)}: should be true or false")
    return value


def _whole(key: str, value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MOST:
        raise ValueError(f"{key}={_shown(value)}: should be a whole number of at least 1")
    return value


def _positive(key: str, value: Any) -> float:
    if not _is_number(value) or not value > 0:
        raise ValueError(f"{key}={_shown(value)}: should be a number above 0")
    return float(value)


def _not_negative(key: str, value: Any) -> float:
    if not _is_number(value) or not value >= 0:
        raise ValueError(f"{key}={_shown(value)}: should be a number of at least 0")
    return float(value)


def _accuracy(key: str, value: Any) -> float:
    percent = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *%", value) if isinstance(value, str) else None
    accuracy = float(percent[1]) if percent else value
    if _is_number(accuracy) and (percent or accuracy > 1):
        hint = f"; {accuracy / 100:.6g} if {accuracy:g} % is meant" if accuracy <= 100 else ""
        raise ValueError(f"{key}={_shown(value)}: should be an accuracy, a number from 0 to 1{hint}")
    if not _is_number(value) or value < 0:
        raise ValueError(f"{key}={_shown(value)}: should be an accuracy, a number from 0 to 1")
    return float(value)


def _setting(key: str, value: Any) -> Setting:
    """A value that a configuration key may have: what it must be beyond that, its schema says."""
    for part in value if isinstance(value, list) else [value]:
        word = isinstance(part, str) and re.fullmatch(r"[\w.+-]+", part, re.ASCII)
        if not (word or part is None or type(part) is bool or _is_number(part)):
            raise ValueError(f"{key}={_shown(value)}: should be a number, a word, or a list of them")
    return value  # type: ignore[no-any-return]


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


# The keys of a row beside its settings. Any of them may stand above the rows as well, for all of them.
READ: dict[str, Callable[[str, Any], Any]] = {
    "metric": _metric,
    "at_epoch": _whole,
    "runs": _whole,
    "sd": _positive,
    "reading_error": _not_negative,
    "margin": _positive,
    "mark": _mark,
    "fitted": _yes_no,
    "name": _text,
    "note": _text,
    "not_testable": _text,
}
ROW_KEYS = ("published", *READ)


def _check(
    file: str,
    text: str,
    known: Collection[str],
    /,
    *,
    title: Any = None,
    source: Any = None,
    rows: Any = None,
    **common: Any,
) -> PublishedTable:
    words = {key: _text(key, value) for key, value in (("title", title), ("source", source))}
    if not isinstance(rows, list) or not rows:
        raise ValueError("rows: should be a list with a row for each published number")
    _refuse_unknown(common, known)
    numbered = {f"row {place}": row for place, row in enumerate(rows, start=1)}
    cells = each(numbered, lambda _, row: _cell(common, row, known))
    _refuse_twins(list(cells.values()))
    return PublishedTable(file, words["title"], words["source"], tuple(cells.values()), text)


def _cell(common: Mapping[str, Any], row: Any, known: Collection[str]) -> PublishedEntry:
    if not isinstance(row, dict):
        raise ValueError(f"{_shown(row)}: should have keys, such as published: 0.87")
    _refuse_unknown(row, known)
    told = {"metric": "test_accuracy", **common, **row}
    settings = {key: _setting(key, value) for key, value in told.items() if key not in ROW_KEYS}
    own = {key: READ[key](key, value) for key, value in told.items() if key in READ and value is not None}
    return PublishedEntry(settings, _published(own, told.get("published")), **own)


def _published(own: dict[str, Any], value: Any) -> Published:
    """The number, with what is known of it, which is taken out of `own`."""
    metric, at_epoch = own["metric"], own.get("at_epoch")
    if value is None:
        raise ValueError("published: is missing; it should be the number that was printed")
    if isinstance(value, list):
        raise ValueError(f"published={_shown(value)}: should be one number; each number has a row of its own")
    if at_epoch and metric not in OF_EPOCHS:
        raise ValueError(
            f"at_epoch={at_epoch}: {metric} is of the whole run; of an epoch there are {', '.join(OF_EPOCHS)}"
        )
    read = _accuracy if METRICS[metric] == "accuracy" else _not_negative
    known = {key: own.pop(key) for key in ("runs", "sd", "reading_error", "margin") if key in own}
    return Published(read("published", value), **{"margin": MARGINS[METRICS[metric]], **known})


def _refuse_unknown(keys: Collection[str], known: Collection[str]) -> None:
    for key in keys:
        if key not in ROW_KEYS and key not in known:
            near = difflib.get_close_matches(key, [*ROW_KEYS, *known], n=1)
            hint = f"did you mean {near[0]}?" if near else "docs/your-own-table.md lists them all"
            raise ValueError(f"{_shown(key)}: there is no such key; {hint}")


def _refuse_twins(cells: Sequence[PublishedEntry]) -> None:
    seen: list[tuple[Any, ...]] = []
    for row, cell in enumerate(cells, start=1):
        place = (cell.settings, cell.metric, cell.at_epoch, cell.name)
        if place in seen:
            raise ValueError(f"row {row}: has the settings, metric and name of row {seen.index(place) + 1}")
        seen.append(place)
