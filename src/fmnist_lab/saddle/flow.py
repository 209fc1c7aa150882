"""Dynamics: gradient flow, integrated to near rounding, and gradient descent as it is done in practice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fmnist_lab.saddle import network
from fmnist_lab.saddle.moments import Array, Moments
from fmnist_lab.saddle.network import Weights

Event = Callable[[Weights], float]

FOREVER = 1e12  # far beyond every time asked for: an integration ends with its event


@dataclass(frozen=True)
class Path:
    """Gradient descent, step by step: time = step · lr, loss − loss(0) and ‖gradient‖, each of shape (steps,)."""

    time: Array
    excess: Array
    slope: Array


def times_of(
    events: Sequence[Event],
    start: Weights,
    slope: Callable[[Weights], Weights],
    method: str = "DOP853",
    rtol: float = 1e-12,
) -> tuple[list[float], Weights]:
    """When the flow W' = −slope(W) from `start` first brings each of `events` from above to zero.

    It is followed until the last of them. Returns the times, and the weights at the end.
    """
    from scipy.integrate import solve_ivp

    def crossing(event: Event) -> Any:
        def watched(_: float, theta: Array) -> float:
            return event(network.unflatten(theta, start))

        return watched

    def velocity(_: float, theta: Array) -> Array:
        return -network.flatten(slope(network.unflatten(theta, start)))

    last = crossing(lambda weights: max(event(weights) for event in events))
    last.terminal = True
    theta = network.flatten(start)
    solution = solve_ivp(
        velocity,
        (0.0, FOREVER),
        theta,
        method=method,
        rtol=rtol,
        atol=rtol * np.abs(theta).max() / 1000,
        events=[*map(crossing, events), last],
    )
    *times, _ = solution.t_events
    return [float(time[0]) for time in times], network.unflatten(solution.y[:, -1], start)


def time_to_drop(start: Weights, moments: Moments, drop: float) -> float:
    """How long the gradient flow from `start` takes to lower the loss to loss(0) − drop."""

    def above(weights: Weights) -> float:
        return float(network.excess(weights, moments)) + drop

    (time,), _ = times_of([above], start, lambda weights: network.gradient(weights, moments))
    return time


def descend(start: Weights, moments: Moments, lr: float, steps: int) -> Path:
    """Gradient descent."""
    weights = start
    excess, slope = np.empty(steps), np.empty(steps)
    for n in range(steps):
        gradient = network.gradient(weights, moments)
        excess[n], slope[n] = network.excess(weights, moments), network.norm(gradient)
        weights = [W - lr * G for W, G in zip(weights, gradient, strict=True)]
    return Path(lr * np.arange(steps, dtype=np.float64), excess, slope)


def steps_to_drop(start: Weights, moments: Moments, lr: float, drop: float) -> int:
    """Steps of gradient descent until the loss is at most loss(0) − drop."""
    weights, steps = start, 0
    while network.excess(weights, moments) > -drop:
        weights = [W - lr * G for W, G in zip(weights, network.gradient(weights, moments), strict=True)]
        steps += 1
    return steps
