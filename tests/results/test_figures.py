"""The figures, read back from Matplotlib's objects."""

import numpy as np
import pytest
import scipy.stats
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex

from fmnist_lab.results.factor_figures import factor_figure, seed_figure
from fmnist_lab.results.factors import find_factors, join_runs
from fmnist_lab.results.learning_curves import curves_figure
from fmnist_lab.results.style import MODEL_STYLES, applied, render
from fmnist_lab.results.summary_statistics import diverged_epochs, summarize

WIDTHS = ["[8, 128]", "[64, 128]", "[1024, 128]"]
BLUE, VERMILLION = "#0072b2", "#d55e00"


@pytest.fixture(autouse=True)
def style():
    with applied():
        yield


def joined(sweep):
    factors = find_factors(sweep.settings)
    runs = join_runs(sweep.results, sweep.settings, factors)
    return factors, runs.assign(diverged_epoch=diverged_epochs(runs, sweep.curves))


def curves(sweep):
    return curves_figure(sweep.curves, joined(sweep)[1], "a title")


def against(sweep, at=0):
    """Return the figure of factor number `at`."""
    factors, runs = joined(sweep)
    others = [factor for factor in factors if factor is not factors[at]]
    table = summarize(runs, [factor.name for factor in [factors[at], *others]])
    return factor_figure(table, runs, factors[at], others, "a title")


def lines(axes, color):
    return [line for line in axes.lines if to_hex(line.get_color()) == color]


def main_line(axes, color):
    return max(lines(axes, color), key=lambda line: line.get_linewidth() * (line.get_marker() in "os"))


def legend(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_both_models_are_lines_over_the_epochs(build):
    sweep = build()
    loss, accuracy = curves(sweep).axes
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("training loss (cross-entropy)", "validation accuracy")
    for model, color in (("custom", BLUE), ("torch", VERMILLION)):
        own = sweep.curves[sweep.curves["model"] == model]
        for axes, metric in ((loss, "train_loss"), (accuracy, "validation_accuracy")):
            [line] = lines(axes, color)
            assert list(line.get_xdata()) == list(range(1, 11))
            assert line.get_ydata() == pytest.approx(own[metric].to_numpy())


def test_the_models_differ_in_black_and_white():
    custom, torch = MODEL_STYLES.values()
    assert custom.marker != torch.marker
    assert custom.dash != torch.dash


def test_seeds_become_a_mean_and_a_band(build):
    sweep = build({"seed": [0, 1, 2]})
    loss = curves(sweep).axes[0]
    own = sweep.curves[sweep.curves["model"] == "custom"].groupby("epoch")["train_loss"]
    [line] = lines(loss, BLUE)
    assert line.get_ydata() == pytest.approx(own.mean().to_numpy())
    bands = [band for band in loss.collections if to_hex(band.get_facecolor()[0][:3]) == BLUE]
    low, high = scipy.stats.t.interval(0.95, 2, own.mean(), own.sem())
    corners = bands[0].get_paths()[0].vertices
    last = corners[corners[:, 0] == 10][:, 1]
    assert (last.min(), last.max()) == pytest.approx((low[-1], high[-1]))


def test_a_single_seed_has_no_band(build):
    figure = curves(build())
    drawn = [band for axes in figure.axes for band in axes.collections if isinstance(band, PolyCollection)]
    assert all(len(path.vertices) == 0 for band in drawn for path in band.get_paths())
    assert legend(figure) == ["custom (NumPy)", "PyTorch"]


def test_a_diverged_line_stops_and_the_legend_gives_the_epoch(build):
    figure = curves(build().end("diverged", after=3, model="torch"))
    for axes in figure.axes:
        assert max(line.get_xdata()[-1] for line in lines(axes, VERMILLION)) == 3
    assert legend(figure) == ["custom (NumPy)", "PyTorch, diverged (epoch 4)"]


def test_diverged_seeds_are_not_in_the_mean(build):
    whole = build({"seed": [0, 1, 2]})
    figure = curves(whole.end("diverged", after=5, model="custom", seed=2))
    own = whole.curves.query("model == 'custom' and seed < 2").groupby("epoch")["train_loss"].mean()
    assert main_line(figure.axes[0], BLUE).get_ydata() == pytest.approx(own.to_numpy())
    assert legend(figure) == ["custom (NumPy), n = 2, 1 of 3 diverged (epoch 6)", "PyTorch, n = 3"]


def test_a_run_that_diverged_at_once_leaves_an_empty_panel_and_a_legend(build):
    figure = curves(build().end("diverged", after=0))
    assert legend(figure) == ["custom (NumPy), diverged (epoch 1)", "PyTorch, diverged (epoch 1)"]
    assert figure.axes[1].get_ylim() == (0, 1)


@pytest.mark.parametrize(("factor", "scale"), [(1.0, "linear"), (1e4, "log")])
def test_a_loss_over_decades_has_a_logarithmic_axis(build, factor, scale):
    sweep = build()
    sweep.curves.loc[sweep.curves.index[0], "train_loss"] *= factor
    assert curves(sweep).axes[0].get_yscale() == scale


def test_without_validation_images_the_axis_is_labelled_test(build):
    accuracy = curves(build(**{"data.validation": 0})).axes[1]
    assert accuracy.get_ylabel() == "test accuracy (no validation images)"


def test_accuracy_is_drawn_against_the_rate(build):
    sweep = build({"lr": [0.0001, 0.002, 0.1]})
    [axes] = against(sweep).axes
    assert (axes.get_xscale(), axes.get_xlabel(), axes.get_ylabel()) == ("log", "learning rate", "test accuracy")
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.0001", "0.002", "0.1"]
    own = sweep.results[sweep.results["model"] == "custom"]
    assert main_line(axes, BLUE).get_ydata() == pytest.approx(own["test_accuracy"].to_numpy())


def test_the_models_are_drawn_beside_their_level(build):
    [axes] = against(build({"lr": [0.0001, 0.002, 0.1]})).axes
    custom, torch = (main_line(axes, color).get_xdata() for color in (BLUE, VERMILLION))
    assert (custom < [0.0001, 0.002, 0.1]).all()
    assert (torch > [0.0001, 0.002, 0.1]).all()
    assert custom == pytest.approx(torch, rel=0.2)


def test_the_intervals_and_the_seeds_are_drawn(build):
    sweep = build({"lr": [0.002, 0.1], "seed": [0, 1, 2]})
    [axes] = against(sweep).axes
    own = sweep.results.query("model == 'custom'")
    low, high = scipy.stats.t.interval(0.95, 2, *own.groupby("lr")["test_accuracy"].agg(["mean", "sem"]).T.to_numpy())
    bars = axes.containers[0].lines[2][0].get_segments()
    assert [bar[:, 1] for bar in bars] == [pytest.approx(ends) for ends in zip(low, high, strict=True)]
    [seeds] = [line for line in lines(axes, BLUE) if line.get_marker() == "."]
    assert sorted(seeds.get_ydata()) == sorted(own["test_accuracy"])


def test_a_diverged_level_is_a_cross_at_the_bottom(build):
    sweep = build({"lr": [0.002, 0.1]}).end("diverged", after=1, model="torch", lr=0.1)
    figure = against(sweep)
    [cross] = [line for line in figure.axes[0].lines if line.get_marker() == "x" and len(line.get_xdata())]
    assert (to_hex(cross.get_color()), cross.get_xdata()) == (VERMILLION, pytest.approx([0.1], rel=0.1))
    assert legend(figure)[-1] == "diverged"


def test_the_axis_of_accuracies_ends_at_0_and_1(build):
    sweep = build({"lr": [0.002, 0.1], "seed": [0, 1]})
    sweep.results["test_accuracy"] = np.tile([0.1, 0.9], 4)  # two seeds so far apart that the interval exceeds 1
    [axes] = against(sweep).axes
    assert axes.get_ylim() == (0, 1)


def test_widths_are_drawn_with_the_time(build):
    sweep = build({"architecture.hidden": WIDTHS})
    accuracy, time = against(sweep).axes
    assert (accuracy.get_ylabel(), time.get_ylabel()) == ("test accuracy", "time (s)")
    assert time.get_xlabel() == "hidden 1 (hidden 2 = 128)"
    own = sweep.results[sweep.results["model"] == "torch"]
    assert main_line(time, VERMILLION).get_ydata() == pytest.approx(own["fit_seconds"].to_numpy())


def test_times_that_cannot_be_compared_are_not_drawn(build):
    sweep = build({"architecture.hidden": WIDTHS}).condition("cpu", "B CPU", hidden="[8, 128]")
    assert [axes.get_ylabel() for axes in against(sweep).axes] == ["test accuracy"]


def test_words_are_not_joined_by_a_line(build):
    [axes] = against(build({"optimizer.name": ["sgd", "adam"]})).axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["sgd", "adam"]
    assert {line.get_linestyle() for line in axes.lines} == {"None"}


def test_ticks_that_would_overlap_are_left_out(build):
    [axes] = against(build({"epochs": [1, 2, 3, 100]})).axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "100"]


def test_other_factors_make_facets_with_one_scale(build):
    figure = against(build({"lr": [0.002, 0.1], "batch_size": [16, 32, 64, 128]}))
    assert [axes.get_title() for axes in figure.axes] == [f"batch size {size}" for size in (16, 32, 64, 128)]
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    for axes in figure.axes:
        low, high = axes.get_ylim()
        values = [*main_line(axes, BLUE).get_ydata(), *main_line(axes, VERMILLION).get_ydata()]
        assert low <= min(values) <= max(values) <= high


def test_seeds_alone_are_shown_for_each_model(build):
    sweep = build({"seed": [0, 1, 2]})
    _, runs = joined(sweep)
    figure = seed_figure(summarize(runs, []), runs, "a title")
    [axes] = figure.axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["custom (NumPy)", "PyTorch"]
    own = sweep.results.query("model == 'custom'")["test_accuracy"]
    assert main_line(axes, BLUE).get_ydata() == pytest.approx([own.mean()])
    assert figure.legends[0].get_title().get_text() == "mean of 3 seeds with 95 % interval"


def test_the_same_figure_gives_the_same_bytes(build):
    first, second = (render(curves(build({"seed": [0, 1]}))) for _ in range(2))
    assert first == second
    assert first["png"].startswith(b"\x89PNG")
    assert b"<svg" in first["svg"]
    assert b"<dc:date>" not in first["svg"]


def test_dollar_signs_are_not_taken_for_mathematics(build):
    figure = against(build({"data.scaling": ["$\\nonsense{$", "unit"]}))
    assert render(figure).keys() == {"png", "svg"}
