"""The report's way: a torchvision data set that makes a picture of each image and transforms it, behind a DataLoader.

The set's own order: a DataLoader draws it. `ToTensor` and `Normalize` give the project's symmetric scaling.
"""

import torch
from common import LR, Rows, measure, parse_arguments, problem
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torch_network import network
from torchvision import transforms


class Pictures(Dataset):
    """Images one by one, as torchvision.datasets.FashionMNIST returns them."""

    def __init__(self, images, labels, rows: Rows) -> None:
        self.images = torch.tensor(given.dataset.source.pictures(images[rows]))
        self.labels = torch.tensor(labels[rows])
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        picture = Image.fromarray(self.images[place].numpy())
        return self.transform(picture), int(self.labels[place])


def train(rows: Rows) -> list[float]:
    pictures = Pictures(given.images, given.labels, rows) if len(rows) < len(everything) else everything
    losses = []
    for inputs, labels in DataLoader(pictures, arguments.batch, shuffle=True, num_workers=arguments.workers):
        optimizer.zero_grad()
        loss = criterion(model(inputs.flatten(1)), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


if __name__ == "__main__":
    arguments = parse_arguments(workers=0)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    given = problem(arguments, "torch")
    everything = Pictures(given.images, given.labels, given.rows)
    model, criterion = network(given), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    measure(arguments, given, train)
