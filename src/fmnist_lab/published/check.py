"""Anybody's table of published numbers, as a YAML file: what was printed, and the settings that it was printed for.

docs/your-own-table.md describes the format. The tables that this package carries are files of the same kind.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from fmnist_lab.errors import InputError
from fmnist_lab.published.reading import each, known_mark, one_of, parse_plain, printable
from fmnist_lab.published.verdict import MARGIN, Published

LARGEST = 200_000  # bytes of a file
LONGEST_TEXT = 500  # signs

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

# The keys of a row beside its settings; any of them may stand above the rows as well, for all of them.
ROW_KEYS = (
    "published",
    "metric",
    "at_epoch",
    "runs",
    "sd",
    "reading_error",
    "margin",
    "mark",
    "fitted",
    "name",
    "note",
    "not_testable",
)

Setting = str | int | float | bool | None | list[Any]


@dataclass(frozen=True)
class CheckedCell:
    """A published number, and the settings of the runs that it is compared with: configuration keys, or groups.

    `at_epoch` is None for the end of a run. `fitted` says that the settings were chosen to fit the number. Where
    `not_testable` says why no run can judge it, there need be no settings.
    """

    name: str
    settings: Mapping[str, Setting]
    metric: str
    published: Published
    at_epoch: int | None
    mark: str
    fitted: bool
    note: str
    not_testable: str

    @property
    def unit(self) -> str:
        return METRICS[self.metric]


@dataclass(frozen=True)
class Check:
    """A table of published numbers; `name` is that of its file, and `text` what the file says."""

    name: str
    title: str
    source: str
    cells: tuple[CheckedCell, ...]
    text: str


def shipped() -> dict[str, str]:
    """The tables that this package carries: the text of each by its name."""
    folder = resources.files(__package__).joinpath("tables")
    files = sorted(folder.iterdir(), key=lambda file: file.name)
    return {Path(file.name).stem: file.read_text(encoding="utf-8") for file in files if file.name.endswith(".yaml")}


def read_check(file: str, settings: Collection[str]) -> Check:
    """The table in a file, or the one of that name that this package carries.

    Args:
        settings: the names that a run's settings can have.

    Raises InputError, in one line that names the row and the key, at the first entry that is not as it should be.
    """
    carried = shipped()
    if file in carried:
        return parse_check(file, carried[file], settings, f"{file}.yaml")
    return parse_check(
        Path(file).stem,
        _decoded(file, f"it should be a YAML file, or one of {', '.join(carried)}"),
        settings,
        Path(file).name,
    )


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


def parse_check(name: str, text: str, settings: Collection[str], where: str) -> Check:
    """The table in a YAML text; errors begin with `where`, and are as `read_check` says."""
    return parse_plain(where, text, lambda **entries: _check(name, text, settings, **entries))


def headings(name: str, text: str) -> tuple[str, str]:
    """The title and the source of a table."""
    return parse_plain(name, text, lambda title, source, **_: (str(title), str(source)))


def _check(
    name: str,
    text: str,
    known: Collection[str],
    /,
    *,
    title: Any = None,
    source: Any = None,
    rows: Any = None,
    **common: Any,
) -> Check:
    words = {"title": title, "source": source}
    title, source = each(words, _required).values()
    if not isinstance(rows, list) or not rows:
        raise ValueError("rows: should be a list with a row for each published number")
    _row_keys(common, known)
    numbered = {f"row {place}": row for place, row in enumerate(rows, start=1)}
    cells = each(numbered, lambda _, row: _cell(common, row, known))
    return Check(name, title, source, tuple(cells.values()), text)


def _cell(common: Mapping[str, Any], row: Any, known: Collection[str]) -> CheckedCell:
    if not isinstance(row, dict):
        raise ValueError(f"{_shown(row)} should have keys, such as published: 0.87")
    _row_keys(row, known)
    told = {**common, **row}
    settings = {key: _setting(key, value) for key, value in told.items() if key in known}
    return _made(settings, **{key: value for key, value in told.items() if key not in known})


def _made(
    settings: Mapping[str, Setting],
    /,
    *,
    published: Any = None,
    metric: Any = "test_accuracy",
    runs: Any = 1,
    sd: Any = None,
    reading_error: Any = 0.0,
    margin: Any = None,
    at_epoch: Any = None,
    mark: Any = "stated",
    fitted: Any = False,
    name: Any = "",
    note: Any = "",
    not_testable: Any = "",
) -> CheckedCell:
    unit = METRICS[one_of("metric", _text("metric", metric), METRICS)]
    if published is None:
        raise ValueError("published: is missing; it should be the number that was printed")
    if at_epoch is not None and metric not in OF_EPOCHS:
        raise ValueError(
            f"at_epoch={at_epoch}: {metric} is known at the end of a run only, {', '.join(OF_EPOCHS)} at any epoch"
        )
    number = Published(
        _measured("published", published, unit),
        _whole("runs", runs),
        None if sd is None else _above("sd", sd),
        0.0 if reading_error == 0 and type(reading_error) in (int, float) else _above("reading_error", reading_error),
        MARGINS[unit] if margin is None else _above("margin", margin),
    )
    if type(fitted) is not bool:
        raise ValueError(f"fitted={_shown(fitted)}: should be true or false")
    return CheckedCell(
        _text("name", name),
        settings,
        metric,
        number,
        None if at_epoch is None else _whole("at_epoch", at_epoch),
        known_mark(_text("mark", mark)),
        fitted,
        _text("note", note),
        _text("not_testable", not_testable),
    )


def _row_keys(keys: Collection[str], known: Collection[str]) -> None:
    for key in keys:
        if key not in ROW_KEYS and key not in known:
            near = difflib.get_close_matches(str(key), [*ROW_KEYS, *known], n=1)
            hint = f"did you mean {near[0]}?" if near else "docs/your-own-table.md lists them all"
            raise ValueError(f"{_shown(key)}: there is no such key; {hint}")


def _setting(key: str, value: Any) -> Setting:
    """A value that a configuration key may have: what it must be beyond that, its schema says."""
    parts = value if isinstance(value, list) else [value]
    for part in parts:
        plain = part is None or type(part) in (bool, int) or (type(part) is float and math.isfinite(part))
        if not plain and not (isinstance(part, str) and re.fullmatch(r"[\w.+-]+", part, re.ASCII)):
            raise ValueError(f"{key}={_shown(value)}: should be a number, a word, or a list of them")
    return value  # type: ignore[no-any-return]


def _measured(key: str, value: Any, unit: str) -> float:
    if isinstance(value, list):
        raise ValueError(f"{key}={_shown(value)}: should be one number; each number has a row of its own")
    percent = re.fullmatch(r"([0-9.]+) *%", value) if isinstance(value, str) else None
    if unit == "accuracy":
        accuracy = float(percent[1]) if percent else value
        if type(accuracy) in (int, float) and 1 < accuracy <= 100:
            hint = f"{accuracy / 100:.6g} if {accuracy:g} % is meant"
            raise ValueError(f"{key}={_shown(value)}: should be an accuracy from 0 to 1; {hint}")
        if type(value) not in (int, float) or not 0 <= value <= 1:
            raise ValueError(f"{key}={_shown(value)}: should be an accuracy, a number from 0 to 1")
    elif type(value) not in (int, float) or not 0 <= value < math.inf:
        raise ValueError(f"{key}={_shown(value)}: should be a loss, a number of at least 0")
    return float(value)


def _above(key: str, value: Any) -> float:
    if type(value) not in (int, float) or not 0 < value < math.inf:
        raise ValueError(f"{key}={_shown(value)}: should be a number above 0")
    return float(value)


def _whole(key: str, value: Any) -> int:
    if type(value) is not int or not 1 <= value <= 10**9:
        raise ValueError(f"{key}={_shown(value)}: should be a whole number of at least 1")
    return value


def _required(key: str, value: Any) -> str:
    if value is None or value == "":
        raise ValueError("should be a text, which the table bears")
    return _text(key, value)


def _text(key: str, value: Any) -> str:
    if isinstance(value, bool | list | dict) or value is None:
        raise ValueError(f"{key}={_shown(value)}: should be a text")
    text = " ".join(str(value).split())
    if not text.isprintable() or len(text) > LONGEST_TEXT:
        raise ValueError(f"{key}={_shown(text)}: should be a text of at most {LONGEST_TEXT} printable signs")
    return text


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
