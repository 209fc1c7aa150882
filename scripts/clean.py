"""Remove what can be made again: the environment, the caches and builds. What runs wrote (outputs/) stays.

`python scripts/clean.py`, or `make clean`.
"""

from __future__ import annotations

import shutil

import bootstrap

TOOLS = (".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache")
BUILDS = ("build", "dist")
CODE = ("src", "scripts", "tests")


def main() -> None:
    compiled = [folder for code in CODE for folder in (bootstrap.ROOT / code).rglob("__pycache__")]
    for folder in (bootstrap.VENV, *(bootstrap.ROOT / name for name in TOOLS + BUILDS), *compiled):
        if folder.exists():
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
