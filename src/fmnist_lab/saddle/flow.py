"""Gradient flow, integrated nearly to rounding error, and gradient descent with a finite learning rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fmnist_lab.saddle import network
from fmnist_lab.saddle.moments import Array, Moments
from fmnist_lab.saddle.network import Weights

Event = Callable[[Weights], float]

FOREVER = 1e12  # larger than any escape time here: each integration ends with its event


@dataclass(frozen=True)
class Path:
    """A path of gradient descent: time = step · lr, loss − loss(0) and ‖gradient‖, each of shape (steps,)."""

    time: Array
    excess: Array
    slope: Array


def times_of(
    events: Sequence[Event],
    initial: Weights,
    slope: Callable[[Weights], Weights],
    method: str = "DOP853",
    rtol: float = 1e-12,
) -> tuple[list[float], Weights]:
    """Return the times at which the flow W' = −slope(W) from `initial` brings each of `events` from above to zero.

    The flow is followed until the last event. The weights at the end are returned as well.
    """
    from scipy.integrate import solve_ivp

    def crossing(event: Event) -> Any:
        def watched(_: float, theta: Array) -> float:
            return event(network.unflatten(theta, initial))

        return watched

    def velocity(_: float, theta: Array) -> Array:
        return -network.flatten(slope(network.unflatten(theta, initial)))

    last = crossing(lambda weights: max(event(weights) for event in events))
    last.terminal = True
    theta = network.flatten(initial)
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
    return [float(time[0]) for time in times], network.unflatten(solution.y[:, -1], initial)


def time_to_drop(initial: Weights, moments: Moments, drop: float) -> float:
    """Return the time that the gradient flow from `initial` takes to lower the loss to loss(0) − drop."""

    def above(weights: Weights) -> float:
        return float(network.excess(weights, moments)) + drop

    (time,), _ = times_of([above], initial, lambda weights: network.gradient(weights, moments))
    return time


def descend(initial: Weights, moments: Moments, lr: float, steps: int) -> Path:
    """Return the path of `steps` steps of gradient descent from `initial`."""
    weights = initial
    excess, slope = np.empty(steps), np.empty(steps)
    for n in range(steps):
        gradient = network.gradient(weights, moments)
        excess[n], slope[n] = network.excess(weights, moments), network.norm(gradient)
        weights = [W - lr * G for W, G in zip(weights, gradient, strict=True)]
    return Path(lr * np.arange(steps, dtype=np.float64), excess, slope)


def steps_to_drop(initial: Weights, moments: Moments, lr: float, drop: float) -> int:
    """Return the number of steps of gradient descent until the loss is at most loss(0) − drop."""
    weights, steps = initial, 0
    while network.excess(weights, moments) > -drop:
        weights = [W - lr * G for W, G in zip(weights, network.gradient(weights, moments), strict=True)]
        steps += 1
    return steps
