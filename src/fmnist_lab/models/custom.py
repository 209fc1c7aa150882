"""The multilayer perceptron written by hand: NumPy and its own back-propagation.

A batch is a matrix with one column per image, as on paper: x → z = W x + b → a = φ(z) → … → logits. (The users of the
model see one row per image.) On the way back each layer takes ∂L/∂(its output) and returns ∂L/∂(its input). L is the
mean cross-entropy of the batch, so the factor 1/R for R images enters once, at the loss. `dv` is short for ∂L/∂v.
`docs/backpropagation.md` derives every formula.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fmnist_lab.models.buffers import feed_from, flatten, views
from fmnist_lab.models.interface import EVALUATION_ROWS, Array, Feed, ModelSpec, Weights
from fmnist_lab.models.optimizers import OPTIMIZERS, decay_per_parameter


class Dense:
    """A fully connected layer, z = W x + b, with W (fan_out, fan_in) and b (fan_out,).

    `backward` writes the gradients into dW and db, from where the optimiser reads them.
    """

    def __init__(self, W: Array, b: Array, dW: Array, db: Array, biases: bool = True) -> None:
        self.W, self.b, self.dW, self.db = W, b, dW, db
        self.biases = biases

    def forward(self, x: Array) -> Array:
        """Return z_jr = Σ_i W_ji x_ir + b_j for each image r."""
        self.x = x
        return self.W @ x + self.b[:, np.newaxis]

    def backward(self, dz: Array) -> None:
        """Compute dW_ji = Σ_r dz_jr x_ir, so dW = dz xᵀ, and db_j = Σ_r dz_jr, as b_j is added in every column."""
        np.matmul(dz, self.x.T, out=self.dW)
        if self.biases:  # else db stays 0 and b is never changed
            np.matmul(dz, np.ones(dz.shape[1], dz.dtype), out=self.db)  # faster than np.sum

    def backward_to_input(self, dz: Array) -> Array:
        """Return dx_ir = Σ_j W_ji dz_jr, so dx = Wᵀ dz. The first layer does not need it: pixels do not learn."""
        return self.W.T @ dz


class Activation(Protocol):
    """A function a = φ(z), applied to each element, whose derivative is computed from its output a alone."""

    @staticmethod
    def forward(z: Array) -> Array:
        """Return a = φ(z)."""

    @staticmethod
    def backward(da: Array, a: Array) -> Array:
        """Return dz = da φ'(z)."""


class Relu:
    """a = max(z, 0). The derivative is 1 where a > 0 and 0 elsewhere; at the kink it is 0, as in PyTorch."""

    @staticmethod
    def forward(z: Array) -> Array:
        return np.maximum(z, 0)

    @staticmethod
    def backward(da: Array, a: Array) -> Array:
        return da * (a > 0)


class Tanh:
    """a = tanh z. The derivative is 1 − tanh² z = 1 − a²."""

    @staticmethod
    def forward(z: Array) -> Array:
        a: Array = np.tanh(z)
        return a

    @staticmethod
    def backward(da: Array, a: Array) -> Array:
        dz: Array = da * (1 - a * a)
        return dz


class Sigmoid:
    """a = 1 / (1 + e⁻ᶻ) = (1 + tanh(z/2)) / 2, which cannot overflow. The derivative is a (1 − a)."""

    @staticmethod
    def forward(z: Array) -> Array:
        a: Array = (1 + np.tanh(z / 2)) / 2
        return a

    @staticmethod
    def backward(da: Array, a: Array) -> Array:
        dz: Array = da * (a * (1 - a))
        return dz


class Identity:
    """a = z, with derivative 1: the network is a deep linear one."""

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
    """Return the mean cross-entropy of `logits` (rows, classes) and its gradient, of the same shape.

    With p = softmax(z), L = −mean_r log p_r,y(r). As ∂(−log p_y)/∂z_k = p_k − [k = y], the gradient is
    (p − onehot(y)) / rows. Subtracting from an image's scores their maximum changes neither and keeps every exponent
    at or below 0.
    """
    images = np.arange(len(labels))
    z = logits.T - logits.T.max(axis=0)
    p = np.exp(z)
    total = p.sum(axis=0)
    loss = float((np.log(total) - z[labels, images]).sum()) / len(labels)
    p /= total
    p[labels, images] -= 1
    p /= len(labels)
    return loss, p.T


class CustomModel:
    """A multilayer perceptron with softmax cross-entropy; see `fmnist_lab.models.Model`.

    All parameters lie in one vector and all gradients in another, and the layers hold views of them: an update is a
    few passes over two vectors, whatever the depth.
    """

    def __init__(self, spec: ModelSpec, weights: Weights) -> None:
        self.parameters = flatten(weights)
        self.gradients = flatten([(np.zeros_like(W), np.zeros_like(b)) for W, b in weights])
        pairs = zip(views(self.parameters, weights), views(self.gradients, weights), strict=True)
        self.layers = [Dense(W, b, dW, db, spec.biases) for (W, b), (dW, db) in pairs]
        self.activation = ACTIVATIONS[spec.activation]
        decay = decay_per_parameter(spec.optimizer, weights)
        self.optimizer = OPTIMIZERS[spec.optimizer.name](spec.optimizer, self.parameters, self.gradients, decay)
        self.batch_rows = max(spec.batch_size, EVALUATION_ROWS)

    def feed(self, images: Array, labels: Array, factor: Array, offset: Array) -> Feed:
        dtype = self.parameters.dtype
        return feed_from(images, labels, factor, offset, batch_rows=self.batch_rows, dtype=dtype)

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
        """Compute all gradients from d = ∂L/∂logits (rows, classes), last layer first.

        The input of a layer is the activation of the layer below it.
        """
        first, *later = self.layers
        d = d.T
        for layer in reversed(later):
            layer.backward(d)
            d = self.activation.backward(layer.backward_to_input(d), layer.x)
        first.backward(d)

    def weights(self) -> Weights:
        return [(layer.W.copy(), layer.b.copy()) for layer in self.layers]
