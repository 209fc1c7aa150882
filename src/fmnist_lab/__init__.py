"""Reproducible, honest small-network experiments on Fashion-MNIST.

    from fmnist_lab import configure, load, sweep, train

These are the functions to call from Python; docs/python.md shows them. A name is loaded when it is first used, so that
importing the package takes no time.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fmnist_lab.api import Config, InputError, Run, Sweep, configure, load, sweep, train

__version__ = "0.1.0"
__all__ = ["Config", "InputError", "Run", "Sweep", "configure", "load", "sweep", "train"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fmnist_lab import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
