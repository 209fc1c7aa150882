"""How the data files of this package are read: checked entry by entry, a wrong one told in one line."""

import math
from collections.abc import Callable, Collection
from importlib import resources
from typing import Any, TypeVar

import yaml

from fmnist_lab.errors import InputError

MARKS = ("stated", "digitised", "author's code", "inferred")

Built = TypeVar("Built")


def package_text(name: str) -> str:
    """A data file as this package carries it."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def parse(name: str, text: str, build: Callable[..., Built]) -> Built:
    """What `build` makes of the file's entries, given as keywords. Raises InputError at the first that is wrong."""
    try:
        return build(**yaml.safe_load(text))
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"published/{name}: {' '.join(str(error).split())}") from error


def each(entries: Any, build: Callable[[str, Any], Built]) -> dict[str, Built]:
    """What `build` makes of each entry and its key; an error is told with the key in front of it."""
    built = {}
    for key, entry in dict(entries).items():
        try:
            built[key] = build(key, entry)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{key}: {error}") from error
    return built


def number(value: Any, largest: float = math.inf) -> float:
    if type(value) not in (int, float) or not 0 < value <= largest:
        raise ValueError(f"{value!r} should be a number above 0 and at most {largest:g}")
    return float(value)


def known_mark(mark: str) -> str:
    return one_of("mark", mark, MARKS)


def one_of(name: str, value: str, known: Collection[str]) -> str:
    if value not in known:
        raise ValueError(f"{name}={value}: should be one of {', '.join(known)}")
    return value
