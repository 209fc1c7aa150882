"""The figures of the report with printed and measured values, and figures of what the networks have learnt."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from fmnist_lab.reproduction.report import Figure as PublishedFigure
from fmnist_lab.results.factor_figures import factor_figure
from fmnist_lab.results.factors import CONDITIONS, SIZES, display, find_factors, join_runs
from fmnist_lab.results.learning_curves import curves_figure
from fmnist_lab.results.style import MODEL_STYLES, add_legend, dress_accuracy, new_figure
from fmnist_lab.results.summary_statistics import diverged_epochs, interval, summarize

Classes = NDArray[np.integer[Any]]  # one class for each image

SETTINGS = {"stated": "settings as the report states them", "inferred": "settings inferred from the tables"}
OWN_INITIALIZATION = "each its own"
PAIRINGS = {  # the initialisation of the custom model and that of PyTorch
    OWN_INITIALIZATION: ("glorot_uniform", "torch_linear"),
    "both Glorot's": ("glorot_uniform", "glorot_uniform"),
    "both PyTorch's": ("torch_linear", "torch_linear"),
}
BESIDE = 0.13  # horizontal shift of each model, as a fraction of the step between two networks
UNITS_ACROSS, UNITS_DOWN = 8, 4
IMAGES_ACROSS, IMAGES_DOWN = 8, 3


def series_figure(printed: PublishedFigure, curves: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """Draw a printed figure: our curves of both models with a band over seeds, and printed values as hollow markers.

    Args:
        curves: one row for each run and epoch, with the columns of `curves.csv`.
        runs: the runs at the settings of this figure.
    """
    joined = _joined(runs, [])
    joined["diverged_epoch"] = diverged_epochs(joined, curves)
    series = {
        "train_loss": printed.series["training_loss"],
        "validation_accuracy": printed.series["validation_accuracy"],
    }
    return curves_figure(curves, joined, f"learning rate {printed.lr:g}", series)


def table_figure(tables: Mapping[str, pd.DataFrame], title: str) -> Figure:
    """Draw a printed table: one panel for each choice of settings, and printed accuracies as hollow markers.

    Args:
        tables: by `stated` or `inferred`, frames as `assessment.table_entries` returns them.
    """
    figure = new_figure(1, len(tables), title)
    grid = figure.subplots(1, len(tables), squeeze=False)
    for axes, (settings, table) in zip(grid.flat, tables.items(), strict=True):
        axes.set_title(SETTINGS[settings])
        _draw_entries(axes, table)
        dress_accuracy(axes, "test accuracy" if axes is grid[0, 0] else "", measured=True)
    styles = MODEL_STYLES.values()
    add_legend(
        figure,
        [*(style.legend_line() for style in styles), *(style.legend_line_printed() for style in styles)],
        "bars: 95 % prediction intervals for one more run of ours",
    )
    return figure


def setting_figure(runs: pd.DataFrame, key: str, title: str) -> Figure:
    """Draw test accuracy against `key`, the one setting in which these runs differ, with intervals over seeds."""
    factors = find_factors(_settings(runs, [key]))
    joined = _joined(runs, [key])
    return factor_figure(summarize(joined, [factor.name for factor in factors]), joined, factors[0], [], title)


def initialization_differences(runs: pd.DataFrame, metric: str = "validation_accuracy") -> pd.DataFrame:
    """Return custom minus PyTorch, paired by seed, for different and for equal initialisations.

    Args:
        runs: both models with both initialisations; a seed counts if both runs of its pair finished.

    Returns:
        One row for each learning rate and pairing: lr, start (a key of PAIRINGS), mean, half_width (of the 95 %
        interval) and n.
    """
    by = ["lr", "seed"]
    values = runs[runs["status"] == "finished"].groupby(["model", "init", *by])[metric].mean()
    found = []
    for pairing, (custom, torch) in PAIRINGS.items():
        if ("custom", custom) in values.index and ("torch", torch) in values.index:
            pairs = (values["custom", custom] - values["torch", torch]).dropna()
            found.append(interval(pairs.groupby("lr")).reset_index().assign(start=pairing))
    columns = ["lr", "start", "mean", "half_width", "n"]
    return pd.concat(found, ignore_index=True)[columns] if found else pd.DataFrame(columns=columns)


def initialization_figure(runs: pd.DataFrame) -> Figure:
    """Draw the accuracy of both models with either initialisation, and below it their difference.

    Args:
        runs: as for `initialization_differences`.
    """
    differences = initialization_differences(runs)
    rates = sorted(differences["lr"].unique())
    figure = new_figure(2, len(rates), "does custom minus PyTorch depend on the initialisation?")
    grid = figure.subplots(2, len(rates), squeeze=False)
    for (above, below), rate in zip(grid.T, rates, strict=True):
        above.set_title(f"learning rate {rate:g}")
        _draw_by_initialization(above, runs[runs["lr"] == rate])
        _draw_differences(below, differences[differences["lr"] == rate])
    for axes, label in zip(grid[:, 0], ("validation accuracy", "custom − PyTorch (points)"), strict=True):
        axes.set_ylabel(label)
    seeds = f"mean of {_range(differences['n'])} seeds with 95 % interval" if (differences["n"] > 1).any() else ""
    add_legend(figure, [style.legend_line() for style in MODEL_STYLES.values()], seeds)
    return figure


def confusion_figure(labels: Classes, predictions: Mapping[str, Sequence[Classes]], names: Sequence[str]) -> Figure:
    """Draw the confusion matrix of each model: the mean over its runs, in % of the test images of each class.

    Args:
        labels: shape (n,).
        predictions: by model, the predicted classes of each run, each of shape (n,).
        names: of the classes.
    """
    figure = new_figure(1, len(predictions), "confusion matrix, % of the test images of each class")
    figure.set_size_inches(5.2 * len(predictions), 5.4)
    grid = figure.subplots(1, len(predictions), squeeze=False, sharey=True)
    for axes, (model, of_runs) in zip(grid.flat, predictions.items(), strict=True):
        axes.set_title(MODEL_STYLES[model].label)
        _draw_shares(axes, confusion(labels, of_runs, len(names)), names)
    grid[0, 0].set_ylabel("class")
    return figure


def confusion(labels: Classes, of_runs: Sequence[Classes], classes: int) -> NDArray[np.float64]:
    """Return the share of the images of each class (row) that is predicted as each class (column), mean over runs."""
    counts = np.zeros((classes, classes))
    for predicted in of_runs:
        np.add.at(counts, (labels, predicted), 1)
    shares: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    return shares


def weights_figure(weights: Mapping[str, NDArray[Any]]) -> Figure:
    """Draw the weights of the first layer as images, one for each of the units with the largest weights.

    Args:
        weights: by model, shape (units, height, width) or (units, height, width, channels).
    """
    figure = new_figure(1, len(weights), "first-layer weights as images, the largest units first")
    figure.set_size_inches(4.6 * len(weights), 2.9)
    grid = figure.subplots(1, len(weights), squeeze=False)
    mosaics = {model: _mosaic(pictures) for model, pictures in weights.items()}
    largest = max(np.nanquantile(np.abs(mosaic), 0.998) for mosaic in mosaics.values())
    for axes, (model, mosaic) in zip(grid.flat, mosaics.items(), strict=True):
        drawn = axes.imshow(mosaic, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
        axes.set_title(MODEL_STYLES[model].label)
        axes.set_axis_off()
    figure.colorbar(drawn, ax=grid, label="weight", shrink=0.8)
    return figure


def mistakes_figure(
    images: NDArray[np.uint8], labels: Classes, predictions: Mapping[str, Sequence[Classes]], names: Sequence[str]
) -> Figure:
    """Draw test images that every run of every model gets wrong, with the class and the predictions of each model.

    Args:
        images: shape (n, height, width) or (n, height, width, channels).
        labels: shape (n,).
        predictions: as for `confusion_figure`.
    """
    wrong = np.flatnonzero(mistaken_by_all(labels, predictions))
    places = IMAGES_ACROSS * IMAGES_DOWN
    shown = wrong[np.linspace(0, len(wrong) - 1, min(places, len(wrong))).astype(int)]  # spread over the test images
    figure = new_figure(
        1, 1, f"{len(shown)} of the {len(wrong)} test images (of {len(labels)}) that every run gets wrong"
    )
    figure.set_size_inches(1.35 * IMAGES_ACROSS, 1.85 * IMAGES_DOWN + 0.4)
    for axes in figure.subplots(IMAGES_DOWN, IMAGES_ACROSS).flat:
        axes.set_axis_off()
    for axes, image in zip(figure.axes, shown, strict=False):
        axes.imshow(images[image], cmap="gray_r")
        taken = {model: _most_frequent(of_runs, int(image)) for model, of_runs in predictions.items()}
        axes.set_title("\n".join([names[labels[image]], *_predicted_names(taken, names)]), fontsize=7, linespacing=1.3)
    return figure


def mistaken_by_all(labels: Classes, predictions: Mapping[str, Sequence[Classes]]) -> NDArray[np.bool_]:
    """Return which images every run of every model gets wrong, shape (n,)."""
    every = [classes for of_runs in predictions.values() for classes in of_runs]
    wrong: NDArray[np.bool_] = np.all([classes != labels for classes in every], axis=0)
    return wrong


def _settings(runs: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    return runs.set_index("run")[["model.name", *keys, "data.validation", *SIZES, *CONDITIONS]]


def _joined(runs: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    settings = _settings(runs, keys)
    return join_runs(runs, settings, find_factors(settings))


def _draw_entries(axes: Axes, table: pd.DataFrame) -> None:
    networks = list(dict.fromkeys(table["hidden"]))
    for model, rows in table.groupby("model"):
        style = MODEL_STYLES[str(model)]
        aside = BESIDE if style is MODEL_STYLES["torch"] else -BESIDE
        at = np.array([networks.index(hidden) for hidden in rows["hidden"]]) + aside
        mean = rows["test_accuracy_mean"].astype(float)
        bars = np.array([mean - rows["low"].astype(float), rows["high"].astype(float) - mean])
        axes.errorbar(at, mean, bars, **style.line | {"linestyle": "none", "markersize": 3})
        axes.plot(at, rows["published_accuracy"].astype(float), **style.printed)
    axes.set_xticks(range(len(networks)), [display(str(hidden)) for hidden in networks])
    axes.set_xlim(-0.6, len(networks) - 0.4)
    axes.set_xlabel("hidden layers")


def _draw_by_initialization(axes: Axes, runs: pd.DataFrame) -> None:
    inits = ["glorot_uniform", "torch_linear"]
    for model, rows in runs[runs["status"] == "finished"].groupby("model"):
        style, by_init = MODEL_STYLES[str(model)], rows.groupby("init")["validation_accuracy"]
        mean = interval(by_init).reindex(inits)
        aside = 0.02 if style is MODEL_STYLES["torch"] else -0.02
        axes.errorbar(np.arange(len(inits)) + aside, mean["mean"], mean["half_width"], **style.line)
    axes.set_xticks(range(len(inits)), ["Glorot initialisation", "PyTorch initialisation"])
    axes.set_xlim(-0.35, len(inits) - 0.65)
    dress_accuracy(axes, "", measured=True)


def _draw_differences(axes: Axes, differences: pd.DataFrame) -> None:
    points = differences.set_index("start").reindex(list(PAIRINGS)) * 100
    axes.axhline(0, color="black", linewidth=0.8)
    mean, half_width = points["mean"].astype(float), points["half_width"].astype(float)
    axes.errorbar(range(len(points)), mean, half_width, color="black", marker="D", linestyle="none")
    axes.set_xticks(range(len(points)), [pairing.replace(" ", "\n", 1) for pairing in points.index])
    axes.set_xlim(-0.5, len(points) - 0.5)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0"))


def _draw_shares(axes: Axes, shares: NDArray[np.float64], names: Sequence[str]) -> None:
    axes.grid(False)
    axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1))
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("predicted class")
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.005:
            colour = "white" if share > 0.35 else "black"
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", color=colour, fontsize=7)


def _mosaic(pictures: NDArray[Any]) -> NDArray[np.float64]:
    """Return the weights of the largest units side by side, one empty pixel between them; channels are averaged."""
    order = np.argsort(-np.linalg.norm(pictures.reshape(len(pictures), -1), axis=1), kind="stable")
    height, width = pictures.shape[1:3]
    tiles = np.full((UNITS_ACROSS * UNITS_DOWN, height + 1, width + 1), np.nan)
    chosen = pictures[order][: len(tiles)]
    tiles[: len(chosen), :-1, :-1] = chosen.reshape(*chosen.shape[:3], -1).mean(axis=-1)
    rows = tiles.reshape(UNITS_DOWN, UNITS_ACROSS, *tiles.shape[1:])
    return rows.transpose(0, 2, 1, 3).reshape(UNITS_DOWN * tiles.shape[1], -1)[:-1, :-1]


def _most_frequent(of_runs: Sequence[Classes], image: int) -> int:
    return int(np.bincount([int(classes[image]) for classes in of_runs]).argmax())


def _predicted_names(taken: Mapping[str, int], names: Sequence[str]) -> list[str]:
    if len(set(taken.values())) == 1:
        return [f"both: {names[next(iter(taken.values()))]}"]
    return [f"{MODEL_STYLES[model].label.split()[0]}: {names[predicted]}" for model, predicted in taken.items()]


def _range(counts: pd.Series) -> str:
    low, high = int(counts.min()), int(counts.max())
    return f"{low}" if low == high else f"{low}–{high}"
