"""Every prediction holds on real images; each of several planted errors is found; a prediction can fail."""

import numpy as np
import pytest

from fmnist_lab.saddle import network, sample, theory
from fmnist_lab.saddle.config import PREDICTIONS
from fmnist_lab.saddle.prediction import at_least, at_most, each_equal, equal
from fmnist_lab.saddle.predictions import FAMILIES
from fmnist_lab.saddle.setting import Setting

pytestmark = pytest.mark.promise


def failures(family, setting):
    return [prediction for prediction in FAMILIES[family](setting) if not prediction.ok]


def test_every_family_has_its_predictions():
    assert tuple(FAMILIES) == PREDICTIONS


@pytest.mark.parametrize("family", PREDICTIONS)
def test_the_predictions_hold(family, setting):
    assert failures(family, setting) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ("data.whiten=true", "depths=[1,2]"),
        ("data.center=true", "depths=[1,2]"),
        ("data.dim=3", "depths=[2]"),
        ("data.dim=1", "width=1", "depths=[1,4]"),
        ("data.pixels=full", "depths=[1]"),
    ],
    ids=" ".join,
)
def test_the_theorems_hold_for_other_inputs(overrides, configure):
    other = Setting(configure(*overrides))
    for family in ("gradient", "hessian", "taylor", "lines", "layers", "converse", "saddles", "minimum", "escape"):
        assert failures(family, other) == [], family


def test_centring_lowers_the_rank_by_one(configure):
    assert Setting(configure("data.center=true")).moments.rank == 9


def test_random_draws_of_a_family_do_not_depend_on_the_others(configure):
    alone, after = Setting(configure()), Setting(configure())
    list(FAMILIES["lines"](after))
    assert list(FAMILIES["directions"](alone)) == list(FAMILIES["directions"](after))


# Planted errors: the function to replace, its replacement, and the family that must fail.

true_gradient, true_hessian, true_time = network.gradient, network.hessian, theory.escape_time
true_outputs = sample.relu_outputs


def gradient_off_by(amount):
    def wrong(weights, data):
        first, *rest = true_gradient(weights, data)
        return [first + amount, *rest]

    return wrong


def gradient_scaled(weights, data):
    first, *rest = true_gradient(weights, data)
    return [(1 + 1e-9) * first, *rest]


def sigma_squared_for_lambda(data):
    eigenvalues = data.sigma**2 / data.spectrum[0][0]
    return data.loss_at_zero - np.concatenate([[0.0], np.cumsum(eigenvalues)]) / 2


def points_from_s(units, r, data):
    U = data.svd[0][:, :r]
    top, values, bottom = np.linalg.svd(U @ (U.T @ data.regression), full_matrices=False)
    return network.chain(units, top[:, :r], bottom[:r], values[:r] ** (1 / (len(units) - 1)))


PLANTED = {
    "gradient of one layer off by 1e-9": (network, "gradient", gradient_off_by(1e-9), "gradient"),
    "gradient of one layer off by 1e-12": (network, "gradient", gradient_off_by(1e-12), "gradient"),
    "gradient of one layer too large by 1e-9 of itself": (network, "gradient", gradient_scaled, "gradient"),
    "ascent by t -> -t": (
        network,
        "ascent",
        lambda units, data: network.scaled(network.escape(units, data), -1),
        "lines",
    ),
    "σ₁²/μ₁ for λ": (theory, "levels", sigma_squared_for_lambda, "saddles"),
    "eigenvectors of S Sᵀ for those of S C⁺ Sᵀ": (network, "balanced", points_from_s, "saddles"),
    "σ for -σ in the least eigenvalue": (theory, "residual_sigma", lambda r, data: -data.sigma[0], "saddles"),
    "escape rate off by 1e-4": (
        theory,
        "escape_time",
        lambda start, end, depth, sigma, kappa: true_time(start, end, depth, sigma * (1 + 1e-4), kappa),
        "escape",
    ),
    "cross-entropy without its normaliser": (
        sample,
        "cross_entropy_slope",
        lambda images: images.Y @ images.X.T / images.m,
        "cross_entropy",
    ),
    "a Hessian of half the loss": (
        network,
        "hessian",
        lambda at, data: true_hessian(at, data) / 2,
        "autograd",
    ),
    "a ReLU network blind to signs": (
        sample,
        "relu_outputs",
        lambda weights, X: true_outputs([weights[0], *(np.abs(W) for W in weights[1:])], X),
        "relu",
    ),
    "L for L + 1 in the certificate": (
        theory,
        "certificate",
        lambda norm, depth, data: data.sigma[0] * (norm / np.sqrt(depth)) ** depth,
        "directions",
    ),
    "only one sign in the Hessian's spectrum": (
        theory,
        "hessian_spectrum",
        lambda width, data, middle=1.0: np.sort(
            np.concatenate(
                [np.repeat(data.sigma, 2 * width), np.zeros(width * sum(data.S.shape) - 2 * width * data.rank)]
            )
        ),
        "hessian",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_error_is_caught(name, configure, monkeypatch):
    module, attribute, wrong, family = PLANTED[name]
    monkeypatch.setattr(module, attribute, wrong)
    assert failures(family, Setting(configure("depths=[1,2]")))


# The comparisons themselves.


def test_a_prediction_shows_the_entry_that_fits_worst():
    prediction = equal("", [1.0, 2.0, 4.0], [1.0, 2.5, 4.1], 0.1)
    assert (prediction.prediction, prediction.observation, prediction.error, prediction.ok) == (2.0, 2.5, 0.125, False)
    assert equal("", [1.0, 2.0, 4.0], [1.0, 2.5, 4.1], 0.125).ok


def test_errors_can_be_relative_to_each_prediction():
    assert each_equal("", [1e-9, 1.0], [1.5e-9, 1.0], 0.4).error == pytest.approx(0.5)


def test_a_bound_is_broken_on_one_side_only():
    assert at_most("", 1, [0.5, 0.9]).ok
    assert not at_most("", 1, [0.5, 1.1]).ok
    assert at_least("", 1, [1.0, 2.0]).ok
    broken = at_least("", 1, [0.9, 2.0])
    assert (broken.ok, broken.observation) == (False, 0.9)


@pytest.mark.parametrize("compare", [equal, at_most, at_least])
def test_what_is_not_a_number_fails(compare):
    assert not compare("", 1, [1.0, np.nan], 0.1).ok


def test_if_zero_is_predicted_only_zero_agrees():
    assert equal("", 0, 0.0, 0).ok
    assert not equal("", 0, 1e-300, 0).ok
