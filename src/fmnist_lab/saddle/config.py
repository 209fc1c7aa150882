"""The configuration of the saddle: type and constraint of each key. `conf/saddle.yaml` has defaults and meanings."""

from __future__ import annotations

from dataclasses import dataclass

from fmnist_lab.config.constraints import POSITIVE, TEXT, YES_NO, Constraint, one_of, whole
from fmnist_lab.config.schema import key
from fmnist_lab.data import shipped

PREDICTIONS = (
    "gradient",
    "hessian",
    "taylor",
    "lines",
    "directions",
    "layers",
    "converse",
    "saddles",
    "minimum",
    "escape",
    "standstill",
    "staircase",
    "relu",
    "cross_entropy",
    "autograd",
)
DATA = shipped("fashion_mnist")
DEEPEST = 5  # with more hidden layers, rounding hides t^(L+1) along a line before t is small


def between(least: int, most: int) -> Constraint:
    return Constraint(f"a whole number from {least} to {most}", lambda value: least <= value <= most)


DEPTHS = Constraint(
    f"a list of one or more different whole numbers from 1 to {DEEPEST}, such as [1,2,3]",
    lambda value: len(value) > 0 and len(set(value)) == len(value) and all(1 <= depth <= DEEPEST for depth in value),
)
SCALES = Constraint(
    "a list of two or more different numbers from 0.001 to 0.1",
    lambda value: len(set(value)) == len(value) >= 2 and all(0.001 <= scale <= 0.1 for scale in value),
)
SOME_PREDICTIONS = Constraint(
    "a list of one or more of " + ", ".join(PREDICTIONS),
    lambda value: len(value) > 0 and set(value) <= set(PREDICTIONS),
)


@dataclass
class SaddleDataConfig:
    root: str | None = key(TEXT)
    images: int = key(between(1000, DATA.train_size))
    pixels: str = key(one_of("pca", "full"))
    dim: int = key(between(1, DATA.pixels))
    whiten: bool = key(YES_NO)
    center: bool = key(YES_NO)


@dataclass
class EscapeConfig:
    scales: list[float] = key(SCALES)


@dataclass
class StaircaseConfig:
    scale: float = key(Constraint("a number above 0 and at most 0.1", lambda value: 0 < value <= 0.1))
    lr: float = key(POSITIVE)
    time: float = key(POSITIVE)


@dataclass
class SaddleConfig:
    """The whole configuration of one command. `checks` names the families of predictions."""

    data: SaddleDataConfig
    escape: EscapeConfig
    staircase: StaircaseConfig
    depths: list[int] = key(DEPTHS)
    width: int = key(whole(1))
    checks: list[str] = key(SOME_PREDICTIONS)
    seed: int = key(whole(0))
    figures: bool = key(YES_NO)
    outputs: str = key(Constraint("the path of a folder", lambda value: value != ""))
