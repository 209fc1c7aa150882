"""The printed curves of the report compared with the mean of our seeds 0 to 2 at the end of each epoch."""

import pandas as pd
import pytest

from fmnist_lab.reproduction.report import load_report

# (model, lr): first epoch that must fit, and the largest deviation. The verdicts cover the other epochs.
FITS = {
    ("custom", 0.002): (1, 0.01),
    ("custom", 0.0001): (5, 0.03),
    ("torch", 0.002): (4, 0.03),
    ("custom", 0.1): (10, 0.03),
    ("torch", 0.1): (10, 0.03),
}


@pytest.fixture(scope="module")
def curves(lab_in, tmp_path_factory):
    """Validation accuracy by model, learning rate and epoch, from the preset that makes the figures."""
    lab = lab_in(tmp_path_factory.mktemp("figures"))
    outcome = lab("-m", "experiment=figures", "seed=0,1,2", "hydra/launcher=joblib")
    assert outcome.returncode == 0, outcome.stderr
    frame = pd.read_csv(lab.sweep() / "curves.csv")
    return frame.groupby(["model", "lr", "epoch"]).validation_accuracy.mean()


@pytest.mark.slow
@pytest.mark.parametrize(("model", "lr"), FITS)
def test_our_runs_follow_the_printed_curve(curves, model, lr):
    (figure,) = (figure for figure in load_report().figures.values() if figure.lr == lr)
    first, margin = FITS[model, lr]
    printed = pd.Series(figure.series["validation_accuracy"][model], index=range(1, 11))
    difference = (curves[model, lr] - printed).loc[first:]
    assert difference.abs().max() <= margin, difference.round(4).to_dict()
