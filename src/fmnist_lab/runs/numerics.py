"""Which numerics a run has: the stamp of this version, or the digest of its source code where that was edited.

Versions with the same stamp give the same numbers, up to rounding. The digest stored with the stamp is that of the code
for which this was tested; `scripts/maintenance/renew_numerics.py` tests it again and stores both.
"""

from __future__ import annotations

import ast
import io
import json
import tokenize
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from fmnist_lab.runs.files import sha256

PACKAGE = Path(__file__).parents[1]
STORED = Path(__file__).with_name("numerics.json")

# The source that computes a result: models, training loop, splits, scaling, decoding, and what a run draws and fits.
SOURCES = ("models/*.py", "training.py", "data/dataset.py", "data/source.py", "runs/run.py")

Span = tuple[tuple[int, int], tuple[int, int]]  # begin and end in a text, each a line from 1 and a column from 0


@cache
def numerics() -> int | str:
    """Return the stored stamp, or the digest of the source where it differs from the stored one."""
    pair: dict[str, Any] = json.loads(STORED.read_text("utf-8"))
    stamp: int = pair["stamp"]
    # Most often the files are those of the version to the letter, and 40 ms are saved.
    if pair["text"] == digest(PACKAGE, str):
        return stamp
    source = digest(PACKAGE, bare)
    return stamp if pair["source"] == source else source


def current(stamp: int) -> dict[str, int | str]:
    """Return what is to be stored with this stamp: the digests of the source as it is, bare and to the letter."""
    return {"stamp": stamp, "source": digest(PACKAGE, bare), "text": digest(PACKAGE, str)}


def digest(package: Path, form: Callable[[str], str]) -> str:
    """Return the SHA-256 of the names and texts of `SOURCES`, each text in the form that `form` returns."""
    paths = sorted(path for pattern in SOURCES for path in package.glob(pattern))
    texts = [f"{path.relative_to(package).as_posix()}\n{form(path.read_text('utf-8'))}\n" for path in paths]
    return sha256("".join(texts).encode())


def bare(source: str) -> str:
    """Return Python source without comments, docstrings, blank lines and spaces at the end of lines."""
    lines = source.split("\n")
    for (first, begin), (last, end) in sorted([*_comments(source), *_docstrings(source, lines)], reverse=True):
        lines[first - 1 : last] = [lines[first - 1][:begin] + lines[last - 1][end:]]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _comments(source: str) -> list[Span]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [(token.start, token.end) for token in tokens if token.type == tokenize.COMMENT]


def _docstrings(source: str, lines: list[str]) -> list[Span]:
    """Return the spans of strings that are a statement of their own: docstrings, also those below constants."""
    statements = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Expr)]
    strings = [node for node in statements if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [
        (_position(lines, node.lineno, node.col_offset), _position(lines, node.end_lineno, node.end_col_offset))
        for node in strings
    ]


def _position(lines: list[str], line: int | None, offset: int | None) -> tuple[int, int]:
    """Return line and column of a position from `ast`, which counts bytes."""
    assert line is not None
    return line, len(lines[line - 1].encode()[:offset].decode())
