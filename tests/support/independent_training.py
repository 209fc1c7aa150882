"""A perceptron trained by PyTorch alone, with which test_independent.py compares the lab; imports nothing of it."""

from itertools import pairwise

import torch
from torch import nn


def train(x, y, test_x, test_y, *, seed, initialize, update, hidden, activation, biases, batch, epochs, shuffle):
    """Return the test accuracy, and the mean loss of the last epoch's batches, each before its update."""
    torch.manual_seed(seed)
    sizes, layers = [x.shape[1], *hidden, int(y.max()) + 1], []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out, bias=biases), activation()]
    network = nn.Sequential(*layers[:-1])
    for layer in network[::2]:
        initialize(layer)
    optimizer = update(network)
    for _ in range(epochs):
        losses = []
        for rows in (torch.randperm(len(x)) if shuffle else torch.arange(len(x))).split(batch):
            loss = nn.functional.cross_entropy(network(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    return (network(test_x).argmax(1) == test_y).float().mean().item(), sum(losses) / len(losses)
