"""Eager PyTorch on tensors in memory, in the fastest form that we found.

`--resident float32` keeps the scaled images and gathers them; `--resident uint8` gathers bytes and scales each batch, a
quarter of the traffic. SGD is the plain loop over parameters: on a processor it beat both `fused` and `foreach`.
"""

import torch
from common import LR, Rows, batches, measure, parse_arguments, problem
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch_network import network

arguments = parse_arguments(resident="float32")
torch.set_num_threads(arguments.threads)
given = problem(arguments, "torch")
model = network(given)
optimizer = torch.optim.SGD(model.parameters(), lr=LR, foreach=False)
bytewise, (factor, offset) = arguments.resident == "uint8", given.scaling()
images = torch.tensor(given.images) if bytewise else torch.from_numpy(given.inputs())
labels = torch.tensor(given.labels)
dtype = getattr(torch, arguments.dtype)


def gather(index: Tensor) -> Tensor:
    batch = images.index_select(0, index)
    return batch.to(dtype).mul_(factor).add_(offset) if bytewise else batch


def train(rows: Rows) -> list[float]:
    losses = []
    for index in batches(torch.from_numpy(rows), arguments.batch):
        optimizer.zero_grad(set_to_none=True)
        loss = cross_entropy(model(gather(index)), labels.index_select(0, index))
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses).tolist()


measure(arguments, given, train)
