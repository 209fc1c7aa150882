"""The same perceptron in idiomatic PyTorch: modules, autograd, torch.optim; the data lies in the device's memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from fmnist_lab.models.interface import Array, Feed, ModelSpec, OptimizerSpec, Weights

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
}


class TorchModel:
    """A multilayer perceptron with softmax cross-entropy; see `fmnist_lab.models.Model`."""

    def __init__(self, spec: ModelSpec, weights: Weights) -> None:
        self.device = torch.device(spec.device)
        layers: list[nn.Module] = []
        for weight, bias in weights:
            layers += [_linear(weight, bias, spec.biases), ACTIVATIONS[spec.activation]()]
        self.network = nn.Sequential(*layers[:-1]).to(self.device)
        self.optimizer = _optimizer(spec.optimizer, self.network, self.device)

    def feed(self, images: Array, labels: Array, factor: Array, offset: Array) -> Feed:
        dtype = next(self.network.parameters()).dtype
        # Copied, because the originals are mapped read-only and from_numpy shares their memory.
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
        # Not .item(), which would make an accelerator wait for every batch.
        return loss.detach()

    def logits(self, inputs: Tensor) -> Array:
        with torch.inference_mode():
            logits: Array = self.network(inputs).cpu().numpy()
        return logits

    def weights(self) -> Weights:
        linears = [layer for layer in self.network if isinstance(layer, nn.Linear)]
        return [(_array(layer.weight), _array(layer.bias)) for layer in linears]


def pick_device(device: str) -> str:
    """Return the device that `device` names: `auto` is an available accelerator, or else the processor.

    Raises LookupError when the device is not available.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if available[name])
    if not available[device]:
        raise LookupError(f"no {device} device is available here")
    return device


def _operand(array: Array, dtype: torch.dtype, device: torch.device) -> Tensor | float:
    """Return `array` as a tensor, or as a number where it is one for all pixels: PyTorch multiplies by it faster."""
    tensor = torch.tensor(array, dtype=dtype, device=device)
    return tensor.item() if tensor.ndim == 0 else tensor


def _linear(weight: Array, bias: Array, biases: bool) -> nn.Linear:
    fan_out, fan_in = weight.shape
    layer = nn.Linear(fan_in, fan_out, dtype=torch.from_numpy(weight).dtype)
    layer.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
    layer.bias.requires_grad_(biases)
    return layer


def _optimizer(spec: OptimizerSpec, network: nn.Module, device: torch.device) -> torch.optim.Optimizer:
    parameters = _groups(spec, network)
    if spec.name == "adam":
        return torch.optim.Adam(parameters, lr=spec.lr, betas=spec.betas, eps=spec.eps, weight_decay=spec.weight_decay)
    return torch.optim.SGD(
        parameters,
        lr=spec.lr,
        momentum=spec.momentum,
        nesterov=spec.nesterov,
        weight_decay=spec.weight_decay,
        foreach=False if device.type == "cpu" else None,  # on a processor a plain loop is fastest
    )


def _groups(spec: OptimizerSpec, network: nn.Module) -> list[dict[str, Any]]:
    """Return the parameters as one group, or the biases as a second group that does not decay."""
    named = list(network.named_parameters())
    if spec.decay_biases:
        return [{"params": [parameter for _, parameter in named]}]
    weights, biases = ([each for name, each in named if name.endswith(end)] for end in ("weight", "bias"))
    return [{"params": weights}, {"params": biases, "weight_decay": 0.0}]


def _array(tensor: Tensor) -> Array:
    array: Array = tensor.detach().cpu().numpy().copy()
    return array
