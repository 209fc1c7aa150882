"""The real configuration of the saddle, on fewer images."""

import pytest

from fmnist_lab.compose import compose_as
from fmnist_lab.saddle.config import SaddleConfig
from fmnist_lab.saddle.setting import Setting


@pytest.fixture(scope="session")
def configure():
    """Return a function that composes the real configuration with the first 2 000 images."""
    return lambda *overrides: compose_as(SaddleConfig, "saddle", "data.images=2000", *overrides)


@pytest.fixture(scope="session")
def setting(configure) -> Setting:
    return Setting(configure())
