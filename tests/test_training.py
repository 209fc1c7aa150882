"""The cases in which training ends before its last epoch."""

from fmnist_lab.runs import run
from fmnist_lab.training import Epoch, stale_epochs


def history(losses):
    return [Epoch(number, loss, 0.0, 0.0, 0.0) for number, loss in enumerate(losses, 1)]


def test_an_epoch_is_stale_unless_the_loss_falls_by_the_tolerance():
    assert stale_epochs(history([3, 2, 1]), 0.5) == 0
    assert stale_epochs(history([3, 2, 1.6]), 0.5) == 1
    assert stale_epochs(history([3, 2, 1.6, 1.2, 1.1]), 0.5) == 3
    assert stale_epochs(history([3, 2, 1.6, 1.2, 0.5]), 0.5) == 0  # from the lowest, 1.2


def test_a_run_ends_when_its_loss_no_longer_falls(small):
    record = run.train(small("epochs=9", "patience=2", "tolerance=100"))
    assert (record.summary()["status"], record.summary()["epochs"]) == ("finished", 3)
    assert len(record.history()) == 3
    assert len(run.train(small("epochs=4", "patience=2", "tolerance=0")).history()) == 4
