"""The network of the PyTorch peers, with the project's initial weights."""

import torch
from common import Problem
from torch import nn


def network(given: Problem) -> nn.Sequential:
    layers: list[nn.Module] = []
    for weight, bias in given.weights:
        linear = nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.from_numpy(weight).dtype)
        linear.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
