"""Values are checked, cast to the types of their keys, and refused in one line."""

import dataclasses

import pytest

from fmnist_lab.compose import compose
from fmnist_lab.config.checks import check
from fmnist_lab.config.schema import Config
from fmnist_lab.errors import InputError


def test_a_config_made_by_hand_is_checked_too():
    config = dataclasses.replace(compose(), lr=-1)
    with pytest.raises(InputError, match=r"^lr=-1: must be a number above 0$"):
        check(config)


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("seed", 1.5, "seed=1.5: must be a whole number of at least 0"),
        ("seed", float("inf"), "seed=inf: must be a whole number of at least 0"),
        ("lr", "0.1", "lr=0.1: must be a number above 0"),
        ("lr", None, "lr=None: must be a number above 0"),
        ("lr", [0.1], "lr=[0.1]: must be a number above 0"),
    ],
)
def test_a_value_that_is_not_a_number_of_the_right_kind_gets_one_line(key, value, line):
    with pytest.raises(InputError) as refused:
        check(dataclasses.replace(compose(), **{key: value}))
    assert str(refused.value) == line


def test_checking_twice_changes_nothing():
    config = compose("model=torch")
    assert isinstance(config, Config)
    assert check(config) == config
