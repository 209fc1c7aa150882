"""The sections of the page as data: every claim, figure and table with the command that makes it."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from fmnist_lab import data
from fmnist_lab.comparison.run_selection import experiment_command
from fmnist_lab.comparison.verdict_statistics import POWER
from fmnist_lab.reproduction import figures
from fmnist_lab.reproduction import tables as entry_tables
from fmnist_lab.reproduction.candidates import is_at, stated_setting
from fmnist_lab.reproduction.claims import load_claims
from fmnist_lab.reproduction.findings import Tables
from fmnist_lab.reproduction.report import Figure as PublishedFigure
from fmnist_lab.reproduction.report import load_report, printed_title
from fmnist_lab.results.factors import Factor, as_text, describe, display, label
from fmnist_lab.results.html import Block, Picture, Section, to_html
from fmnist_lab.results.style import MODEL_STYLES, render
from fmnist_lab.results.tables import NUMBERS, readable
from fmnist_lab.runs.record import Record

KINDS = {  # in the order of the page
    "sentence": "Sentences",
    "series": "Curves of the figures",
    "cell": "Test accuracies of the tables",
    "time": "Times of the tables",
    "note": "Notes of the tables",
    "contradiction": "Where the report contradicts itself",
    "theorem": "The bonus question",
}
MOST_PICTURES = 6  # from the folder of one experiment
CLAIM_NUMBERS = ("difference", "half-width", "noticeable", "n")
HEAT_MAP = (
    "Heat map of the misfit between runs at each setting and the printed tables: learning rate against epochs, one row "
    "for each table, one column for each batch size; darker is nearer. Dots mark the candidates that could have "
    "produced the table, a star the best of them."
)
SADDLE = {  # descriptions of its figures
    "slopes": "Change of the loss along lines through zero, both axes logarithmic, one panel for each depth: the "
    "escape line, which descends, the ascent line, random lines, and the bound on any descent.",
    "surface": "Relief and map of the loss around zero for each depth, over the scale of the last layer and that of "
    "all others, with the escape line that leads down from the saddle.",
    "hessian": "Eigenvalues of the Hessian at zero in rising order, for one hidden layer and for two, beside the "
    "predicted ones.",
    "escape": "Time to leave zero against the scale of the initial weights, both axes logarithmic, one line for each "
    "depth: measured in the escape direction and in a random one, beside the closed form.",
    "staircase": "Loss of gradient descent from near zero over time, beside the predicted level of each rank; below it "
    "the norm of the gradient.",
    "relu": "Time to leave zero of bias-free ReLU networks against the scale of the initial weights, both axes "
    "logarithmic, one line for each depth, beside the predicted slopes.",
}
AUDIT = {  # titles of its tables
    "ranking": "Candidate settings, the best first",
    "transfer": "The best settings of each table, compared with all tables",
    "unexplained": "Printed accuracies outside the interval of every candidate",
}
NOT_A_COLUMN = ("dtype", "loader")  # settings of the report that its reproduction does not share


def claim_section(claims: pd.DataFrame) -> Section:
    """Return every claim, kind by kind."""
    others = {kind: kind for kind in claims["kind"] if kind not in KINDS}
    blocks = [
        Block(title, tables=[_claims(own_claims, title)], commands=_distinct(own_claims["command"]))
        for kind, title in (KINDS | others).items()
        if len(own_claims := claims[claims["kind"] == kind])
    ]
    text = (
        "Each row has a statement of the report, our measurement, the verdict and its reason. Difference: measured "
        "minus published, or one model minus the other, as a fraction of the images or in nats of loss; for times, the "
        "logarithm of their ratio. Half-width: of the interval that decides the verdict. Noticeable: the smallest "
        f"difference that these runs would have noticed with probability {POWER:g}. Known: whether a value is stated "
        "in the report, digitised from a plot, from its author's code, or inferred, and the number of runs behind it."
    )
    return Section("claims", "Claim by claim", text, blocks)


def figure_section(runs: pd.DataFrame, curves: pd.DataFrame) -> Section:
    """Return the printed figures with our curves, and accuracy against the learning rate."""
    blocks = []
    for number, printed in enumerate(load_report().figures.values(), start=1):
        own_runs = at_report(runs, lr=printed.lr)
        if len(own_runs):
            figure = figures.series_figure(printed, curves, own_runs)
            caption = (
                f"Mean over {_seeds(own_runs)}; hollow markers are the printed values. One more run of ours would stay "
                "inside the band at all epochs with 95 % confidence; one seed has no band."
            )
            picture = _picture(f"figure{number}", figure, _of_series(printed, own_runs), caption)
            blocks.append(Block(f"Figure {number}", pictures=[picture], commands=[_command("figures", own_runs)]))
    of_rates = at_report(runs, lr=None)
    if of_rates["lr"].nunique() > 1:
        figure = figures.setting_figure(of_rates, "lr", f"hidden {display(str(of_rates['hidden'].iloc[0]))}")
        accuracies = _accuracies(of_rates, "lr", lambda rate: f"at {rate:g}")
        alt = f"Test accuracy of both models against the learning rate: {accuracies}."
        picture = _picture("learning_rate", figure, alt, "Mean and 95 % interval over seeds.")
        command = _command("figures", of_rates)
        blocks.append(Block("Accuracy against the learning rate", pictures=[picture], commands=[command]))
    return Section("figures", "The report's figures", "", blocks)


def table_section(tables: Tables, runs: pd.DataFrame) -> Section:
    """Return the printed tables in their own layout, with the measured values."""
    blocks = []
    for id in dict.fromkeys(id for id, _ in tables):
        chosen = {settings: table for (table_id, settings), table in tables.items() if table_id == id}
        title = printed_title(id)
        picture = _picture(
            id,
            figures.table_figure(chosen, title),
            f"{title}, printed and measured test accuracy of each network; the tables below have the values.",
            "Hollow markers: printed values. Filled markers: measured means with prediction intervals.",
        )
        blocks.append(Block(title, pictures=[picture, *_of_sizes(runs, id)]))
        for settings, table in chosen.items():
            words = figures.SETTINGS[settings]
            preset = id if settings == "stated" else f"{id}_{settings}"
            html = entry_tables.to_html(table, f"{title}, {words}")
            command = _command(preset, runs)
            blocks.append(Block(f"{title}, {words}", tables=[html], commands=[command]))
    return Section("tables", "The report's tables", entry_tables.FOOTNOTE, blocks)


def initialization_section(runs: pd.DataFrame) -> Section:
    """Return custom minus PyTorch with different and with equal initialisations, as a figure and a table."""
    swapped = at_report(runs, lr=None, init=None)
    differences = figures.initialization_differences(swapped).dropna(subset="mean")
    blocks = []
    if differences["start"].nunique() > 1:
        picture = _picture(
            "initialization",
            figures.initialization_figure(swapped),
            "Validation accuracy of both models with either initialisation, and below it their difference with "
            "different and with equal initialisations; the table below has the values.",
            "Above: where the lines coincide, the difference comes from the initialisation and not from the code. "
            "Below: custom minus PyTorch, paired by seed, with 95 % intervals.",
        )
        html = to_html(entry_tables.swap(differences), entry_tables.SWAP_NUMBERS, "Custom minus PyTorch")
        blocks.append(
            Block(
                "Initialisations swapped",
                pictures=[picture],
                tables=[html],
                commands=[_command("initialization", swapped)],
            )
        )
    text = (
        "In the report, the custom model has the Glorot uniform initialisation, and PyTorch the default of "
        "torch.nn.Linear. Here each model was also trained with the initialisation of the other, all else equal."
    )
    return Section("initialization", "Is the difference due to the code or to the initialisation?", text, blocks)


def learnt_section(runs: pd.DataFrame, folder: Path) -> Section:
    """Return pictures of what the networks have learnt at the best learning rate of the figures.

    `folder` has the records of the runs.
    """
    finished = at_report(runs, lr=None).query("status == 'finished'")
    blocks = []
    text = ""
    if len(finished):
        rate = finished.groupby("lr")["validation_accuracy"].mean().idxmax()
        own_runs = finished[finished["lr"] == rate]
        records = {
            model: [Record(folder / run) for run in own_runs.loc[own_runs["model"] == model, "run"]]
            for model in MODEL_STYLES
        }
        pictures = [*_weights(records), *_predictions(records)]
        blocks = [Block("", pictures=pictures, commands=[_command("figures", own_runs)])] if pictures else []
        hidden = display(str(own_runs["hidden"].iloc[0]))
        text = (
            f"The networks {hidden} at learning rate {rate:g}, which has the highest validation accuracy of the "
            "learning rates of the figures."
        )
    return Section("learnt", "What the networks learnt", text, blocks)


def further_section(outputs: Path, further: Sequence[str], runs: pd.DataFrame) -> Section:
    """Return tables and figures of the `further` experiments whose folders exist; `runs` are those of the page."""
    blocks = [
        Block(
            name.replace("_", " "),
            pictures=_on_disk(folder / "figures", name, partial(_of_factor, folder)),
            tables=[_table_on_disk(path) for path in sorted(folder.glob("table*.csv"))],
            commands=[_command(name, runs)],
        )
        for name in further
        if (folder := outputs / "sweeps" / name).is_dir()
    ]
    return Section("studies", "Further experiments", "", blocks)


def audit_section(folder: Path) -> Section:
    """Return the heat map and tables of the audit; empty if there was none."""
    blocks = []
    if (folder / "ranking.csv").is_file():
        files = {title: folder / f"{name}.csv" for name, title in AUDIT.items()}
        found = {title: pd.read_csv(file) for title, file in files.items() if file.is_file()}
        pictures = _on_disk(folder, "audit", lambda _: HEAT_MAP)
        htmls = [
            to_html(_text(table), [str(name) for name in table if pd.api.types.is_numeric_dtype(table[name])], title)
            for title, table in found.items()
            if len(table)
        ]
        text = _presets(found[AUDIT["ranking"]])
        blocks.append(Block("", text, pictures, htmls, commands=["python scripts/audit.py"]))
    left_out = [
        f" The network {display(str(list(row.hidden)))} of {printed_title(table.id)} is left out: {row.note}."
        for table in load_report().tables.values()
        for row in table.rows
        if row.unspecified
    ]
    text = (
        "Settings that were fitted to a table can explain it, but not reproduce it; only the other tables test them."
        f"{''.join(left_out)}"
    )
    return Section("audit", "Which settings would explain the tables?", text, blocks)


def _presets(ranking: pd.DataFrame) -> str:
    """Return for the settings of each inferred preset whether the audit kept them, in words."""
    kept = ranking[ranking["kept"]]
    outcomes = []
    for table, inferred in load_claims().inferred.items():
        setting = {**stated_setting(load_report()), **inferred.settings}
        among = is_at(kept[kept["table"] == table], setting).any()
        words = describe({name: str(value) for name, value in setting.items()})
        outcomes.append(f"{words} {'could' if among else 'could not'} have produced {printed_title(table)}")
    return f"The settings of the inferred presets: {'; '.join(outcomes)}."


def saddle_section(folder: Path) -> Section:
    """Return the predictions for the report's bonus question; empty if they were not compared."""
    blocks = []
    if (folder / "checks.csv").is_file():
        predictions = pd.read_csv(folder / "checks.csv")
        verdicts = ["holds" if ok else "does not hold" for ok in predictions["ok"]]
        text = _text(predictions.drop(columns="ok")).assign(verdict=verdicts)
        numbers = ("prediction", "observation", "error", "tolerance")
        html = to_html(text, numbers, "Predictions of the theory and observations")
        pictures = _on_disk(folder / "figures", "saddle", lambda name: SADDLE.get(name, name))
        blocks.append(Block("", pictures=pictures, tables=[html], commands=["python -m fmnist_lab saddle"]))
    return Section("saddle", "The saddle at zero", "", blocks)


def at_report(
    runs: pd.DataFrame, lr: float | None, init: str | None = "own", hidden: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the runs at the settings of the report, in single precision.

    Args:
        runs: one row for each run, with the columns of `results.csv` and the flat configuration keys.
        lr: the learning rate; None for all learning rates of the figures.
        init: `own` for the initialisation that the report gives a model; None for that of either model.
        hidden: networks, such as `[256, 128]`, in place of the network of the figures.
    """
    if runs.empty:
        return runs
    report = load_report()
    rates = [figure.lr for figure in report.figures.values()] if lr is None else [lr]
    chosen = (runs["dtype"] == "float32") & runs["lr"].isin(rates)
    for key, fact in report.settings.items():
        by_model = fact.value if isinstance(fact.value, Mapping) else dict.fromkeys(MODEL_STYLES, fact.value)
        if key == "model.init":
            wanted = runs[key].map(lambda _: True) if init is None else runs[key] == runs["model"].map(by_model)
            chosen &= wanted & runs[key].isin(by_model.values())
        elif key == "architecture.hidden" and hidden is not None:
            chosen &= runs[key].map(as_text).isin(hidden)
        elif key not in NOT_A_COLUMN:
            chosen &= runs[key].map(as_text) == runs["model"].map(by_model).map(as_text)
    return runs[chosen]


def _of_sizes(runs: pd.DataFrame, id: str) -> Iterator[Picture]:
    """Yield accuracy against the size of the networks of a table at the stated settings, if it has several."""
    table = load_report().tables[id]
    own_runs = at_report(runs, lr=table.lr, hidden=[str(list(row.hidden)) for row in table.rows])
    if len(table.rows) > 1 and len(own_runs) and own_runs["architecture.hidden"].nunique() > 1:
        accuracies = _accuracies(own_runs, "architecture.hidden", lambda size: f"with {display(str(size))}")
        yield _picture(
            f"{id}_sizes",
            figures.setting_figure(own_runs, "architecture.hidden", f"learning rate {table.lr:g}"),
            f"Test accuracy of both models against the size of the networks of {printed_title(id)}: {accuracies}.",
            f"Settings as the report states them; mean and 95 % interval over {_seeds(own_runs)}.",
        )


def _claims(claims: pd.DataFrame, caption: str) -> Markup:
    runs = [f", {n:g} run{'s' if n > 1 else ''}" if pd.notna(n) else "" for n in claims["published_runs"]]
    columns: dict[str, Iterable[str]] = {
        "where": claims["where"],
        "the report says": claims["says"],
        "published": [*map(_value, claims["published"])],
        "known": [f"{basis}{rest}" for basis, rest in zip(claims["mark"], runs, strict=True)],
        "measured": claims["measured"].map(_value),
        "difference": [_number(value, "+") for value in claims["difference"]],
        "half-width": [*map(_number, claims["half_width"])],
        "noticeable": [*map(_number, claims["detectable"])],
        "n": ["" if pd.isna(n) else f"{n:.0f}" for n in claims["n"]],
        "verdict": claims["verdict"],
        "reason": claims["reason"].map(_value),
        "experiment": claims["experiment"].map(_value),
    }
    text = pd.DataFrame({name: list(values) for name, values in columns.items()}, dtype=str)
    return to_html(text, CLAIM_NUMBERS, caption, cards=True)


def _weights(records: Mapping[str, Sequence[Record]]) -> Iterator[Picture]:
    if all(records.values()):
        source = _source(records)
        first_layers = {model: source.pictures(of_model[0].weights()[0][0]) for model, of_model in records.items()}
        yield _picture(
            "first_layer",
            figures.weights_figure(first_layers),
            "First-layer weights of both models, the weights of each unit as a small image.",
            "One run of each model, same scale: red weights are positive, blue weights are negative.",
        )


def _predictions(records: Mapping[str, Sequence[Record]]) -> Iterator[Picture]:
    found = {model: [record.test_predictions() for record in of_model] for model, of_model in records.items()}
    predictions = {model: [one for one in of_runs if one is not None] for model, of_runs in found.items()}
    if not all(predictions.values()):
        return
    source = _source(records)
    test = data.load(source, None, scaling="unit", validation=0, split="last", rng=np.random.default_rng(0)).test
    runs = sum(map(len, predictions.values()))
    right = np.diag(figures.confusion(test.labels, predictions["custom"], len(source.classes)))
    yield _picture(
        "confusion",
        figures.confusion_figure(test.labels, predictions, source.classes),
        "Confusion matrices of both models over the test images; the custom model is right least often of "
        f"{source.classes[right.argmin()]}, in {100 * right.min():.0f} % of its images.",
        f"Mean over the runs of each model, {runs} runs in all; each row adds up to 100 %.",
    )
    both = int(figures.mistaken_by_all(test.labels, predictions).sum())
    yield _picture(
        "mistakes",
        figures.mistakes_figure(source.pictures(test.images), test.labels, predictions, source.classes),
        f"Some of the {both} of {len(test)} test images that all {runs} runs get wrong, with their class and the "
        "predicted class.",
        "Above each image: its class, and the class that the models predict.",
    )


def _source(records: Mapping[str, Sequence[Record]]) -> data.Source:
    """Return the data set of the records, which is the same for all."""
    first = next(record for of_model in records.values() for record in of_model)
    return data.source_of(first.config()["data"])


def _picture(name: str, figure: Figure, alt: str, caption: str) -> Picture:
    return Picture(name, render(figure), alt, caption)


def _on_disk(folder: Path, about: str, shows: Callable[[str], str]) -> list[Picture]:
    """Return the pictures of a folder; `shows` describes a picture by the stem of its file name."""
    paths = [path for path in sorted(folder.glob("*.png")) if not path.name.startswith("curves")][:MOST_PICTURES]
    return [
        Picture(f"{about}_{path.stem}", {"png": path.read_bytes()}, shows(path.stem), path.stem.replace("_", " "))
        for path in paths
    ]


def _of_factor(folder: Path, factor: str) -> str:
    """Return the description of the figure of a factor, from the factor's table in the folder of the sweep."""
    about = f"Test accuracy of both models against {label(factor)}"
    path = folder / f"table_{factor}.csv"
    entries = pd.read_csv(path).dropna(subset="test_accuracy_mean") if path.is_file() else pd.DataFrame()
    if entries.empty:
        return f"{about}."
    names = [str(name) for name in entries.columns[: list(entries).index("model")]]
    by_accuracy = entries.sort_values("test_accuracy_mean").to_dict("records")
    low, high = (_entry_in_words(entry, names) for entry in (by_accuracy[0], by_accuracy[-1]))
    return f"{about}, from {low} to {high}."


def _entry_in_words(entry: Mapping[Hashable, Any], names: Sequence[str]) -> str:
    at = describe({name: as_text(entry[name]) for name in names})
    return f"{100 * entry['test_accuracy_mean']:.1f} % ({MODEL_STYLES[entry['model']].label}, {at})"


def _table_on_disk(path: Path) -> Markup:
    table = pd.read_csv(path, dtype={"notes": str, "hidden": str}).fillna({"notes": ""})
    names = [str(name) for name in table.columns[: list(table).index("model")]]
    factors = [Factor(name, name, (), (), "words", name) for name in names]
    levels = table[names].map(as_text)
    return to_html(readable(table.assign(**levels), factors), NUMBERS, " by ".join(["models", *names]))


def _of_series(printed: PublishedFigure, runs: pd.DataFrame) -> str:
    finals = runs.groupby("model")["validation_accuracy"].mean()
    ends = [
        f"{MODEL_STYLES[model].label} ends at {100 * finals[model]:.1f} %, printed {100 * values[-1]:.1f} %"
        for model, values in printed.series["validation_accuracy"].items()
        if model in finals
    ]
    return f"Training loss and validation accuracy over the epochs, learning rate {printed.lr:g}: {'; '.join(ends)}."


def _accuracies(runs: pd.DataFrame, key: str, words: Callable[[Any], str]) -> str:
    """Return the mean test accuracy of both models at each value of a setting, in words."""
    means = runs.groupby([key, "model"], as_index=False)["test_accuracy"].mean()
    rows = zip(means["model"], means["test_accuracy"], means[key], strict=True)
    return "; ".join(f"{MODEL_STYLES[model].label} {100 * mean:.1f} % {words(level)}" for model, mean, level in rows)


def _seeds(runs: pd.DataFrame) -> str:
    n = runs.loc[runs["status"] == "finished", "seed"].nunique()
    return "one seed" if n == 1 else f"{n} seeds"


def _command(experiment: str, runs: pd.DataFrame) -> str:
    return experiment_command(experiment, sorted(runs["seed"].unique()))


def _distinct(texts: Iterable[object]) -> list[str]:
    return [text for text in dict.fromkeys(map(_value, texts)) if text]


def _text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.map(_value)


def _value(value: Any) -> str:
    if isinstance(value, float):
        return _number(value)
    return "" if value is None or value is pd.NA else str(value)


def _number(value: float, sign: str = "") -> str:
    return "" if pd.isna(value) else f"{value:{sign}.4g}".replace("-", "−")
