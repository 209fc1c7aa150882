"""The closed forms against other computations of the same numbers, for random data."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.linalg import null_space

from fmnist_lab import data
from fmnist_lab.saddle import flow, network, sample, theory
from fmnist_lab.saddle.moments import measure, one_hot
from fmnist_lab.saddle.sample import Sample

seeds = st.integers(0, 2**32 - 1)
depths = st.integers(1, 4)


def draw(seed, pixels=5, m=40, classes=3):
    """Return the moments of random images, the images and their one-hot labels."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (m, pixels)).astype(np.uint8)
    labels = rng.integers(0, classes, m)
    return measure(images, labels, classes, 255), images.T / 255, one_hot(labels, classes)


def loss(weights, X, Y):
    return np.sum((Y - network.product(weights) @ X) ** 2) / (2 * X.shape[1])


@given(seeds, depths, st.integers(1, 4))
def test_the_loss_depends_on_the_moments_only(seed, depth, width):
    moments, X, Y = draw(seed)
    weights = network.random(network.sizes(moments, depth, width), np.random.default_rng(seed))
    assert moments.loss_at_zero + network.excess(weights, moments) == pytest.approx(loss(weights, X, Y), rel=1e-10)


@pytest.mark.parametrize("change", ["centred", "reduced", "whitened"])
def test_changed_moments_are_those_of_changed_inputs(change):
    moments, X, Y = draw(0)
    changed = getattr(moments, change)(*([3] if change == "reduced" else []))
    inputs = changed.basis @ (X - changed.offset[:, None])
    np.testing.assert_allclose(changed.S, Y @ inputs.T / X.shape[1], atol=1e-12)
    np.testing.assert_allclose(changed.C, inputs @ inputs.T / X.shape[1], atol=1e-12)
    np.testing.assert_allclose(changed.mean, inputs.mean(axis=1), atol=1e-12)


def test_whitened_moments_are_the_identity():
    np.testing.assert_allclose(draw(1)[0].whitened().C, np.eye(5), atol=1e-12)


def test_centred_and_whitened_twice_is_once():
    once = draw(2)[0].centred().whitened()
    np.testing.assert_allclose(once.whitened().sigma, once.sigma, rtol=1e-12)


@given(seeds, depths, st.integers(1, 4))
def test_the_gradient_is_that_of_the_loss(seed, depth, width):
    moments, X, Y = draw(seed)
    rng = np.random.default_rng(seed)
    weights, V = (network.random(network.sizes(moments, depth, width), rng) for _ in range(2))
    h = 1e-5
    ahead, behind = (loss([W + s * h * D for W, D in zip(weights, V, strict=True)], X, Y) for s in (1, -1))
    slope = network.flatten(network.gradient(weights, moments)) @ network.flatten(V)
    assert slope == pytest.approx((ahead - behind) / (2 * h), rel=1e-4, abs=1e-4 * abs(loss(weights, X, Y)))


@given(seeds, depths, st.floats(1e-3, 2))
def test_no_weights_lie_below_the_certificate(seed, depth, scale):
    moments, *_ = draw(seed)
    units = network.sizes(moments, depth, 3)
    steep = network.steepest(units, moments, np.random.default_rng(seed), sweeps=20)
    for direction in (network.random(units, np.random.default_rng(seed)), steep):
        weights = network.starting(direction, scale)
        bound = theory.certificate(network.norm(weights), depth, moments)
        assert -network.excess(weights, moments) <= bound * (1 + 1e-12)


@given(seeds, st.integers(1, 3))
@settings(max_examples=20)
def test_the_hessian_at_zero_has_the_singular_values(seed, width):
    moments, *_ = draw(seed)
    H = network.hessian(network.zeros(network.sizes(moments, 1, width)), moments)
    np.testing.assert_allclose(np.linalg.eigvalsh(H), theory.hessian_spectrum(width, moments), atol=1e-12)


@given(seeds, depths)
def test_the_last_level_is_least_squares(seed, depth):
    moments, X, Y = draw(seed)
    best = np.linalg.lstsq(X.T, Y.T, rcond=None)[0]
    assert theory.levels(moments)[-1] == pytest.approx(np.sum((Y - best.T @ X) ** 2) / (2 * X.shape[1]), rel=1e-9)


@given(seeds, depths, st.integers(0, 3))
def test_every_rank_has_a_critical_point_at_its_level(seed, depth, r):
    moments, *_ = draw(seed)
    weights = network.balanced(network.sizes(moments, depth, 4), min(r, moments.rank), moments)
    assert network.norm(network.gradient(weights, moments)) < 1e-9
    level = theory.levels(moments)[min(r, moments.rank)]
    assert moments.loss_at_zero + network.excess(weights, moments) == pytest.approx(level, abs=1e-10)


def test_without_correlation_zero_is_the_minimum():
    _, X, Y = draw(3)
    mirrored, doubled = np.hstack([X, -X]), np.hstack([Y, Y])
    assert np.abs(doubled @ mirrored.T).max() < 1e-12
    rng = np.random.default_rng(0)
    at_zero = loss(network.zeros([5, 2, 3]), mirrored, doubled)
    assert all(loss(network.random([5, 2, 3], rng), mirrored, doubled) > at_zero for _ in range(100))


def test_zero_is_not_isolated():
    """For one hidden layer, any W_0 whose rows S annihilates is critical with W_1 = 0."""
    moments, *_ = draw(4)
    W_0 = null_space(moments.S).T
    assert network.norm(network.gradient([W_0, np.zeros((3, len(W_0)))], moments)) < 1e-12


@given(depths, st.floats(0.05, 4), st.floats(0.05, 4), st.floats(0.01, 0.5), st.floats(0.55, 0.95))
def test_the_escape_time_is_the_integral(depth, sigma, kappa, start, end):
    rest = theory.resting_scale(depth, sigma, kappa)
    a, b = start * rest, end * rest
    integral, _ = quad(
        lambda s: 1 / (s**depth * (sigma - kappa * s ** (depth + 1))), a, b, epsabs=0, epsrel=1e-11, limit=200
    )
    assert theory.escape_time(a, b, depth, sigma, kappa) == pytest.approx(integral, rel=1e-8)


def test_the_half_way_time_of_one_hidden_layer_is_a_logarithm():
    sigma, start = 0.3, 1e-3
    half = theory.escape_time(start, np.sqrt(sigma / 2), 1, sigma, 1.0)
    assert half == pytest.approx(np.log(sigma / start**2 - 1) / (2 * sigma), rel=1e-12)


@given(seeds, st.integers(1, 3))
@settings(max_examples=15)
def test_no_flow_is_faster_than_the_bound(seed, depth):
    moments, *_ = draw(seed)
    start = network.starting(network.random(network.sizes(moments, depth, 3), np.random.default_rng(seed)), 0.1)
    drop = (moments.loss_at_zero - theory.levels(moments)[1]) / 2
    time = flow.time_to_drop(start, moments, drop)
    assert time >= theory.least_time(network.norm(start), drop, depth, moments) * (1 - 1e-9)


def test_flatten_comes_back():
    weights = network.random([3, 2, 4], np.random.default_rng(0))
    for W, back in zip(weights, network.unflatten(network.flatten(weights), weights), strict=True):
        np.testing.assert_array_equal(W, back)


@given(seeds)
def test_coefficients_are_those_of_the_polynomial(seed):
    drawn = np.random.default_rng(seed).standard_normal(6)
    found = network.coefficients(np.polynomial.Polynomial(drawn), 5, 0.5)
    np.testing.assert_allclose(found, drawn * 0.5 ** np.arange(6), atol=1e-14)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_relu_gradient_is_autograds(depth):
    moments, X, Y = draw(5)
    images = Sample(X, Y, moments)
    weights = network.random([5, *[4] * depth, 3], np.random.default_rng(0))
    leaves = [torch.tensor(W, requires_grad=True) for W in weights]
    f = torch.tensor(X)
    for W in leaves[:-1]:
        f = torch.relu(W @ f)
    total = ((torch.tensor(Y) - leaves[-1] @ f) ** 2).sum() / (2 * images.m)
    total.backward()
    assert sample.relu_excess(weights, images) + moments.loss_at_zero == pytest.approx(total.item(), rel=1e-12)
    for leaf, slope in zip(leaves, sample.relu_gradient(weights, images), strict=True):
        np.testing.assert_allclose(slope, leaf.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW"])
def test_torch_walk_moves_weights_that_are_not_zero(optimizer):
    _, X, Y = draw(6)
    start = network.random([5, 2, 3], np.random.default_rng(0))
    assert sample.torch_walk(optimizer, start, X, Y) != max(np.abs(W).max() for W in start)


@pytest.mark.promise
def test_fashion_mnist_has_these_spectra():
    """Spectra of all 60 000 training images, pixels in [0, 1], computed once and kept to notice changes."""
    images, labels, *_ = data.map_arrays(data.prepare(data.shipped("fashion_mnist"), None))
    moments = measure(images, labels, 10, 255)
    np.testing.assert_allclose(
        moments.sigma,
        [3.172528, 1.051239, 0.632851, 0.435344, 0.368265, 0.302665, 0.227362, 0.136689, 0.104724, 0.066509],
        atol=6e-7,
    )
    np.testing.assert_allclose(
        moments.fitted[1],
        [0.094578, 0.093031, 0.086760, 0.073615, 0.067794, 0.064246, 0.056449, 0.045876, 0.032352, 0.022475],
        atol=6e-7,
    )
    assert theory.levels(moments)[-1] == pytest.approx(0.181412, abs=6e-7)
    assert moments.shares == pytest.approx(np.full(10, 0.1))
