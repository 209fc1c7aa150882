"""The two models, written by hand and in PyTorch, behind one small interface."""

from __future__ import annotations

from collections.abc import Callable

from fmnist_lab.models.interface import EVALUATION_ROWS, Array, Feed, Model, ModelSpec, OptimizerSpec, Weights

__all__ = ["EVALUATION_ROWS", "MODELS", "Array", "Feed", "Model", "ModelSpec", "OptimizerSpec", "Weights", "build"]


def build(spec: ModelSpec, weights: Weights) -> Model:
    """Build the model of `spec` from its initial `weights`, whose dtype it computes in."""
    return MODELS[spec.name](spec, weights)


def _custom(spec: ModelSpec, weights: Weights) -> Model:
    from fmnist_lab.models.custom import CustomModel

    return CustomModel(spec, weights)


def _torch(spec: ModelSpec, weights: Weights) -> Model:
    # Imported here because a run of the hand-written model does not need PyTorch, which takes seconds to import.
    from fmnist_lab.models.torch import TorchModel

    return TorchModel(spec, weights)


MODELS: dict[str, Callable[[ModelSpec, Weights], Model]] = {"custom": _custom, "torch": _torch}
