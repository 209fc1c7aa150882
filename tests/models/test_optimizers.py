"""The hand-written optimisers against torch.optim."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from fmnist_lab.models import OptimizerSpec
from fmnist_lab.models.optimizers import BLOCK, OPTIMIZERS

decays = st.sampled_from([0.0, 0.01, 0.3])
rates = st.floats(1e-4, 1.0)
sgd_specs = st.builds(
    lambda lr, momentum, nesterov, decay: OptimizerSpec("sgd", lr, momentum, nesterov and momentum > 0, decay),
    rates,
    st.sampled_from([0.0, 0.5, 0.9]),
    st.booleans(),
    decays,
)
adam_specs = st.builds(
    lambda lr, betas, eps, decay: OptimizerSpec("adam", lr, betas=betas, eps=eps, weight_decay=decay),
    rates,
    st.tuples(st.sampled_from([0.0, 0.8, 0.9]), st.sampled_from([0.9, 0.999])),
    st.sampled_from([1e-8, 1e-3]),
    decays,
)


def torch_optimizer(spec, parameter):
    if spec.name == "adam":
        return torch.optim.Adam([parameter], spec.lr, spec.betas, spec.eps, spec.weight_decay)
    return torch.optim.SGD(
        [parameter], spec.lr, spec.momentum, 0, spec.weight_decay, nesterov=spec.nesterov, foreach=False
    )


@settings(max_examples=80)
@given(spec=sgd_specs | adam_specs, seed=st.integers(0, 1000), size=st.sampled_from([1, 13, BLOCK, BLOCK + 5]))
def test_ten_steps_agree_with_torch(spec, seed, size):
    rng = np.random.default_rng(seed)
    parameters, gradients = rng.normal(size=size), np.empty(size)
    ours = OPTIMIZERS[spec.name](spec, parameters, gradients)
    parameter = torch.nn.Parameter(torch.from_numpy(parameters.copy()))
    theirs = torch_optimizer(spec, parameter)
    for _ in range(10):
        gradients[:] = rng.normal(size=size)
        parameter.grad = torch.from_numpy(gradients.copy())
        ours.step()
        theirs.step()
    assert_allclose(parameters, parameter.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float32_stays_float32(name):
    parameters, gradients = np.ones(4, np.float32), np.ones(4, np.float32)
    OPTIMIZERS[name](OptimizerSpec(name, 0.1), parameters, gradients).step()
    assert parameters.dtype == np.float32
    assert_allclose(parameters, 0.9, rtol=1e-6)
