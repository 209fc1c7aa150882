"""Every check, by the name of its family: a function that takes the setting and yields comparisons."""

from collections.abc import Callable, Iterator

from fmnist_lab.saddle.checks import dynamics, landscape, local, sample
from fmnist_lab.saddle.prediction import Check
from fmnist_lab.saddle.setting import Setting

FAMILIES: dict[str, Callable[[Setting], Iterator[Check]]] = {
    "gradient": local.gradient,
    "hessian": local.hessian,
    "taylor": local.taylor,
    "lines": local.lines,
    "directions": local.directions,
    "layers": local.layers,
    "converse": local.converse,
    "saddles": landscape.saddles,
    "minimum": landscape.minimum,
    "escape": dynamics.escape,
    "standstill": dynamics.standstill,
    "staircase": dynamics.staircase,
    "relu": sample.relu,
    "cross_entropy": sample.cross_entropy,
    "autograd": sample.autograd,
}
