"""Initial weights follow the distributions they are named after."""

import numpy as np
import pytest
import torch
from scipy import stats

from fmnist_lab.models.initialization import INITIALIZATIONS, initial_weights


def draw(init, sizes=(784, 256, 10), bias="zeros", seed=0, std=0.01, dtype="float64"):
    return initial_weights(sizes, init, bias=bias, std=std, rng=np.random.default_rng(seed), dtype=dtype)


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("array", [0, 1], ids=["weight", "bias"])
def test_torch_linear_follows_torch(layer, array):
    torch.manual_seed(0)
    sizes = [(784, 256), (256, 10)][layer]
    theirs = [torch.nn.Linear(*sizes) for _ in range(60 if array else 1)]
    expected = np.concatenate([(module.bias if array else module.weight).detach().numpy().ravel() for module in theirs])
    ours = [draw("torch_linear", bias="same", seed=seed)[layer][array].ravel() for seed in range(60 if array else 1)]
    assert stats.ks_2samp(np.concatenate(ours), expected).pvalue > 0.001
    assert np.abs(np.concatenate(ours)).max() <= 1 / np.sqrt(sizes[0])


def test_the_comparison_above_can_fail():
    wrong = draw("glorot_uniform")[0][0].ravel()
    assert stats.ks_2samp(wrong, draw("torch_linear", seed=1)[0][0].ravel()).pvalue < 1e-6


@pytest.mark.parametrize(
    ("init", "variance"),
    [
        ("glorot_uniform", 2 / (784 + 256)),
        ("glorot_normal", 2 / (784 + 256)),
        ("he_normal", 2 / 784),
        ("he_uniform", 2 / 784),
        ("lecun_normal", 1 / 784),
        ("torch_linear", 1 / (3 * 784)),
        ("normal", 0.01**2),
        ("zeros", 0),
    ],
)
def test_variances(init, variance):
    weight, bias = draw(init)[0]
    assert weight.shape == (256, 784)
    assert np.var(weight) == pytest.approx(variance, rel=0.02)
    assert abs(weight.mean()) <= 4 * np.sqrt(variance / weight.size)
    assert not bias.any()


def test_glorot_is_bounded():
    bound = np.sqrt(6 / (784 + 256))
    weight = draw("glorot_uniform")[0][0]
    assert 0.999 * bound < np.abs(weight).max() <= bound


@pytest.mark.parametrize(
    ("init", "variance"), [("he_normal", 2 / 784), ("glorot_normal", 2 / (784 + 256)), ("lecun_normal", 1 / 784)]
)
def test_normal_ones_are_normal(init, variance):
    weight = draw(init)[0][0].ravel()
    assert stats.kstest(weight / np.sqrt(variance), "norm").pvalue > 0.001


def test_he_uniform_is_uniform():
    bound = np.sqrt(6 / 784)
    assert stats.kstest(draw("he_uniform")[0][0].ravel(), stats.uniform(-bound, 2 * bound).cdf).pvalue > 0.001


@pytest.mark.parametrize("init", sorted(INITIALIZATIONS))
def test_both_precisions_have_the_same_weights_up_to_rounding(init):
    for (w32, b32), (w64, b64) in zip(draw(init, dtype="float32"), draw(init), strict=True):
        assert w32.dtype == b32.dtype == np.float32
        np.testing.assert_array_equal(w32, w64.astype(np.float32))
        np.testing.assert_array_equal(b32, b64.astype(np.float32))
