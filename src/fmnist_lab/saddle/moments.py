"""Second moments of the data. The squared loss of a linear network depends on the data only through them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BLOCK = 4096  # images converted to float64 at once
NEGLIGIBLE = 1e-12  # as a fraction of the largest: smaller singular values of S are rounding errors
SINGULAR = 1e-10  # as a fraction of the largest: smaller eigenvalues of C are not inverted


@dataclass(frozen=True, eq=False)
class Moments:
    """Averages over m images x in R^d with one-hot labels y in R^k.

    S = Σ y xᵀ/m, shape (k, d); C = Σ x xᵀ/m, (d, d); `mean` = Σ x/m, (d,); `shares` = Σ y/m, (k,); `labels_square` =
    Σ ‖y‖²/m. x is `basis` @ (pixels − `offset`): basis (d, pixels), offset (pixels,).
    """

    S: Array
    C: Array
    mean: Array
    shares: Array
    basis: Array
    offset: Array
    labels_square: float = 1.0

    @property
    def loss_at_zero(self) -> float:
        return self.labels_square / 2

    @cached_property
    def svd(self) -> tuple[Array, Array, Array]:
        """U (k, ρ), σ (ρ,) and Vᵀ (ρ, d) of S without singular values that are rounding errors; ρ = rank S."""
        return _truncated_svd(self.S)

    @property
    def sigma(self) -> Array:
        return self.svd[1]

    @property
    def rank(self) -> int:
        return len(self.sigma)

    @cached_property
    def kappa(self) -> float:
        """κ = v₁ᵀ C v₁: the curvature that ends the descent along the top pair of S."""
        v = self.svd[2][0]
        return float(v @ self.C @ v)

    @cached_property
    def spectrum(self) -> tuple[Array, Array]:
        """Eigenvalues of C in falling order, and eigenvectors as rows, without those too small to be inverted."""
        values, vectors = np.linalg.eigh(self.C)
        kept = values > SINGULAR * values[-1]
        return values[kept][::-1], vectors.T[kept][::-1]

    @cached_property
    def regression(self) -> Array:
        """S C⁺, the least-squares solution of the smallest norm; shape (k, d)."""
        values, vectors = self.spectrum
        return (self.S @ vectors.T / values) @ vectors

    @cached_property
    def fitted(self) -> tuple[Array, Array]:
        """Eigenvectors U (k, ρ) and eigenvalues λ (ρ,), in falling order, of M = S C⁺ Sᵀ.

        They are computed as left singular vectors and squared singular values of S C^(-1/2), which keeps twice the
        digits.
        """
        values, vectors = self.spectrum
        U, roots, _ = _truncated_svd(self.S @ vectors.T / np.sqrt(values))
        return U, roots**2

    def centred(self) -> Moments:
        """Return the moments of x − mean. Call it before any change of basis."""
        return dataclasses.replace(
            self,
            S=self.S - np.outer(self.shares, self.mean),
            C=self.C - np.outer(self.mean, self.mean),
            mean=np.zeros_like(self.mean),
            offset=self.mean,
        )

    def reduced(self, dim: int) -> Moments:
        """Return the moments in the `dim` principal components of C, or in as many as C has."""
        return self._mapped(self.spectrum[1][:dim])

    def whitened(self) -> Moments:
        """Return the moments in all eigenvectors of C, scaled so that C becomes the identity."""
        values, vectors = self.spectrum
        return self._mapped(vectors / np.sqrt(values)[:, None])

    def _mapped(self, T: Array) -> Moments:
        return dataclasses.replace(self, S=self.S @ T.T, C=T @ self.C @ T.T, mean=T @ self.mean, basis=T @ self.basis)


def measure(images: NDArray[np.uint8], labels: NDArray[np.int64], classes: int, brightest: int) -> Moments:
    """Return the moments of images (m, pixels) scaled to [0, 1], with labels (m,).

    The sums are whole numbers below 2⁵³: float64 holds them exactly, in any order of addition.
    """
    m, pixels = images.shape
    C, S = np.zeros((pixels, pixels)), np.zeros((classes, pixels))
    for start in range(0, m, BLOCK):
        x = images[start : start + BLOCK].astype(np.float64)
        C += x.T @ x
        S += one_hot(labels[start : start + BLOCK], classes) @ x
    shares = np.bincount(labels, minlength=classes) / m
    return Moments(
        S=S / (m * brightest),
        C=C / (m * brightest**2),
        mean=S.sum(axis=0) / (m * brightest),
        shares=shares,
        basis=np.eye(pixels),
        offset=np.zeros(pixels),
    )


def one_hot(labels: NDArray[np.int64], classes: int) -> Array:
    """Return one-hot labels, shape (classes, m)."""
    return np.asarray(np.arange(classes)[:, None] == labels, dtype=np.float64)


def _truncated_svd(matrix: Array) -> tuple[Array, Array, Array]:
    U, sigma, Vt = np.linalg.svd(matrix, full_matrices=False)
    kept = sigma > NEGLIGIBLE * sigma[0]
    return U[:, kept], sigma[kept], Vt[kept]
