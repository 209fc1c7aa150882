"""Where the configuration lies, and its files read without Hydra."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any


def conf_folder() -> str:
    """The folder of the configuration: inside the package when installed from a wheel, else in the checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "conf"
    return str(inside if inside.is_dir() else package.parents[1] / "conf")


@cache
def shipped_data(name: str) -> dict[str, Any]:
    """What `conf/data/<name>.yaml` says of a data set that comes with the lab; not to be changed."""
    import yaml

    section: dict[str, Any] = yaml.safe_load(Path(conf_folder(), "data", f"{name}.yaml").read_text("utf-8"))
    return section
