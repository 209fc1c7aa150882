"""What the checks and figures have in common: the data of a command, and what is measured only once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fmnist_lab import data
from fmnist_lab.saddle import flow, network, sample, theory
from fmnist_lab.saddle.config import CHECKS, DATA, SaddleConfig
from fmnist_lab.saddle.moments import Moments, measure, one_hot
from fmnist_lab.saddle.network import Weights
from fmnist_lab.saddle.sample import Sample

SMALL = 20  # dimensions of the dense Hessians and of the flows, which need many gradients
DENSE = 800  # parameters at most of a dense Hessian
SAMPLE = 200  # images of the checks that need images themselves
Direction = Callable[[Moments, int], Weights]

RELU_SCALES = (0.01, 0.003, 0.001)  # small enough for the leading order
ESCAPED = 3 / 4  # of the deepest descent along the escape line: there a^N is half its final value


class Setting:
    """The data as a `SaddleConfig` wants it; `images` uint8 (m, pixels) and `labels` int64 (m,)."""

    def __init__(self, config: SaddleConfig) -> None:
        self.config = config
        images, labels, _, _ = data.map_arrays(data.prepare(DATA, config.data.root))
        self.images: NDArray[np.uint8] = images[: config.data.images]
        self.labels: NDArray[np.int64] = labels[: config.data.images]
        self.classes = len(DATA.classes)

    @cached_property
    def raw(self) -> Moments:
        """Of all pixels as they are."""
        return measure(self.images, self.labels, self.classes, DATA.brightest)

    @cached_property
    def moments(self) -> Moments:
        """Of the inputs that were asked for."""
        chosen = self.config.data
        return self._inputs(chosen.dim if chosen.pixels == "pca" else self.raw.C.shape[0])

    @cached_property
    def small(self) -> Moments:
        """The same, of a few principal components at most."""
        few = len(self.moments.C) <= SMALL
        return self.moments if few else self._inputs(SMALL)

    @cached_property
    def white(self) -> Moments:
        """Inputs for which the flow is solved in closed form."""
        return self.small.whitened()

    @cached_property
    def stairs(self) -> Moments:
        """Inputs whose singular values lie far apart, so that the stairs can be told apart."""
        return self.raw.reduced(SMALL)

    @cached_property
    def sample(self) -> Sample:
        """Some images, pixels as they are."""
        images, labels = self.images[:SAMPLE], self.labels[:SAMPLE]
        moments = measure(images, labels, self.classes, DATA.brightest)
        return Sample(np.ascontiguousarray(images.T / DATA.brightest), one_hot(labels, self.classes), moments)

    def generator(self, check: str) -> np.random.Generator:
        """A check's own source of randomness: what it draws does not depend on which others are asked for."""
        return np.random.default_rng([self.config.seed, CHECKS.index(check)])

    def units(self, moments: Moments, depth: int) -> list[int]:
        return network.sizes(moments, depth, self.config.width)

    def dense_width(self, moments: Moments) -> int:
        """The largest width up to the configured one, and to 12, whose dense Hessian is affordable."""
        return max(1, min(self.config.width, 12, DENSE // sum(moments.S.shape)))

    def scales(self, moments: Moments, depth: int) -> list[float]:
        """The starting scales asked for, falling, that lie before the end of the escape."""
        return sorted((scale for scale in self.config.escape.scales if scale < end(moments, depth)), reverse=True)

    @cached_property
    def white_times(self) -> dict[int, list[float]]:
        """Escape times by depth, a scale each: along the escape direction, whitened inputs."""
        return {depth: self._times(self.white, depth, self._escape) for depth in self.config.depths}

    @cached_property
    def aligned_times(self) -> dict[int, list[float]]:
        """The same for the inputs as they are."""
        return {depth: self._times(self.small, depth, self._escape) for depth in self.config.depths}

    @cached_property
    def random_times(self) -> dict[int, list[float]]:
        """The same from one random direction."""
        return {depth: self._times(self.small, depth, self._random) for depth in self.config.depths}

    @cached_property
    def relu_times(self) -> dict[int, list[float]]:
        """Escape times of the bias-free ReLU network on the sample, from one random direction, for `RELU_SCALES`."""
        moments, images = self.sample.moments, self.sample

        def time(start: Weights) -> float:
            (found,), _ = flow.times_of(
                [lambda weights: sample.relu_excess(weights, images) + drop(moments)],
                start,
                lambda weights: sample.relu_gradient(weights, images),
                method="RK45",  # the kinks spare no order
                rtol=1e-4,
            )
            return found

        starts = {depth: self._random(moments, depth) for depth in self.config.depths}
        return {depth: [time(network.starting(W, scale)) for scale in RELU_SCALES] for depth, W in starts.items()}

    @cached_property
    def staircase(self) -> flow.Path:
        """Gradient descent of two hidden layers from a small random start."""
        chosen = self.config.staircase
        start = network.starting(self._random(self.stairs, 2), chosen.scale)
        return flow.descend(start, self.stairs, chosen.lr, round(chosen.time / chosen.lr))

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
    """The scale a of the escape line at which the flow counts as escaped: a^N = ½ σ₁/κ."""
    rest = theory.resting_scale(depth, moments.sigma[0], moments.kappa)
    return float(rest * 0.5 ** (1 / (depth + 1)))


def drop(moments: Moments) -> float:
    """The descent there: ¾ of σ₁²/(2κ)."""
    return float(ESCAPED * moments.sigma[0] ** 2 / (2 * moments.kappa))
