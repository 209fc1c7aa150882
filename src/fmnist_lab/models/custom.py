"""The multilayer perceptron written by hand: NumPy, its own back-propagation, buffers allocated once.

Inside, a batch is a matrix with a column an image, as on paper, and stays one on its way up: x → z = W x + b →
a = φ(z) → … → logits. (OpenBLAS is fastest so; the model's users see a row an image.) On the way down each layer is
handed ∂L/∂(its output) and returns ∂L/∂(its input); `forward` stands beside the `backward` that undoes it. L is the
batch's mean cross-entropy, so the factor 1/rows enters once, at the top.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fmnist_lab.models import EVALUATION_ROWS, Array, Feed, OptimizerSpec, Weights
from fmnist_lab.models.optimizers import OPTIMIZERS

CACHE_LINE = 64  # bytes


class Dense:
    """A fully connected layer, z = W x + b.

    `weight` (fan_out, fan_in) and `bias` (fan_out,) are views into the network's parameters, `weight_gradient` and
    `bias_gradient` into their gradients: what `backward` writes there is what the optimiser reads.
    """

    def __init__(
        self, parameters: tuple[Array, Array], gradients: tuple[Array, Array], images: int, biases: bool = True
    ) -> None:
        self.biases = biases
        self.weight, self.bias = parameters
        self.weight_gradient, self.bias_gradient = gradients
        self._z, self._dx = (_room(fan * images, self.weight.dtype) for fan in self.weight.shape)
        self._ones = np.ones(images, self.weight.dtype)  # a product with ones sums rows faster than np.sum

    def forward(self, x: Array) -> Array:
        """z_jr = Σ_i W_ji x_ir + b_j, for each image r."""
        self.x = x
        z = np.matmul(self.weight, x, out=_columns(self._z, len(self.weight), x.shape[1]))
        z += self.bias[:, np.newaxis]
        return z

    def backward(self, dz: Array) -> None:
        """∂L/∂W_ji = Σ_r dz_jr x_ir, so ∂L/∂W = dz xᵀ; and ∂L/∂b_j = Σ_r dz_jr, as b enters every column once."""
        np.matmul(dz, self.x.T, out=self.weight_gradient)
        if self.biases:  # else their gradient stays 0, and so do they
            np.matmul(dz, self._ones[: dz.shape[1]], out=self.bias_gradient)

    def backward_to_input(self, dz: Array) -> Array:
        """∂L/∂x_ir = Σ_j W_ji dz_jr, so ∂L/∂x = Wᵀ dz. The first layer never asks: pixels do not learn."""
        return np.matmul(self.weight.T, dz, out=_columns(self._dx, len(self.x), dz.shape[1]))


class Activation(Protocol):
    """a = φ(z), element by element. Works in place, and knows its slope from its output a alone: z need not be kept."""

    @staticmethod
    def forward(z: Array) -> Array:
        """Put a in the place of z, and return it."""

    @staticmethod
    def backward(da: Array, a: Array) -> Array:
        """Put ∂L/∂z = ∂L/∂a · φ'(z) in the place of `da`, ∂L/∂a, and return it."""


class Relu:
    """a = max(z, 0). Its slope is 1 where a > 0 and 0 elsewhere; at the kink 0, as PyTorch has it."""

    @staticmethod
    def forward(z: Array) -> Array:
        # A row of zeros, not the number 0: NumPy compares two arrays several times faster.
        np.maximum(z, np.zeros_like(z[0]), out=z)
        return z

    @staticmethod
    def backward(da: Array, a: Array) -> Array:
        da *= a > 0
        return da


class Tanh:
    """a = tanh z. Its slope is 1 − tanh² z = 1 − a²."""

    @staticmethod
    def forward(z: Array) -> Array:
        np.tanh(z, out=z)
        return z

    @staticmethod
    def backward(da: Array, a: Array) -> Array:
        da *= 1 - a * a
        return da


class Sigmoid:
    """a = 1 / (1 + e⁻ᶻ) = (1 + tanh(z/2)) / 2, which cannot overflow. Its slope is a (1 − a)."""

    @staticmethod
    def forward(z: Array) -> Array:
        z *= 0.5
        np.tanh(z, out=z)
        z += 1
        z *= 0.5
        return z

    @staticmethod
    def backward(da: Array, a: Array) -> Array:
        da *= a * (1 - a)
        return da


class Identity:
    """a = z, slope 1: a deep linear network."""

    @staticmethod
    def forward(z: Array) -> Array:
        return z

    @staticmethod
    def backward(da: Array, a: Array) -> Array:
        return da


ACTIVATIONS: dict[str, type[Activation]] = {
    "relu": Relu,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "identity": Identity,
}


def softmax_cross_entropy(logits: Array, labels: NDArray[np.int64]) -> tuple[float, Array]:
    """The mean cross-entropy of a batch and its gradient, which takes the place of `logits` (rows, classes).

    With p = softmax(z), L = −mean_r log p_r,y(r). As ∂(−log p_y)/∂z_k = p_k − [k = y], the gradient is
    (p − onehot(y)) / rows. Shifting an image's scores by their maximum changes neither and keeps every exponent at or
    below 0.
    """
    z, images = logits.T, np.arange(len(labels))
    z -= z.max(axis=0)
    chosen = z[labels, images]
    p = np.exp(z, out=z)
    total = p.sum(axis=0)
    loss = float((np.log(total) - chosen).sum()) / len(labels)
    p /= total
    p[labels, images] -= 1
    p /= len(labels)
    return loss, p.T


class CustomModel:
    """A multilayer perceptron with softmax cross-entropy; see `fmnist_lab.models.Model`.

    Every parameter lies in one flat vector, every gradient in another, and the layers hold views: an update is a few
    passes over two vectors, whatever the depth.
    """

    def __init__(
        self, weights: Weights, activation: str, rule: OptimizerSpec, batch_size: int, biases: bool = True
    ) -> None:
        self._rows = max(batch_size, EVALUATION_ROWS)
        flat = np.concatenate([array.ravel() for pair in weights for array in pair])
        self.parameters, self.gradients = (_room(flat.size, flat.dtype) for _ in range(2))
        self.parameters[:], self.gradients[:] = flat, 0
        views = zip(_views(self.parameters, weights), _views(self.gradients, weights), strict=True)
        self.layers = [Dense(parameters, gradients, self._rows, biases) for parameters, gradients in views]
        self.activation = ACTIVATIONS[activation]
        self.optimizer = OPTIMIZERS[rule.name](rule, self.parameters, self.gradients, _decay(rule, weights))

    def feed(self, images: Array, labels: Array, factor: Array, offset: Array) -> Feed:
        dtype = self.parameters.dtype
        factor, offset = factor.astype(dtype), offset.astype(dtype)
        shape = (self._rows, images.shape[1])
        pixels, inputs = (_room(math.prod(shape), kind).reshape(shape) for kind in (images.dtype, dtype))

        def batch(rows: NDArray[np.int64]) -> tuple[Array, Array]:
            # Bytes are gathered and then converted: a quarter of the traffic of gathering floats. "clip" lets
            # NumPy write straight into the buffer.
            gathered = np.take(images, rows, axis=0, out=pixels[: len(rows)], mode="clip")
            x = inputs[: len(rows)]
            np.copyto(x, gathered)
            x *= factor
            x += offset
            return x, labels[rows]

        return batch

    def logits(self, inputs: Array) -> Array:
        *hidden, last = self.layers
        a = inputs.T
        for layer in hidden:
            a = self.activation.forward(layer.forward(a))
        return last.forward(a).T

    def step(self, inputs: Array, labels: NDArray[np.int64]) -> float:
        loss, d = softmax_cross_entropy(self.logits(inputs), labels)
        self.backward(d)
        self.optimizer.step()
        return loss

    def backward(self, d: Array) -> None:
        """Fill the gradients, from d = ∂L/∂logits down. A layer's input is the activation that lies below it."""
        first, *later = self.layers
        d = d.T
        for layer in reversed(later):
            layer.backward(d)
            d = self.activation.backward(layer.backward_to_input(d), layer.x)
        first.backward(d)

    def weights(self) -> Weights:
        return [(layer.weight.copy(), layer.bias.copy()) for layer in self.layers]


def _room(size: int, dtype: DTypeLike) -> Array:
    """An array (size,) that begins with a line of the cache: else every store of BLAS's widest kernels hits two."""
    room = np.empty(size + CACHE_LINE, dtype)
    start = -room.ctypes.data % CACHE_LINE // room.itemsize
    return room[start : start + size]


def _columns(room: Array, rows: int, columns: int) -> Array:
    """An array (rows, columns) at the start of `room`, in one piece: BLAS is slower on part of a wider one."""
    return room[: rows * columns].reshape(rows, columns)


def _decay(rule: OptimizerSpec, like: Weights) -> Array | None:
    """The weight decay of each parameter, when it is not the same for all."""
    if rule.decay_biases or not rule.weight_decay:
        return None
    decays = [(np.full_like(weight, rule.weight_decay), np.zeros_like(bias)) for weight, bias in like]
    return np.concatenate([array.ravel() for pair in decays for array in pair])


def _views(flat: Array, like: Weights) -> Weights:
    """Cut `flat` into arrays of the shapes of `like`."""
    sizes = [array.size for pair in like for array in pair]
    pieces = iter(np.split(flat, np.cumsum(sizes)[:-1]))
    return [(next(pieces).reshape(weight.shape), next(pieces)) for weight, _ in like]
