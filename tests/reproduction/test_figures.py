"""The figures of the report and those of what the networks have learnt, read back from Matplotlib."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from fmnist_lab.reproduction import figures
from fmnist_lab.reproduction.report import load_report
from fmnist_lab.reproduction.sections import at_report
from fmnist_lab.results.intervals import simultaneous_half_widths
from fmnist_lab.results.style import MODEL_STYLES, applied, render
from support.made_up_reproduction import make_entries, make_reproduction

NAMES = ("boot", "bag", "coat")


@pytest.fixture(autouse=True)
def style():
    with applied():
        yield


def hollow(axes, model):
    [marks] = [
        line
        for line in axes.lines
        if line.get_markerfacecolor() == "none" and to_hex(line.get_color()) == MODEL_STYLES[model].color.lower()
    ]
    return marks


def bars(axes):
    """(low, high) of every error bar, by colour."""
    found: dict[str, list[tuple[float, float]]] = {}
    for container in axes.containers:
        segments = container.lines[2][0].get_segments()
        colour = to_hex(container.lines[0].get_color())
        found.setdefault(colour, []).extend((float(one[0][1]), float(one[1][1])) for one in segments)
    return found


def at(build, seeds=3):
    reproduction = make_reproduction(build, seeds)
    printed = load_report().figures["figure2"]
    return printed, reproduction.curves, at_report(reproduction.runs, printed.lr)


# The figures.


def test_printed_curves_are_hollow_marks_over_the_lines(build):
    printed, curves, runs = at(build)
    figure = figures.series_figure(printed, curves, runs)
    for axes, metric in zip(figure.axes, ("training_loss", "validation_accuracy"), strict=True):
        for model, values in printed.series[metric].items():
            assert tuple(hollow(axes, model).get_ydata()) == values
            low, high = axes.get_ylim()
            assert low < min(values)
            assert max(values) < high
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["custom (NumPy), n = 3", "PyTorch, n = 3", "custom (NumPy), printed", "PyTorch, printed"]


def test_the_band_is_that_of_a_further_run(build):
    printed, curves, runs = at(build)
    accuracy = figures.series_figure(printed, curves, runs).axes[1]
    own = curves[curves["run"].isin(runs.loc[runs["model"] == "custom", "run"])]
    of_runs = own.pivot(index="run", columns="epoch", values="validation_accuracy").to_numpy()
    [band] = [one for one in accuracy.collections if to_hex(one.get_facecolor()[0][:3]) == "#0072b2"]
    edge = of_runs.mean(axis=0) + simultaneous_half_widths(of_runs)
    assert band.get_paths()[0].vertices[:, 1].max() == pytest.approx(edge.max())


def test_one_seed_has_no_band(build):
    printed, curves, runs = at(build, seeds=1)
    for axes in figures.series_figure(printed, curves, runs).axes:
        assert not [path for one in axes.collections for path in one.get_paths() if len(path.vertices)]


def test_a_tables_picture_has_its_printed_values_and_intervals():
    entries = make_entries("table1")
    left, right = figures.table_figure({"stated": entries, "inferred": entries}, "Table 1").axes
    for axes in (left, right):
        for model, rows in entries.groupby("model"):
            assert list(hollow(axes, model).get_ydata()) == list(rows["published_accuracy"])
            expected = [*zip(rows["low"], rows["high"], strict=True)]
            assert bars(axes)[MODEL_STYLES[model].color.lower()] == [pytest.approx(pair) for pair in expected]
    assert [text.get_text() for text in left.get_xticklabels()] == ["8-128", "16-128", "64-128", "1024-128"]


def test_a_table_not_measured_yet_still_has_its_printed_values():
    unknown = make_entries("table3").assign(test_accuracy_mean=math.nan, low=math.nan, high=math.nan)
    [axes] = figures.table_figure({"stated": unknown}, "Table 3").axes
    assert list(hollow(axes, "custom").get_ydata()) == [0.8549]


# The swapped initialisations.


def swapped_runs(differences, seeds):
    """Return runs with the given differences, custom minus PyTorch, for each pairing of initialisations."""
    rows = []
    for seed in range(seeds):
        noise = 0.001 * seed
        values = {
            ("custom", "glorot_uniform"): 0.8 + noise,
            ("torch", "torch_linear"): 0.8 - differences["each its own"],
            ("torch", "glorot_uniform"): 0.8 - differences["both Glorot's"],
        }
        values["custom", "torch_linear"] = values["torch", "torch_linear"] + differences["both PyTorch's"]
        rows += [
            {"model": model, "init": init, "lr": 0.1, "seed": seed, "status": "finished", "validation_accuracy": value}
            for (model, init), value in values.items()
        ]
    return pd.DataFrame(rows)


def test_swapped_initialisations_give_the_planted_differences():
    planted = {"each its own": 0.06, "both Glorot's": 0.01, "both PyTorch's": -0.02}
    found = figures.initialization_differences(swapped_runs(planted, seeds=2)).set_index("start")
    half_width = 12.7062047 * 0.001 / 2  # t for one degree of freedom, and the standard error of 0 and 0.001
    assert found.loc["each its own", "mean"] == pytest.approx(0.0605)
    assert found.loc["each its own", "half_width"] == pytest.approx(half_width)
    assert found.loc["both Glorot's", "mean"] == pytest.approx(0.0105)
    assert found.loc["both PyTorch's", "mean"] == pytest.approx(-0.02)
    assert set(found["n"]) == {2}


def test_differences_are_paired_by_seed():
    planted = {"each its own": 0.06, "both Glorot's": 0.01, "both PyTorch's": -0.02}
    runs = swapped_runs(planted, seeds=3)
    lost = (runs["seed"] == 1) & (runs["model"] == "torch") & (runs["init"] == "torch_linear")
    found = figures.initialization_differences(runs.assign(status=np.where(lost, "failed", "finished")))
    found = found.set_index("start")
    assert found.loc["each its own", "n"] == 2
    assert found.loc["each its own", "mean"] == pytest.approx(0.061)
    assert found.loc["both Glorot's", "n"] == 3


def test_the_figure_shows_the_differences():
    runs = swapped_runs({"each its own": 0.06, "both Glorot's": 0.01, "both PyTorch's": -0.02}, seeds=2)
    above, below = figures.initialization_figure(runs).axes
    assert below.containers[0].lines[0].get_ydata() == pytest.approx([6.05, 1.05, -2.0])
    means = {to_hex(one.lines[0].get_color()): one.lines[0].get_ydata() for one in above.containers}
    assert means["#0072b2"] == pytest.approx([0.8005, 0.72])
    assert means["#d55e00"] == pytest.approx([0.79, 0.74])


def test_without_swapped_runs_only_the_own_initialisations_are_compared():
    runs = swapped_runs({"each its own": 0.06, "both Glorot's": 0, "both PyTorch's": 0}, seeds=1)
    own = runs[(runs["init"] == "glorot_uniform") == (runs["model"] == "custom")]
    found = figures.initialization_differences(own)
    assert list(found["start"]) == ["each its own"]
    assert found["half_width"].isna().all()
    assert figures.initialization_differences(own.iloc[:0]).empty


# What the networks learnt.

CLASSES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1)


@given(CLASSES)
def test_confusion_is_the_share_of_each_class(pairs):
    labels, predicted = np.array(pairs).T
    shares = figures.confusion(labels, [predicted, predicted], 3)
    expected = pd.crosstab(labels, predicted, normalize="index").reindex(index=range(3), columns=range(3), fill_value=0)
    assert shares == pytest.approx(expected.to_numpy())


@given(CLASSES, CLASSES)
def test_mistaken_by_all_is_mistaken_by_each(first, second):
    n = min(len(first), len(second))
    labels, one = np.array(first[:n]).T
    other = np.array(second[:n])[:, 1]
    found = figures.mistaken_by_all(labels, {"custom": [one], "torch": [other]})
    assert list(found) == [a != label and b != label for label, a, b in zip(labels, one, other, strict=True)]


def test_the_confusion_matrix_is_drawn_with_its_numbers():
    labels = np.array([0, 0, 0, 0, 1, 2])
    predicted = np.array([0, 0, 0, 1, 1, 2])
    figure = figures.confusion_figure(labels, {"custom": [predicted], "torch": [labels]}, NAMES)
    custom, torch = ([text.get_text() for text in axes.texts] for axes in figure.axes)
    assert custom == ["75", "25", "100", "100"]
    assert torch == ["100", "100", "100"]


def test_the_largest_unit_is_shown_first():
    weights = np.random.default_rng(0).normal(size=(5, 12))
    weights[3] *= 10
    figure = figures.weights_figure({"custom": weights.reshape(-1, 3, 4)})
    mosaic = figure.axes[0].images[0].get_array()
    assert np.asarray(mosaic[:3, :4]) == pytest.approx(weights[3].reshape(3, 4))
    low, high = figure.axes[0].images[0].get_clim()
    assert low == -high


def test_garments_shown_are_those_that_every_run_gets_wrong():
    labels = np.array([0, 1, 2, 0])
    images = np.arange(4 * 6, dtype=np.uint8).reshape(4, 2, 3)
    predictions = {"custom": [np.array([1, 2, 2, 0])], "torch": [np.array([1, 0, 1, 0])]}
    figure = figures.mistakes_figure(images, labels, predictions, NAMES)
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in shown] == ["boot\nboth: bag", "bag\ncustom: coat\nPyTorch: boot"]
    assert (np.asarray(shown[1].images[0].get_array()) == images[1]).all()
    assert figure.get_suptitle().startswith("2 of the 2 test images (of 4)")


def test_without_mistakes_the_figure_has_no_image():
    labels = np.array([0, 1])
    figure = figures.mistakes_figure(np.zeros((2, 2, 2), np.uint8), labels, {"custom": [labels]}, NAMES)
    assert not [axes for axes in figure.axes if axes.images]


@pytest.mark.parametrize("extension", ["png", "svg"])
def test_equal_runs_give_equal_bytes(build, extension):
    printed, curves, runs = at(build)
    first, second = (render(figures.series_figure(printed, curves, runs))[extension] for _ in range(2))
    assert first == second
