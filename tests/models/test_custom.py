"""The hand-written back-propagation against central differences and against autograd."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from fmnist_lab.models import ModelSpec, OptimizerSpec
from fmnist_lab.models.buffers import CACHE_LINE, aligned_zeros
from fmnist_lab.models.custom import ACTIVATIONS, CustomModel, softmax_cross_entropy
from fmnist_lab.models.initialization import initial_weights
from fmnist_lab.models.torch import TorchModel

STILL = OptimizerSpec("sgd", lr=1e-300)  # a step computes gradients and changes no weight
SMOOTH = ("tanh", "sigmoid", "identity")  # any other may have a kink at zero, where central differences are wrong


def spec(activation, batch_size, optimizer=STILL):
    return ModelSpec("", activation, optimizer, batch_size)  # the class is given by the test, so the name is not used


@st.composite
def problems(draw):
    """A network of random depth and widths, and a batch of inputs and labels for it."""
    sizes = draw(st.lists(st.integers(1, 7), min_size=2, max_size=6))
    rows = draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    weights = initial_weights(sizes, "normal", bias="same", std=0.8, rng=rng, dtype="float64")
    return weights, rng.normal(size=(rows, sizes[0])), rng.integers(0, sizes[-1], rows)


def gradient(weights, activation, inputs, labels):
    model = CustomModel(spec(activation, len(inputs)), weights)
    model.backward(softmax_cross_entropy(model.logits(inputs), labels)[1])
    return model.gradients.copy()


def loss_at(model, parameters, inputs, labels):
    model.parameters[:] = parameters
    return softmax_cross_entropy(model.logits(inputs), labels)[0]


def central_difference(weights, activation, inputs, labels, h=1e-5):
    model = CustomModel(spec(activation, len(inputs)), weights)
    point = model.parameters.copy()
    steps = h * np.eye(len(point))
    differences = [
        loss_at(model, point + step, inputs, labels) - loss_at(model, point - step, inputs, labels) for step in steps
    ]
    return np.array(differences) / (2 * h)


def near_zero(weights, activation, inputs, distance=1e-3):
    """Return whether the input of any hidden unit's activation lies within `distance` of 0."""
    a = inputs
    for weight, bias in weights[:-1]:
        z = a @ weight.T + bias
        if np.abs(z).min() < distance:
            return True
        a = ACTIVATIONS[activation].forward(z)
    return False


@pytest.mark.parametrize("activation", ACTIVATIONS)
@settings(max_examples=60)
@given(problem=problems())
def test_gradient_agrees_with_central_differences(activation, problem):
    weights, inputs, labels = problem
    assume(activation in SMOOTH or not near_zero(weights, activation, inputs))
    exact = gradient(weights, activation, inputs, labels)
    assume(np.linalg.norm(exact) > 1e-4)  # relative to the norm: a network of one class has gradient zero
    measured = central_difference(weights, activation, inputs, labels)
    # A difference of two losses keeps their rounding, divided by 2h, however small the gradient is.
    assert np.linalg.norm(measured - exact) <= 1e-7 * np.linalg.norm(exact) + 1e-9


@pytest.mark.parametrize("activation", ACTIVATIONS)
@settings(max_examples=60)
@given(problem=problems())
def test_gradient_agrees_with_autograd(activation, problem):
    weights, inputs, labels = problem
    reference = TorchModel(spec(activation, len(inputs)), weights)
    reference.step(torch.from_numpy(inputs), torch.from_numpy(labels))
    theirs = np.concatenate([p.grad.numpy().ravel() for p in reference.network.parameters()])
    ours = gradient(weights, activation, inputs, labels)
    assert np.linalg.norm(ours - theirs) <= 1e-12 * np.linalg.norm(theirs) + 1e-15


def test_relu_has_slope_zero_at_its_kink_as_in_torch():
    # The gradient that reaches the hidden units is not zero, as the units of the last layer have different weights.
    weights = [(np.zeros((3, 2)), np.zeros(3)), (np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]]), np.zeros(2))]
    inputs, labels = np.ones((4, 2)), np.zeros(4, int)
    assert not gradient(weights, "relu", inputs, labels)[:9].any()


@settings(max_examples=100)
@given(
    rows=st.integers(1, 8),
    classes=st.integers(1, 10),
    scale=st.sampled_from([1e-3, 1, 50, 1e4]),
    shift=st.sampled_from([0, -1e4, 1e4]),
    seed=st.integers(0, 1000),
)
def test_cross_entropy_is_stable_and_agrees_with_torch(rows, classes, scale, shift, seed):
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(shift, scale, (rows, classes)), rng.integers(0, classes, rows)
    theirs = torch.tensor(logits, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(theirs, torch.from_numpy(labels))
    expected.backward()
    loss, slope = softmax_cross_entropy(logits, labels)
    assert_allclose(loss, expected.item(), rtol=1e-12, atol=1e-11)
    assert_allclose(slope, theirs.grad.numpy(), rtol=1e-11, atol=1e-14)


def test_cross_entropy_of_an_even_guess_is_the_log_of_the_classes():
    loss, slope = softmax_cross_entropy(np.full((3, 10), 700.0), np.array([0, 4, 9]))
    assert loss == pytest.approx(np.log(10), rel=1e-15)
    assert_allclose(slope.sum(axis=1), 0, atol=1e-16)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_stays_in_the_dtype_of_the_weights(dtype):
    weights = initial_weights([6, 5, 3], "he_normal", bias="zeros", std=0, rng=np.random.default_rng(0), dtype=dtype)
    model = CustomModel(spec("relu", 4, OptimizerSpec("adam", lr=0.1)), weights)
    images = np.arange(24, dtype=np.uint8).reshape(4, 6)
    feed = model.feed(images, np.array([0, 1, 2, 0]), np.array(1 / 255), np.array(0.0))
    inputs, labels = feed(np.arange(4))
    model.step(inputs, labels)
    assert {inputs.dtype, model.logits(inputs).dtype, model.gradients.dtype, model.weights()[0][0].dtype} == {
        np.dtype(dtype)
    }


def test_a_feed_scales_the_rows_it_is_asked_for():
    weights = initial_weights([3, 2], "zeros", bias="zeros", std=0, rng=np.random.default_rng(0), dtype="float64")
    images, labels = np.array([[0, 51, 255], [255, 0, 0], [5, 5, 5]], np.uint8), np.array([1, 0, 1])
    factor, offset = np.array([1 / 255, 2 / 255, 1.0]), np.array([0.0, -1.0, 7.0])
    for kind in (CustomModel, TorchModel):
        model = kind(spec("relu", 2), weights)
        inputs, chosen = model.feed(images, labels, factor, offset)(np.array([2, 0]))
        assert_allclose(np.asarray(inputs), images[[2, 0]] * factor + offset, rtol=1e-15)
        assert np.asarray(chosen).tolist() == [1, 1]


def test_weights_are_copies_and_build_the_same_network_again():
    rng = np.random.default_rng(3)
    weights = initial_weights([4, 8, 8, 3], "he_normal", bias="same", std=0, rng=rng, dtype="float64")
    inputs = rng.normal(size=(5, 4))
    for kind in (CustomModel, TorchModel):
        model = kind(spec("tanh", 5), weights)
        taken = model.weights()
        taken[0][0][:] = 0
        for (w, b), (w0, b0) in zip(model.weights(), weights, strict=True):
            np.testing.assert_array_equal(w, w0)
            np.testing.assert_array_equal(b, b0)
    ours = CustomModel(spec("tanh", 5), weights).logits(inputs)
    assert_allclose(ours, TorchModel(spec("tanh", 5), weights).logits(torch.from_numpy(inputs)), rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_and_gradients_begin_at_a_cache_line(dtype):
    rng = np.random.default_rng(0)
    weights = initial_weights([784, 17, 10], "glorot_uniform", bias="zeros", std=0, rng=rng, dtype=dtype)
    model = CustomModel(spec("relu", 128), weights)
    for array in (model.parameters, model.gradients, aligned_zeros((3, 5), dtype)):
        assert array.ctypes.data % CACHE_LINE == 0
        assert array.dtype == dtype


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_and_backward_leave_their_arguments_alone(activation):
    z, da = np.random.default_rng(0).normal(size=(2, 3, 4))
    before = z.copy(), da.copy()
    kind = ACTIVATIONS[activation]
    kind.backward(da, kind.forward(z))
    softmax_cross_entropy(z, np.array([0, 1, 2]))
    np.testing.assert_array_equal((z, da), before)
