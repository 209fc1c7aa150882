"""Eager PyTorch's fastest form with the network and its loss compiled; the compiler's seconds are reported apart."""

import os
import time

os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"  # else only the first process would compile

import torch
from common import LR, Rows, batches, measure, options, problem
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch_network import network

told = options()
torch.set_num_threads(told.threads)
given = problem(told, "torch")
model = network(given)
optimizer = torch.optim.SGD(model.parameters(), lr=LR, foreach=False)
images, labels = torch.from_numpy(given.inputs()), torch.tensor(given.labels)


@torch.compile(dynamic=False)
def mean_loss(inputs: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(model(inputs), targets)


def train(rows: Rows) -> list[float]:
    losses = []
    for index in batches(torch.from_numpy(rows), told.batch):
        optimizer.zero_grad(set_to_none=True)
        loss = mean_loss(images.index_select(0, index), labels.index_select(0, index))
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).tolist()


start = time.perf_counter()
index = torch.from_numpy(given.rows[: told.batch])
mean_loss(images.index_select(0, index), labels.index_select(0, index)).backward()
measure(told, given, train, compile_seconds=time.perf_counter() - start)
