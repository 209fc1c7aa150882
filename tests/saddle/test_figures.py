"""The figures show the numbers of the predictions."""

import matplotlib
import numpy as np
import pytest

from fmnist_lab.results.style import applied, render
from fmnist_lab.saddle import theory
from fmnist_lab.saddle.figures import FIGURES
from fmnist_lab.saddle.predictions import FAMILIES
from fmnist_lab.saddle.setting import RELU_SCALES

pytestmark = pytest.mark.promise


@pytest.fixture(scope="module")
def figures(setting):
    with applied(), matplotlib.rc_context({"text.parse_math": True}):
        return {name: draw(setting) for name, (_, draw) in FIGURES.items()}


def lines(figure):
    return [np.asarray(line.get_ydata(), float) for axes in figure.axes for line in axes.get_lines()]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_belongs_to_a_family_and_renders(name, figures):
    assert FIGURES[name][0] in FAMILIES
    files = render(figures[name])
    assert files["png"].startswith(b"\x89PNG")
    assert files["svg"].startswith(b"<?xml")


def test_each_depth_has_a_panel(figures, setting):
    assert len(figures["slopes"].axes) == len(setting.config.depths)
    assert len(figures["surface"].axes) == 2 * len(setting.config.depths)


def test_the_stairs_have_the_predicted_levels(figures, setting):
    above, _ = figures["staircase"].axes
    drawn = [line.get_ydata()[0] for line in above.get_lines() if len(set(line.get_ydata())) == 1]
    np.testing.assert_allclose(drawn, theory.levels(setting.stairs)[: len(drawn)])
    assert len(drawn) >= 6


def test_the_spectra_are_drawn_with_their_prediction(figures, setting):
    predicted, deeper, shallow = lines(figures["hessian"])
    np.testing.assert_allclose(shallow, predicted, atol=1e-12)
    assert shallow[0] == pytest.approx(-setting.small.sigma[0])
    assert not deeper.any()


def test_the_times_measured_are_the_times_drawn(figures, setting):
    for times in setting.aligned_times.values():
        assert any(list(drawn) == times for drawn in lines(figures["escape"]))
    for times in setting.relu_times.values():
        assert any(list(drawn) == times for drawn in lines(figures["relu"]) if len(drawn) == len(RELU_SCALES))


def test_the_escape_line_is_drawn_below_its_bound(figures, setting):
    for axes in figures["slopes"].axes:
        *_, bound, _, down = (np.asarray(line.get_ydata(), float) for line in axes.get_lines())
        assert (down[~np.isnan(down)] <= bound[~np.isnan(down)]).all()
        assert down[0] == pytest.approx(bound[0], rel=1e-3)
