"""Read a table of published numbers from a YAML file: each number with the settings that it was printed for.

docs/your-own-table.md describes the format. The tables of this package are files of the same format.
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
from fmnist_lab.comparison.verdict_statistics import MARGIN, Published
from fmnist_lab.errors import InputError

LARGEST = 200_000  # bytes of a file
LONGEST_TEXT = 500  # characters
MOST = 10**9  # the largest whole number allowed

# What can be measured of a run, with its unit: after the last epoch, and for OF_EPOCHS after any epoch.
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
    """A published number, and the settings (configuration keys or groups) of the runs that it is compared with.

    `at_epoch` is None for the end of a run. `basis` is one of KNOWN_BASES. `fitted` means that the settings were chosen
    to fit the number. `name` may be empty. If `not_testable` is not empty, it is the reason why no run can test the
    number; then the settings may be empty.
    """

    settings: Mapping[str, Setting]
    published: Published
    metric: str
    at_epoch: int | None = None
    basis: str = "stated"
    fitted: bool = False
    name: str = ""
    note: str = ""
    not_testable: str = ""

    @property
    def unit(self) -> str:
        """Return `accuracy` or `loss`."""
        return METRICS[self.metric]


@dataclass(frozen=True)
class PublishedTable:
    """A table of published numbers, with the `text` of its file."""

    file: str
    title: str
    source: str
    entries: tuple[PublishedEntry, ...]
    text: str

    @property
    def name(self) -> str:
        """Return the name of the file without its ending."""
        return Path(self.file).stem


def shipped() -> dict[str, str]:
    """Return the texts of the tables in this package, by name."""
    folder = resources.files(__package__).joinpath("tables")
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {Path(file.name).stem: file.read_text(encoding="utf-8") for file in files if file.name.endswith(".yaml")}


def read_table(file: str, settings: Collection[str]) -> PublishedTable:
    """Return the table in a file, or the table of this package with that name.

    Raises InputError, in one line that names row and key, for the first wrong entry.

    Args:
        settings: the configuration keys and groups that a row may have.
    """
    own = shipped()
    if file in own:
        return parse_table(f"{file}.yaml", own[file], settings)
    text = _decoded(file, f"it should be a YAML file, or one of {', '.join(own)}")
    return parse_table(Path(file).name, text, settings)


def _decoded(file: str, hint: str) -> str:
    """Return the text of a file. Raises InputError, with `hint`, unless it is UTF-8 of at most LARGEST bytes."""
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
    """Return the table in the text of `file`. Raises InputError like `read_table`."""
    return parse_plain(file, text, lambda **entries: _table(file, text, settings, **entries))


def headings(file: str, text: str) -> tuple[str, str]:
    """Return the title and the source in the text of a table."""
    return parse_plain(file, text, lambda title, source, **_: (str(title), str(source)))


# Each of these functions returns the value of a key if it is valid, or raises ValueError.


def _text(key: str, value: Any) -> str:
    if isinstance(value, bool | list | dict) or value is None:
        raise ValueError(f"{key}={_shown(value)}: should be a text")
    text = " ".join(str(value).split())
    if not text.isprintable() or len(text) > LONGEST_TEXT:
        raise ValueError(f"{key}={_shown(text)}: should be a text of at most {LONGEST_TEXT} printable characters")
    return text


def _metric(key: str, value: Any) -> str:
    return one_of(key, _text(key, value), METRICS)


def _basis(key: str, value: Any) -> str:
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
    """Return `value` if it is a word, a number or a list of them; the schema of the configuration checks the rest."""
    for item in value if isinstance(value, list) else [value]:
        word = isinstance(item, str) and re.fullmatch(r"[\w.+-]+", item, re.ASCII)
        if not (word or item is None or type(item) is bool or _is_number(item)):
            raise ValueError(f"{key}={_shown(value)}: should be a number, a word, or a list of them")
    return value  # type: ignore[no-any-return]


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= sys.float_info.max


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


# The keys of a row other than its settings. Above the rows, they apply to all of them.
READERS: dict[str, Callable[[str, Any], Any]] = {
    "metric": _metric,
    "at_epoch": _whole,
    "runs": _whole,
    "sd": _positive,
    "reading_error": _not_negative,
    "margin": _positive,
    "mark": _basis,
    "fitted": _yes_no,
    "name": _text,
    "note": _text,
    "not_testable": _text,
}
ROW_KEYS = ("published", *READERS)


def _table(
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
    title, source = _text("title", title), _text("source", source)
    if not isinstance(rows, list) or not rows:
        raise ValueError("rows: should be a list with a row for each published number")
    _refuse_unknown(common, known)
    numbered = {f"row {place}": row for place, row in enumerate(rows, start=1)}
    entries = tuple(each(numbered, lambda _, row: _entry(common, row, known)).values())
    _refuse_duplicates(entries)
    return PublishedTable(file, title, source, entries, text)


def _entry(common: Mapping[str, Any], row: Any, known: Collection[str]) -> PublishedEntry:
    if not isinstance(row, dict):
        raise ValueError(f"{_shown(row)}: should have keys, such as published: 0.87")
    _refuse_unknown(row, known)
    values = {"metric": "test_accuracy", **common, **row}
    settings = {key: _setting(key, value) for key, value in values.items() if key not in ROW_KEYS}
    own = {key: READERS[key](key, value) for key, value in values.items() if key in READERS and value is not None}
    fields = {"basis" if key == "mark" else key: value for key, value in own.items()}
    return PublishedEntry(settings, _published(fields, values.get("published")), **fields)


def _published(fields: dict[str, Any], value: Any) -> Published:
    """Return the number with its runs, sd, reading error and margin, which are removed from `fields`."""
    metric, at_epoch = fields["metric"], fields.get("at_epoch")
    if value is None:
        raise ValueError("published: is missing; it should be the number that was printed")
    if isinstance(value, list):
        raise ValueError(f"published={_shown(value)}: should be one number; each number has a row of its own")
    if at_epoch and metric not in OF_EPOCHS:
        raise ValueError(
            f"at_epoch={at_epoch}: {metric} is of the whole run; only {', '.join(OF_EPOCHS)} can be of an epoch"
        )
    read = _accuracy if METRICS[metric] == "accuracy" else _not_negative
    known = {key: fields.pop(key) for key in ("runs", "sd", "reading_error", "margin") if key in fields}
    return Published(read("published", value), **{"margin": MARGINS[METRICS[metric]], **known})


def _refuse_unknown(keys: Collection[str], known: Collection[str]) -> None:
    for key in keys:
        if key not in ROW_KEYS and key not in known:
            near = difflib.get_close_matches(key, [*ROW_KEYS, *known], n=1)
            hint = f"did you mean {near[0]}?" if near else "docs/your-own-table.md lists them all"
            raise ValueError(f"{_shown(key)}: there is no such key; {hint}")


def _refuse_duplicates(entries: Sequence[PublishedEntry]) -> None:
    seen: list[tuple[Any, ...]] = []
    for row, entry in enumerate(entries, start=1):
        subject = (entry.settings, entry.metric, entry.at_epoch, entry.name)
        if subject in seen:
            raise ValueError(f"row {row}: has the settings, metric and name of row {seen.index(subject) + 1}")
        seen.append(subject)
