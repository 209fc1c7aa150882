"""Which settings make two runs the same run."""

import dataclasses

import numpy as np
import pytest

from fmnist_lab.compose import compose
from fmnist_lab.config.checks import check
from fmnist_lab.config.identity import flat, identity
from fmnist_lab.config.schema import constraints
from fmnist_lab.runs.record import fingerprint


@pytest.mark.parametrize(
    ("key", "ours", "theirs"),
    [
        ("lr", 1.0, 1),
        ("lr", 0.5, np.float32(0.5)),
        ("seed", 3, np.int64(3)),
        ("seed", 3, 3.0),
        ("epochs", 2, np.array(2)),
    ],
)
def test_a_number_of_any_type_means_the_same_run(key, ours, theirs):
    one, other = (check(dataclasses.replace(compose(), **{key: value})) for value in (ours, theirs))
    assert fingerprint(identity(one)) == fingerprint(identity(other))


def test_numbers_of_any_type_in_lists_mean_the_same_run():
    config = compose()
    theirs = dataclasses.replace(config.architecture, hidden=np.array([256, 128]))
    assert check(dataclasses.replace(config, architecture=theirs)) == config


def test_flat_names_every_key():
    assert set(flat(compose())) == {name for name in constraints() if not name.startswith("data.source.")}
    assert flat(compose())["architecture.hidden"] == [256, 128]
