"""Constraints on the values of keys, each in words and as a test."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Constraint:
    """A constraint on a value: `words` complete the message "must be ...", `holds` tests a value."""

    words: str
    holds: Callable[[Any], bool]


def one_of(*names: str) -> Constraint:
    return Constraint("one of " + ", ".join(names), lambda value: value in names)


def whole(least: int) -> Constraint:
    return Constraint(f"a whole number of at least {least}", lambda value: value >= least)


def pattern(words: str, expression: str) -> Constraint:
    """Return the constraint that a text matches `expression` as a whole; None satisfies it too."""
    return Constraint(words, lambda value: value is None or re.fullmatch(expression, value, re.ASCII) is not None)


def hexadecimal(digits: int) -> Constraint:
    return pattern(f"a checksum of {digits} hexadecimal digits in lower case", rf"[0-9a-f]{{{digits}}}")


POSITIVE = Constraint("a number above 0", lambda value: math.isfinite(value) and value > 0)
NOT_NEGATIVE = Constraint("a number of at least 0", lambda value: math.isfinite(value) and value >= 0)
FRACTION = Constraint("a number from 0 to below 1", lambda value: 0 <= value < 1)
YES_NO = Constraint("true or false", lambda value: isinstance(value, bool))
TEXT = Constraint("text", lambda value: True)
BETAS = Constraint("two numbers from 0 to below 1", lambda value: len(value) == 2 and all(map(FRACTION.holds, value)))
WIDTHS = Constraint(
    "a list of one or more whole numbers above 0, such as [256,128]",
    lambda value: len(value) > 0 and all(width > 0 for width in value),
)
SHARE = Constraint(
    "a fraction below 1, a whole number of images, or 0",
    lambda value: 0 <= value < 1 or (value >= 1 and value == int(value)),
)
# A sweep's name is a folder below outputs/sweeps: no name may lead out of that folder, on any system.
FILENAME = Constraint(
    "a folder name: letters, digits and . _ - + = , [ ] (not starting with a dot, at most 150 long)",
    lambda value: value is None or re.fullmatch(r"[\w\-+=,\[\]][\w.\-+=,\[\]]{0,149}", value, re.ASCII) is not None,
)
SHAPE = Constraint(
    "height and width of an image in pixels, and its channels if there are several, such as [28,28] or [32,32,3]",
    lambda value: len(value) in (2, 3) and all(size > 0 for size in value),
)
LINE = Constraint("one line of text", lambda value: value.isprintable() and value.strip() != "")
CLASSES = Constraint(
    "a list of 2 to 256 different names, in the order of the labels",
    lambda value: 2 <= len(value) <= 256 and len({*value}) == len(value) and all(map(LINE.holds, value)),
)
BYTE = Constraint("a whole number from 1 to 255", lambda value: 1 <= value <= 255)
LABEL = Constraint("a whole number from 0 to 255", lambda value: 0 <= value <= 255)
# No file name may lead out of its folder, and no word that reaches a command may look like an option.
NAME = pattern("a name: letters, digits, _ and - (at most 50)", r"\w[\w\-]{0,49}")
BASENAME = pattern(
    "a file name without folders and without .gz: letters, digits and . _ - (not starting with a dot, at most 100)",
    r"(?!.*\.gz$)\w[\w.\-]{0,99}",
)
PACKAGE = pattern("the name of a Debian package", r"[a-z0-9][a-z0-9+.\-]+")
ABSOLUTE = pattern("the absolute path of a folder, without ..", r"/(?!(.*/)?\.\.(/|$)).*")
URLS = Constraint(
    "a list of web addresses (http or https), each ending in / (a folder of the gzipped files) or in .zip",
    lambda value: all(
        re.fullmatch(r"https?://[\w.\-]+(:\d+)?/([\w./~%+\-]*(/|\.zip))?", url, re.ASCII) for url in value
    ),
)

# The values of settings that are chosen by name.
MODELS = one_of("custom", "torch")
INITIALIZATIONS = one_of(
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_normal",
    "torch_linear",
    "normal",
    "zeros",
)
BIAS_INITIALIZATIONS = one_of("auto", "zeros", "same")
ACTIVATIONS = one_of("relu", "tanh", "sigmoid", "identity")
OPTIMIZERS = one_of("sgd", "adam")
SCALINGS = one_of("unit", "symmetric", "standard", "standard_global", "raw")
SPLITS = one_of("random", "first", "last")
DTYPES = one_of("float32", "float64")
DEVICES = one_of("cpu", "cuda", "mps", "auto")
