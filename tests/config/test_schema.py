"""The schema, the values in conf/, and the options of the models agree."""

import pytest
import yaml

from fmnist_lab.compose import compose
from fmnist_lab.config.schema import constraints
from fmnist_lab.models import MODELS
from fmnist_lab.models.custom import ACTIVATIONS
from fmnist_lab.models.initialization import INITIALIZATIONS
from fmnist_lab.models.optimizers import OPTIMIZERS
from support.paths import ROOT

CONF = ROOT / "conf"


def test_the_default_run_is_that_of_the_report():
    config = compose()
    assert (config.lr, config.epochs, config.batch_size, config.architecture.hidden) == (0.002, 10, 128, [256, 128])
    assert (config.model.name, config.model.init, config.model.init_bias) == ("custom", "glorot_uniform", "zeros")
    assert (config.optimizer.name, config.optimizer.momentum, config.optimizer.weight_decay) == ("sgd", 0, 0)
    assert (config.data.scaling, config.data.validation, config.data.split) == ("symmetric", 0.2, "random")
    assert (config.dtype, config.threads, config.device) == ("float32", 1, "cpu")


def test_the_torch_model_has_the_initialization_of_torch():
    model = compose("model=torch").model
    assert (model.init, model.init_bias) == ("torch_linear", "same")


def test_one_word_swaps_the_initializations():
    assert compose("model=torch", "model.init=glorot_uniform").model.init_bias == "zeros"
    assert compose("model.init=torch_linear").model.init_bias == "same"
    assert compose("model.init=torch_linear", "model.init_bias=zeros").model.init_bias == "zeros"


@pytest.mark.parametrize("group", ["model", "architecture", "optimizer"])
def test_every_option_of_a_group_has_the_same_keys(group):
    keys = {frozenset(yaml.safe_load(file.read_text())) for file in (CONF / group).glob("*.yaml")}
    assert len(keys) == 1


@pytest.mark.parametrize("file", sorted(CONF.glob("*/*.yaml")), ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_file_explains_its_choices(file):
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
