"""All predictions by the name of their family: each is a function of the setting that yields predictions."""

from collections.abc import Callable, Iterator

from fmnist_lab.saddle.prediction import Prediction
from fmnist_lab.saddle.predictions import dynamics, landscape, local, sample
from fmnist_lab.saddle.setting import Setting

FAMILIES: dict[str, Callable[[Setting], Iterator[Prediction]]] = {
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
