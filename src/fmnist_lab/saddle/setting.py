"""The data of a command, and the measurements that several predictions and figures share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fmnist_lab import data
from fmnist_lab.saddle import flow, network, sample, theory
from fmnist_lab.saddle.config import DATA, PREDICTIONS, SaddleConfig
from fmnist_lab.saddle.moments import Moments, measure, one_hot
from fmnist_lab.saddle.network import Weights
from fmnist_lab.saddle.sample import Sample

SMALL = 20  # input dimensions for dense Hessians and flows, which need many gradients
DENSE = 800  # largest number of parameters of a dense Hessian
SAMPLE = 200  # images for predictions that need images and not only moments
Direction = Callable[[Moments, int], Weights]

RELU_SCALES = (0.01, 0.003, 0.001)  # small enough for the leading order
ESCAPED = 3 / 4  # fraction of the largest descent along the escape line; there a^N is half its final value


class Setting:
    """The data that a `SaddleConfig` chooses: `images` uint8 (m, pixels) and `labels` int64 (m,).

    What several predictions use is computed once. Raises InputError if the data cannot be read.
    """

    def __init__(self, config: SaddleConfig) -> None:
        self.config = config
        images, labels, _, _ = data.map_arrays(data.prepare(DATA, config.data.root))
        self.images: NDArray[np.uint8] = images[: config.data.images]
        self.labels: NDArray[np.int64] = labels[: config.data.images]
        self.classes = len(DATA.classes)

    @cached_property
    def raw(self) -> Moments:
        """Moments of all pixels, unchanged."""
        return measure(self.images, self.labels, self.classes, DATA.brightest)

    @cached_property
    def moments(self) -> Moments:
        """Moments of the inputs that the configuration chooses."""
        chosen = self.config.data
        return self._inputs(chosen.dim if chosen.pixels == "pca" else self.raw.C.shape[0])

    @cached_property
    def small(self) -> Moments:
        """Moments of these inputs, reduced to SMALL principal components if they have more."""
        few = len(self.moments.C) <= SMALL
        return self.moments if few else self._inputs(SMALL)

    @cached_property
    def white(self) -> Moments:
        """Moments of whitened inputs, for which the flow has a closed form."""
        return self.small.whitened()

    @cached_property
    def stairs(self) -> Moments:
        """Moments of uncentred, unwhitened inputs: their singular values are far apart, so that stairs are separate."""
        return self.raw.reduced(SMALL)

    @cached_property
    def sample(self) -> Sample:
        """The first SAMPLE images, all pixels, unchanged."""
        images, labels = self.images[:SAMPLE], self.labels[:SAMPLE]
        moments = measure(images, labels, self.classes, DATA.brightest)
        return Sample(np.ascontiguousarray(images.T / DATA.brightest), one_hot(labels, self.classes), moments)

    def generator(self, family: str) -> np.random.Generator:
        """Return the random generator of a family, so that its draws do not depend on which others are chosen."""
        return np.random.default_rng([self.config.seed, PREDICTIONS.index(family)])

    def units(self, moments: Moments, depth: int) -> list[int]:
        return network.sizes(moments, depth, self.config.width)

    def dense_width(self, moments: Moments) -> int:
        """Return the largest width whose dense Hessian has DENSE parameters at most; at most 12 and `width`."""
        return max(1, min(self.config.width, 12, DENSE // sum(moments.S.shape)))

    def scales(self, moments: Moments, depth: int) -> list[float]:
        """Return the configured initial scales below the end of the escape, in falling order."""
        return sorted((scale for scale in self.config.escape.scales if scale < end(moments, depth)), reverse=True)

    @cached_property
    def white_times(self) -> dict[int, list[float]]:
        """Escape times by depth, one for each scale: along the escape direction, whitened inputs."""
        return {depth: self._times(self.white, depth, self._escape) for depth in self.config.depths}

    @cached_property
    def aligned_times(self) -> dict[int, list[float]]:
        """Escape times along the escape direction, inputs as configured."""
        return {depth: self._times(self.small, depth, self._escape) for depth in self.config.depths}

    @cached_property
    def random_times(self) -> dict[int, list[float]]:
        """Escape times from one random direction, inputs as configured."""
        return {depth: self._times(self.small, depth, self._random) for depth in self.config.depths}

    @cached_property
    def relu_times(self) -> dict[int, list[float]]:
        """Escape times of bias-free ReLU networks on the sample, from one random direction, for `RELU_SCALES`."""
        moments, images = self.sample.moments, self.sample

        def time(initial: Weights) -> float:
            (found,), _ = flow.times_of(
                [lambda weights: sample.relu_excess(weights, images) + drop(moments)],
                initial,
                lambda weights: sample.relu_gradient(weights, images),
                method="RK45",  # at the kinks of ReLU a higher order gains nothing
                rtol=1e-4,
            )
            return found

        directions = {depth: self._random(moments, depth) for depth in self.config.depths}
        return {depth: [time(network.starting(W, scale)) for scale in RELU_SCALES] for depth, W in directions.items()}

    @cached_property
    def staircase(self) -> flow.Path:
        """The path of gradient descent with two hidden layers from small random weights."""
        chosen = self.config.staircase
        initial = network.starting(self._random(self.stairs, 2), chosen.scale)
        return flow.descend(initial, self.stairs, chosen.lr, round(chosen.time / chosen.lr))

    def _inputs(self, dim: int) -> Moments:
        moments = (self.raw.centred() if self.config.data.center else self.raw).reduced(dim)
        return moments.whitened() if self.config.data.whiten else moments

    def _times(self, moments: Moments, depth: int, direction: Direction) -> list[float]:
        weights = direction(moments, depth)
        return [
            flow.time_to_drop(network.starting(weights, scale), moments, drop(moments))
            for scale in self.scales(moments, depth)
        ]

    def _escape(self, moments: Moments, depth: int) -> Weights:
        return network.escape(self.units(moments, depth), moments)

    def _random(self, moments: Moments, depth: int) -> Weights:
        return network.random(self.units(moments, depth), np.random.default_rng([self.config.seed, depth]))


def end(moments: Moments, depth: int) -> float:
    """Return the scale a on the escape line at which the flow counts as escaped: a^N = ½ σ₁/κ."""
    rest = theory.resting_scale(depth, moments.sigma[0], moments.kappa)
    return float(rest * 0.5 ** (1 / (depth + 1)))


def drop(moments: Moments) -> float:
    """Return the descent of the loss at that scale: ¾ of σ₁²/(2κ)."""
    return float(ESCAPED * moments.sigma[0] ** 2 / (2 * moments.kappa))
