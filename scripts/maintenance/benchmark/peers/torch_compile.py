"""The fastest eager PyTorch, network and loss compiled; the compiler's seconds are a quantity of their own."""

import os
import time

os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"  # else only the first process would compile

import torch
from common import LR, Rows, batches, measure, parse_arguments, problem
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch_network import network

arguments = parse_arguments()
torch.set_num_threads(arguments.threads)
given = problem(arguments, "torch")
model = network(given)
optimizer = torch.optim.SGD(model.parameters(), lr=LR, foreach=False)
images, labels = torch.from_numpy(given.inputs()), torch.tensor(given.labels)


@torch.compile(dynamic=False)
def mean_loss(inputs: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(model(inputs), targets)


def train(rows: Rows) -> list[float]:
    losses = []
    for index in batches(torch.from_numpy(rows), arguments.batch):
        optimizer.zero_grad(set_to_none=True)
        loss = mean_loss(images.index_select(0, index), labels.index_select(0, index))
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).tolist()


start = time.perf_counter()
index = torch.from_numpy(given.rows[: arguments.batch])
mean_loss(images.index_select(0, index), labels.index_select(0, index)).backward()
measure(arguments, given, train, compile_seconds=time.perf_counter() - start)
