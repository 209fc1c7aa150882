"""The schema, the values in conf/, and what settles between them."""

import dataclasses

import numpy as np
import pytest
import yaml

from fmnist_lab.compose import compose
from fmnist_lab.config.checks import check
from fmnist_lab.config.identity import flat, identity
from fmnist_lab.config.schema import Config, constraints
from fmnist_lab.errors import InputError
from fmnist_lab.models import MODELS
from fmnist_lab.models.custom import ACTIVATIONS
from fmnist_lab.models.initialization import INITIALIZATIONS
from fmnist_lab.models.optimizers import OPTIMIZERS
from fmnist_lab.runs.record import fingerprint
from support.paths import ROOT

CONF = ROOT / "conf"


def test_the_default_run_is_the_reports():
    config = compose()
    assert (config.lr, config.epochs, config.batch_size, config.architecture.hidden) == (0.002, 10, 128, [256, 128])
    assert (config.model.name, config.model.init, config.model.init_bias) == ("custom", "glorot_uniform", "zeros")
    assert (config.optimizer.name, config.optimizer.momentum, config.optimizer.weight_decay) == ("sgd", 0, 0)
    assert (config.data.scaling, config.data.validation, config.data.split) == ("symmetric", 0.2, "random")
    assert (config.dtype, config.threads, config.device) == ("float32", 1, "cpu")


def test_the_rival_starts_as_torch_does():
    model = compose("model=torch").model
    assert (model.init, model.init_bias) == ("torch_linear", "same")


def test_initialisations_can_be_swapped_by_one_word():
    assert compose("model=torch", "model.init=glorot_uniform").model.init_bias == "zeros"
    assert compose("model.init=torch_linear").model.init_bias == "same"
    assert compose("model.init=torch_linear", "model.init_bias=zeros").model.init_bias == "zeros"


@pytest.mark.parametrize("group", ["model", "architecture", "optimizer"])
def test_every_option_of_a_group_has_the_same_keys(group):
    keys = {frozenset(yaml.safe_load(file.read_text())) for file in (CONF / group).glob("*.yaml")}
    assert len(keys) == 1


@pytest.mark.parametrize("file", sorted(CONF.glob("*/*.yaml")), ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_file_says_what_it_is(file):
    lines = file.read_text().splitlines()
    assert lines[0].startswith("#")
    if file.parent.name in ("model", "architecture", "optimizer", "data"):
        choices = [line for line in lines if line.strip() and not line.startswith(("name:", " "))]
        assert all("#" in line for line in choices)


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("model.name", MODELS),
        ("model.init", INITIALIZATIONS),
        ("architecture.activation", ACTIVATIONS),
        ("optimizer.name", OPTIMIZERS),
    ],
)
def test_the_schema_offers_what_the_models_have(key, names):
    for name in names:
        assert constraints()[key].holds(name)
    assert sorted(constraints()[key].words.removeprefix("one of ").split(", ")) == sorted(names)


def test_a_config_made_by_hand_is_checked_too():
    config = dataclasses.replace(compose(), lr=-1)
    with pytest.raises(InputError, match=r"^lr=-1: must be a number above 0$"):
        check(config)


@pytest.mark.parametrize(
    ("key", "typed", "same"),
    [
        ("lr", 1.0, 1),
        ("lr", 0.5, np.float32(0.5)),
        ("seed", 3, np.int64(3)),
        ("seed", 3, 3.0),
        ("epochs", 2, np.array(2)),
    ],
)
def test_a_number_names_the_same_run_whatever_its_type(key, typed, same):
    ours, theirs = (dataclasses.replace(compose(), **{key: value}) for value in (typed, same))
    assert fingerprint(identity(check(theirs))) == fingerprint(identity(check(ours)))


def test_so_do_numbers_in_lists():
    config = compose()
    theirs = dataclasses.replace(config.architecture, hidden=np.array([256, 128]))
    assert check(dataclasses.replace(config, architecture=theirs)) == config


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("seed", 1.5, "seed=1.5: must be a whole number of at least 0"),
        ("seed", float("inf"), "seed=inf: must be a whole number of at least 0"),
        ("lr", "0.1", "lr=0.1: must be a number above 0"),
        ("lr", None, "lr=None: must be a number above 0"),
        ("lr", [0.1], "lr=[0.1]: must be a number above 0"),
    ],
)
def test_what_is_no_such_number_gets_one_line(key, value, told):
    with pytest.raises(InputError) as refused:
        check(dataclasses.replace(compose(), **{key: value}))
    assert str(refused.value) == told


def test_flat_names_every_key():
    assert set(flat(compose())) == {name for name in constraints() if not name.startswith("data.source.")}
    assert flat(compose())["architecture.hidden"] == [256, 128]


def test_checking_settles_once():
    config = compose("model=torch")
    assert isinstance(config, Config)
    assert check(config) == config
