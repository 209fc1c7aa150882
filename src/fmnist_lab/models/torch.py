"""The same perceptron in idiomatic PyTorch: modules, autograd, torch.optim; the data resident on the device."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from fmnist_lab.models import Array, Feed, OptimizerSpec, Weights

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
}


class TorchModel:
    """A multilayer perceptron with softmax cross-entropy; see `fmnist_lab.models.Model`."""

    def __init__(
        self, weights: Weights, activation: str, rule: OptimizerSpec, device: str, biases: bool = True
    ) -> None:
        self.device = torch.device(device)
        layers: list[nn.Module] = []
        for weight, bias in weights:
            layers += [_linear(weight, bias, biases), ACTIVATIONS[activation]()]
        self.network = nn.Sequential(*layers[:-1]).to(self.device)
        self.optimizer = _optimizer(rule, self.network, self.device)

    def feed(self, images: Array, labels: Array, factor: Array, offset: Array) -> Feed:
        dtype = next(self.network.parameters()).dtype
        # Copies: the originals are mapped read-only, and from_numpy shares memory.
        resident = torch.tensor(images, device=self.device)
        targets = torch.tensor(labels, device=self.device)
        scale, shift = (_operand(array, dtype, self.device) for array in (factor, offset))

        def batch(rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
            index = torch.from_numpy(rows).to(self.device)
            x = resident.index_select(0, index).to(dtype).mul_(scale).add_(shift)
            return x, targets.index_select(0, index)

        return batch

    def step(self, inputs: Tensor, labels: Tensor) -> Tensor:
        self.optimizer.zero_grad()
        loss: Tensor = cross_entropy(self.network(inputs), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        # Not .item(): that would make an accelerator wait for every batch.
        return loss.detach()

    def logits(self, inputs: Tensor) -> Array:
        with torch.inference_mode():
            logits: Array = self.network(inputs).cpu().numpy()
        return logits

    def weights(self) -> Weights:
        linears = [layer for layer in self.network if isinstance(layer, nn.Linear)]
        return [(_array(layer.weight), _array(layer.bias)) for layer in linears]


def pick_device(device: str) -> str:
    """The device meant by `device`: `auto` is the accelerator at hand, or else the processor."""
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if available[name])
    if not available[device]:
        raise LookupError(f"no {device} device is available here")
    return device


def _operand(array: Array, dtype: torch.dtype, device: torch.device) -> Tensor | float:
    """A number where one serves all pixels, which PyTorch takes faster than a tensor of one."""
    tensor = torch.tensor(array, dtype=dtype, device=device)
    return tensor.item() if tensor.ndim == 0 else tensor


def _linear(weight: Array, bias: Array, biases: bool) -> nn.Linear:
    fan_out, fan_in = weight.shape
    layer = nn.Linear(fan_in, fan_out, dtype=torch.from_numpy(weight).dtype)
    layer.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
    layer.bias.requires_grad_(biases)
    return layer


def _optimizer(rule: OptimizerSpec, network: nn.Module, device: torch.device) -> torch.optim.Optimizer:
    parameters = _groups(rule, network)
    if rule.name == "adam":
        return torch.optim.Adam(parameters, lr=rule.lr, betas=rule.betas, eps=rule.eps, weight_decay=rule.weight_decay)
    return torch.optim.SGD(
        parameters,
        lr=rule.lr,
        momentum=rule.momentum,
        nesterov=rule.nesterov,
        weight_decay=rule.weight_decay,
        foreach=False if device.type == "cpu" else None,  # on a processor a plain loop is the fastest form
    )


def _groups(rule: OptimizerSpec, network: nn.Module) -> list[dict[str, Any]]:
    """The parameters as one group, or the biases as one of their own that does not decay."""
    named = list(network.named_parameters())
    if rule.decay_biases:
        return [{"params": [parameter for _, parameter in named]}]
    weights, biases = ([each for name, each in named if name.endswith(end)] for end in ("weight", "bias"))
    return [{"params": weights}, {"params": biases, "weight_decay": 0.0}]


def _array(tensor: Tensor) -> Array:
    array: Array = tensor.detach().cpu().numpy().copy()
    return array
