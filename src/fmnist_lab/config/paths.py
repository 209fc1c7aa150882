"""The folder `conf/`, and its data files read without Hydra."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any


def conf_folder() -> str:
    """Return the folder of the configuration: inside the package when installed from a wheel, else in the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "conf"
    return str(installed if installed.is_dir() else package.parents[1] / "conf")


@cache
def shipped_data(name: str) -> dict[str, Any]:
    """Return the content of `conf/data/<name>.yaml`, cached: do not change it. Raises OSError if there is none."""
    import yaml

    section: dict[str, Any] = yaml.safe_load(Path(conf_folder(), "data", f"{name}.yaml").read_text("utf-8"))
    return section
