"""Which settings are factors, and the places of their levels on an axis."""

import pandas as pd
import pytest

from fmnist_lab.results.factors import Factor, as_text, describe, display, find_factors, join_runs

FIRST_LAYER = ["[64, 128]", "[8, 128]", "[1024, 128]"]


def names(settings: pd.DataFrame) -> list[str]:
    return [factor.name for factor in find_factors(settings)]


def only_factor(build, key, levels) -> Factor:
    [factor] = find_factors(build({key: levels}).settings)
    return factor


def test_models_seeds_and_conditions_of_timing_are_no_factors(build):
    sweep = build({"seed": [0, 1]}).condition("cpu", "B CPU", model="torch").condition("workers", 2, seed=1)
    assert names(sweep.settings) == []


def test_a_setting_with_several_values_is_a_factor_in_the_order_of_the_keys(build):
    assert names(build({"batch_size": [16, 32], "lr": [0.1, 0.2]}).settings) == ["lr", "batch_size"]


def test_a_key_that_depends_on_the_model_alone_is_no_factor(build):
    sweep = build()
    torch = sweep.settings["model.name"] == "torch"
    assert names(sweep.settings.assign(device=torch.map({True: "cuda", False: "cpu"}))) == []


def test_the_initialisation_is_a_factor_when_it_varies_within_a_model(build):
    assert names(build({"model.init": ["glorot_uniform", "torch_linear"]}).settings) == ["init"]


def test_a_key_that_depends_on_the_choice_of_its_group_is_no_factor(build):
    settings = build({"optimizer.name": ["sgd", "adam"]}).settings
    following = settings["optimizer.name"].map({"sgd": 0.9, "adam": 0.0})
    assert names(settings.assign(**{"optimizer.momentum": following})) == ["optimizer"]


def test_a_factor_has_the_last_word_of_its_key_unless_two_would_be_equal(build):
    assert names(build({"data.scaling": ["unit", "standard"]}).settings) == ["scaling"]
    both = build({"data.scaling": ["unit", "standard"], "other.scaling": [1, 2]}).settings
    assert names(both) == ["data.scaling", "other.scaling"]


def test_learning_rates_have_a_logarithmic_axis_in_numerical_order(build):
    factor = only_factor(build, "lr", [0.1, 0.0001, 0.002])
    assert (factor.levels, factor.positions) == (("0.0001", "0.002", "0.1"), (0.0001, 0.002, 0.1))
    assert (factor.scale, factor.axis_label) == ("log", "learning rate")


def test_other_numbers_have_a_linear_axis(build):
    factor = only_factor(build, "epochs", [20, 5])
    assert (factor.levels, factor.scale) == (("5", "20"), "linear")


@pytest.mark.parametrize(
    ("key", "levels"),
    [("optimizer.name", ["sgd", "adam"]), ("optimizer.nesterov", [True, False]), ("device", ["cuda", None])],
)
def test_words_are_equally_spaced_in_the_order_given(build, key, levels):
    factor = only_factor(build, key, levels)
    assert (factor.levels, factor.positions, factor.scale) == (tuple(map(as_text, levels)), (0, 1), "words")


def test_the_width_of_the_only_varying_layer_is_the_axis(build):
    factor = only_factor(build, "architecture.hidden", FIRST_LAYER)
    assert factor.levels == ("[8, 128]", "[64, 128]", "[1024, 128]")
    assert (factor.positions, factor.ticks) == ((8, 64, 1024), ["8", "64", "1024"])
    assert factor.axis_label == "hidden 1 (hidden 2 = 128)"


@pytest.mark.parametrize(
    ("levels", "label"),
    [
        (["[256, 8]", "[256, 16]"], "hidden 2 (hidden 1 = 256)"),
        (["[8]", "[16]"], "hidden 1"),
        (["[8, 4, 2]", "[8, 5, 2]"], "hidden 2 (hidden 1 = 8, hidden 3 = 2)"),
    ],
)
def test_the_label_of_an_axis_of_widths_names_the_other_layers(build, levels, label):
    assert only_factor(build, "architecture.hidden", levels).axis_label == label


@pytest.mark.parametrize(
    ("levels", "ordered"),
    [
        # With 784 inputs the first layer has the most parameters: 8 units have fewer than 256, whatever the second.
        (["[256, 8]", "[8, 256]"], ["8-256", "256-8"]),
        (["[64, 64, 64]", "[64]", "[64, 64]"], ["64", "64-64", "64-64-64"]),
    ],
)
def test_other_networks_are_ordered_by_their_number_of_parameters(build, levels, ordered):
    factor = only_factor(build, "architecture.hidden", levels)
    assert (factor.ticks, factor.scale, factor.axis_label) == (ordered, "words", "hidden")


def test_a_combination_is_described_in_one_line():
    assert describe({"lr": "0.002", "hidden": "[256, 128]"}) == "learning rate 0.002, hidden 256-128"


@pytest.mark.parametrize("level", ["[0.9, 0.999]", "[]", "$x$", "none"])
def test_only_lists_of_widths_are_displayed_differently(level):
    assert display(level) == level


def test_a_run_counts_once(build):
    sweep = build({"lr": [0.1, 0.2]})
    twice = pd.concat([sweep.results, sweep.results])
    assert len(join_runs(twice, sweep.settings, find_factors(sweep.settings))) == len(sweep.results)


def test_a_run_without_settings_is_an_error(build):
    sweep = build()
    with pytest.raises(KeyError):
        join_runs(sweep.results, sweep.settings.iloc[1:], [])
