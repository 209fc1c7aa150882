"""Read YAML files of published numbers: every entry is validated, and a wrong one gives an error of one line."""

import math
import re
from collections.abc import Callable, Collection
from importlib import resources
from typing import Any, TypeVar

import yaml

from fmnist_lab.errors import InputError

# How a printed value is known; the key of the YAML files for it is `mark`.
KNOWN_BASES = ("stated", "digitised", "author's code", "inferred")

# Exceptions that a wrong file causes; the last one for lists nested too deeply.
WRONG = (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError, RecursionError)
LONGEST = 300  # characters of an error message

Built = TypeVar("Built")


def package_text(package: str, name: str) -> str:
    """Return the text of a data file of `package`."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def parse(name: str, text: str, build: Callable[..., Built]) -> Built:
    """Return `build` called with the file's entries as keywords. Raises InputError for the first wrong entry."""
    try:
        return build(**yaml.safe_load(text))
    except WRONG as error:
        raise InputError(f"reproduction/{name}: {one_line(error)}") from error


def parse_plain(name: str, text: str, build: Callable[..., Built]) -> Built:
    """Return what `parse` returns, for a file from a user: only texts, numbers, lists and mappings are allowed.

    Raises InputError with one line that begins with `name`.
    """
    try:
        entries = yaml.load(text, _PlainLoader)  # noqa: S506 (this loader makes only plain objects)
        if not isinstance(entries, dict):
            raise ValueError("it should have keys, such as title and rows")
        return build(**{str(key): entry for key, entry in entries.items()})
    except WRONG as error:
        raise InputError(f"{printable(name)}: {one_line(error)}") from error


class _PlainLoader(yaml.SafeLoader):
    """A loader with the core types of YAML 1.2, in which 1e-3 is a number and a date is a text.

    It refuses tags, anchors, aliases (which could multiply the size) and repeated keys.
    """

    yaml_implicit_resolvers = {}  # noqa: RUF012 (PyYAML needs it)

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or event.anchor or event.tag not in (None, "!"):
            raise ValueError(f"line {event.start_mark.line + 1}: anchors, aliases and tags (& * !) are not allowed")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value if isinstance(key, yaml.ScalarNode) else None for key, _ in node.value]
        for place, (key, _) in enumerate(node.value):
            if not isinstance(key, yaml.ScalarNode):
                raise ValueError(f"line {key.start_mark.line + 1}: a key should be a word")
            if key.value in keys[:place]:
                raise ValueError(f"line {key.start_mark.line + 1}: {key.value}: appears twice")
        return dict(super().construct_mapping(node, deep))


for _tag, _words, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _PlainLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_words})$"), _first)
_PlainLoader.add_constructor("tag:yaml.org,2002:int", lambda _, node: int(node.value))
_PlainLoader.add_constructor("tag:yaml.org,2002:float", lambda _, node: float(node.value))


def one_line(error: object) -> str:
    """Return the message of an error as one line of at most LONGEST printable characters."""
    text = printable(" ".join(str(error).split()))
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def printable(text: str) -> str:
    """Return `text` with a question mark for each control character, which could change the terminal's state."""
    return "".join(char if char.isprintable() else "?" for char in text)


def each(entries: Any, build: Callable[[str, Any], Built]) -> dict[str, Built]:
    """Return `build(key, entry)` for each entry. Raises ValueError that begins with the key of a wrong entry."""
    built = {}
    for key, entry in dict(entries).items():
        try:
            built[key] = build(key, entry)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{key}: {error}") from error
    return built


def number(value: Any, largest: float = math.inf) -> float:
    """Return `value` as a float. Raises ValueError unless it is a number above 0 and at most `largest`."""
    if type(value) not in (int, float) or not 0 < value <= largest:
        raise ValueError(f"{value!r} should be a number above 0 and at most {largest:g}")
    return float(value)


def known_basis(basis: str) -> str:
    """Return `basis` if it is one of KNOWN_BASES. Raises ValueError, which names the key of the file, `mark`."""
    return one_of("mark", basis, KNOWN_BASES)


def one_of(name: str, value: str, known: Collection[str]) -> str:
    """Return `value` if it is in `known`. Raises ValueError, which names the key `name`."""
    if value not in known:
        raise ValueError(f"{name}={value}: should be one of {', '.join(known)}")
    return value
