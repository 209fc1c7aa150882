"""Every identifier that src/ defines uses the project's words: those that were replaced do not come back.

An identifier is split at underscores and capitals, and each of its words is compared as a whole. Sentences are not
checked.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.paths import ROOT

SOURCES = sorted((ROOT / "src").rglob("*.py"))

# What was replaced, with the name that took its place.
REPLACED = {
    "report reports reported reporting": "results (what we write), reproduction; the report is the document",
    "paper papers": "the page, or reproduction",
    "door doors": "cli",
    "answer answers": "error messages",
    "composition": "compose",
    "settle settles settled": "bind_to_machine",
    "obey obeys obeyed rule rules": "Constraint",
    "check checks checked": "compare (a table), predictions (of the saddle); settings are checked in config/",
    "judge judges judged judgement judgements": "assess, Assessment",
    "housekeeping younger": "metadata of the field",
    "conduct conducts study studies": "run_sweep, run_experiments",
    "engine engines": "launcher",
    "reading readings": "candidate network, or parsing",
    "elsewhere": "other published tables",
    "part parts": "Subset (of the data), assertion (of a claim), block (of a page)",
    "fate fates": "failure note",
    "mark marks": "basis",
    "untold": "unspecified",
    "cell cells": "entry",
    "rival rivals": "model",
    "start starts": "initialization",
    "voice": "log, or print",
    "say says said tell tells told tellable": "the noun itself: message, words, text; has_outcome",
    "anew": "again",
    "its": "the noun itself: runs, rows",
    "mend heed": "repair, handle",
    "house floor floors wall walls": "architecture, layer, import rule",
}
INSTEAD = {word: instead for words, instead in REPLACED.items() for word in words.split()}

# Identifiers that use such a word in another sense: the file or folder below src/fmnist_lab, the identifier as a
# regular expression, and the sense.
ALLOWED = (
    ("", r"reading_error", "the error of a value that was read off a figure"),
    ("", r"start", "the time when something began"),
    ("config/", r"_?check\w*", "the check of settings"),
    ("cli/exit_status.py", r"check|check_string|_check_help", "the names of a method of argparse and of its argument"),
    ("saddle/config.py", r"checks", "the key of the command, on which users rely"),
    ("reproduction/", r"mark", "the key of report.yaml and claims.yaml, on which their readers rely"),
    ("reproduction/", r"report|Report|load_report|parse_report|_report|at_report", "the document that is reproduced"),
    ("audit/", r"report", "the document that is reproduced"),
)


def is_allowed(path: Path, identifier: str) -> bool:
    place = path.relative_to(ROOT / "src").as_posix().removeprefix("fmnist_lab/")
    return any(place.startswith(where) and re.fullmatch(name, identifier) for where, name, _ in ALLOWED)


def words(identifier: str) -> list[str]:
    """Split an identifier at underscores, digits and camel case, in small letters."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)]


def defined(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of each class, function, argument, variable, attribute and alias that a module defines."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.alias(asname=str(name)):
                yield node.lineno, name
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name
            case _:
                pass


def replaced_words(path: Path, text: str) -> list[str]:
    """Return a line for each identifier of a module, its own name included, that uses a word that was replaced."""
    name = path.parent.name if path.stem == "__init__" else path.stem
    identifiers = sorted({(1, name), *defined(ast.parse(text))})
    return [
        f"{path.relative_to(ROOT).as_posix()}:{line}: {identifier}: not {word!r} but {INSTEAD[word]}"
        for line, identifier in identifiers
        if not is_allowed(path, identifier)
        for word in words(identifier)
        if word in INSTEAD
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT / "src").as_posix())
def test_no_identifier_uses_a_word_that_was_replaced(path):
    assert replaced_words(path, path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        "class RunVoice: pass",
        "def judge_claim(): pass",
        "def run(*, told=1): pass",
        "run = lambda its: 0",
        "for cell in runs: pass",
        "[rival for rival in runs]",
        "self.fate = 1",
        "SAID: int = 1",
        "import os as engine",
        "with run as elsewhere: pass",
        "try: pass\nexcept OSError as untold: pass",
        "match run:\n    case [study]: pass",
        "if (reading := 1): pass",
    ],
)
def test_a_replaced_word_is_found_wherever_a_name_is_defined(text):
    assert len(replaced_words(ROOT / "src" / "fmnist_lab" / "training.py", text)) == 1


def test_a_replaced_word_is_found_in_the_name_of_a_module():
    assert len(replaced_words(ROOT / "src" / "fmnist_lab" / "results" / "report.py", "")) == 1
    assert len(replaced_words(ROOT / "src" / "fmnist_lab" / "door" / "__init__.py", "")) == 1


def test_other_words_and_names_that_are_only_used_pass():
    text = "department = checkout = math.floor(1); marker = said.start"
    assert replaced_words(ROOT / "src" / "fmnist_lab" / "training.py", text) == []


@pytest.mark.parametrize(("where", "name", "sense"), ALLOWED)
def test_every_exception_is_needed(where, name, sense):
    files = [path for path in SOURCES if path.relative_to(ROOT / "src").as_posix().startswith(f"fmnist_lab/{where}")]
    names = {identifier for path in files for _, identifier in defined(ast.parse(path.read_text("utf-8")))}
    assert any(re.fullmatch(name, identifier) for identifier in names), sense
