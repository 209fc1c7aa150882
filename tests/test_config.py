"""The schema, the values in conf/, and what settles between them."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import yaml
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from hypothesis import given, settings
from hypothesis import strategies as st

from fmnist_lab.conf import conf_folder
from fmnist_lab.config import Config, check, compose, compose_jobs, expand, flat, identity, register, rules
from fmnist_lab.errors import InputError
from fmnist_lab.models import MODELS
from fmnist_lab.models.custom import ACTIVATIONS
from fmnist_lab.models.initialization import INITIALIZATIONS
from fmnist_lab.models.optimizers import OPTIMIZERS
from fmnist_lab.records import fingerprint

CONF = Path(__file__).parents[1] / "conf"


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
        assert rules()[key].holds(name)
    assert sorted(rules()[key].words.removeprefix("one of ").split(", ")) == sorted(names)


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
    assert set(flat(compose())) == {name for name in rules() if not name.startswith("data.source.")}
    assert flat(compose())["architecture.hidden"] == [256, 128]


def test_checking_settles_once():
    config = compose("model=torch")
    assert isinstance(config, Config)
    assert check(config) == config


@given(
    jobs=st.lists(
        st.tuples(
            st.sampled_from(["model=custom", "model=torch"]),
            st.sampled_from(["architecture=one_layer", "architecture=two_layer", "architecture.hidden=[3,4]"]),
            st.sampled_from(["lr=0.5", "lr=1e-3", "optimizer=adam", "optimizer.momentum=0.5"]),
            st.sampled_from(["experiment=figures", "seed=7", "model.init=zeros", "data.validation=0"]),
        ),
        min_size=1,
        max_size=3,
    )
)
@settings(max_examples=8)
def test_jobs_are_composed_as_if_each_stood_alone(jobs):
    assert composed_together(jobs) == [compose(*job) for job in jobs]


def composed_together(jobs):
    register()
    with initialize_config_dir(conf_folder(), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        sweep = hydra.compose_config("config", [], run_mode=RunMode.MULTIRUN, from_shell=False)
        return compose_jobs(hydra.config_loader, sweep, jobs)


def test_a_sweep_is_expanded_as_the_command_line_would():
    widths = ("[8,128]", "[16,128]", "[64,128]", "[256,128]", "[1024,128]")
    assert expand("experiment=table1", "epochs=3") == [
        compose(f"model={model}", f"architecture.hidden={hidden}", "epochs=3")
        for model in ("custom", "torch")
        for hidden in widths
    ]
    assert expand() == [compose("model=custom"), compose("model=torch")]
    assert expand("model=torch", "lr=1,2") == [compose("model=torch", f"lr={lr}") for lr in (1, 2)]


def test_expanding_answers_wrong_input():
    with pytest.raises(InputError, match=r"^lr=-1\.0: must be"):
        expand("lr=0.1,-1")
