"""The page's sections as data: every claim, figure and table with the command that makes it anew."""

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
from fmnist_lab.comparison.statistics import POWER
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
MOST_PICTURES = 6  # of one study, taken from its folder
CLAIM_NUMBERS = ("difference", "half-width", "noticeable", "n")
HEAT_MAP = (
    "Heat map of how far each setting is from the printed tables: learning rate against epochs, a row a table, a "
    "column a batch size; the darker, the nearer. Dots mark the candidates that cannot be told from the best, a star "
    "the best."
)
SADDLE = {  # what each of its figures shows
    "slopes": "Change of the loss along lines through zero, both axes logarithmic, a panel a depth: the escape line "
    "going down, the ascent line going up, random lines, and the bound that no descent exceeds.",
    "surface": "Relief and map of the loss around zero, a pair a depth, over the scale of the last layer and that of "
    "all others, with the escape line that leads down from the saddle.",
    "hessian": "Eigenvalues of the Hessian at zero in rising order, of one hidden layer and of two, beside the "
    "predicted ones.",
    "escape": "Time to leave zero against the scale of the start, both axes logarithmic, a line a depth: measured in "
    "the escape direction and in a random one, beside the closed form.",
    "staircase": "Loss of gradient descent from near zero over time, beside the levels that are predicted for each "
    "rank; below it the norm of the gradient.",
    "relu": "Time to leave zero of bias-free ReLU networks against the scale of the start, both axes logarithmic, a "
    "line a depth, beside the predicted slopes.",
}
AUDIT = {  # its tables, and what they are called
    "ranking": "Candidate settings, the best first",
    "transfer": "The best settings of each table, judged on all of them",
    "unexplained": "Cells outside the interval of every candidate",
}
NOT_A_COLUMN = ("dtype", "loader")  # settings of the report that its reproduction does not share


def claim_section(claims: pd.DataFrame) -> Section:
    """Every claim, kind by kind."""
    others = {kind: kind for kind in claims["kind"] if kind not in KINDS}
    blocks = [
        Block(title, tables=[_claims(its_claims, title)], commands=_distinct(its_claims["command"]))
        for kind, title in (KINDS | others).items()
        if len(its_claims := claims[claims["kind"] == kind])
    ]
    text = (
        "What the report says, what was measured, the verdict and its reason. Difference: measured minus published, or "
        "one model minus the other, as a fraction of the images or in nats of loss; of times the logarithm of their "
        "ratio. Half-width: of the interval that decides. Noticeable: the discrepancy that these runs would have "
        f"noticed with probability {POWER:g}. Known: how, as stated in the report, digitised from a plot, "
        "from its author's code, or inferred, and from how many runs."
    )
    return Section("claims", "Claim by claim", text, blocks)


def figure_section(runs: pd.DataFrame, curves: pd.DataFrame) -> Section:
    """The printed figures again, and accuracy against the learning rate."""
    blocks = []
    for number, printed in enumerate(load_report().figures.values(), start=1):
        its_runs = at_report(runs, lr=printed.lr)
        if len(its_runs):
            figure = figures.series_figure(printed, curves, its_runs)
            caption = (
                f"Mean over {_seeds(its_runs)}; hollow marks are the printed values. The band holds a further "
                "run of ours with 95 % confidence at all epochs together; one seed has none."
            )
            picture = _picture(f"figure{number}", figure, _of_series(printed, its_runs), caption)
            blocks.append(Block(f"Figure {number}", pictures=[picture], commands=[_command("figures", its_runs)]))
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
    """The printed tables in their own layout, with the measured values."""
    blocks = []
    for id in dict.fromkeys(id for id, _ in tables):
        chosen = {settings: table for (its_id, settings), table in tables.items() if its_id == id}
        title = printed_title(id)
        picture = _picture(
            id,
            figures.table_figure(chosen, title),
            f"{title}, printed and measured test accuracy of each network; the values stand in the tables below.",
            "Printed values hollow, measured means filled; the bars are prediction intervals.",
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
    """The initialisation study, in a picture and a table."""
    study = at_report(runs, lr=None, init=None)
    differences = figures.initialization_differences(study).dropna(subset="mean")
    blocks = []
    if differences["start"].nunique() > 1:
        picture = _picture(
            "initialization",
            figures.initialization_figure(study),
            "Validation accuracy of both models with either initialisation, and below their difference, with each its "
            "own and with the same one; the values stand in the table below.",
            "Above: if the lines lie on each other, the start and not the code makes the difference. "
            "Below: custom minus PyTorch, paired by seed, with 95 % intervals.",
        )
        html = to_html(entry_tables.swap(differences), entry_tables.SWAP_NUMBERS, "Custom minus PyTorch")
        blocks.append(
            Block("The swap", pictures=[picture], tables=[html], commands=[_command("initialization", study)])
        )
    text = (
        "Glorot's uniform start is the custom model's own, the default of torch.nn.Linear is PyTorch's. "
        "Each model was given the other's as well, all else equal."
    )
    return Section("initialization", "Is it the code or the start?", text, blocks)


def learnt_section(runs: pd.DataFrame, folder: Path) -> Section:
    """What the networks have learnt at the figures' best learning rate, from the records in `folder`."""
    finished = at_report(runs, lr=None).query("status == 'finished'")
    blocks = []
    text = ""
    if len(finished):
        rate = finished.groupby("lr")["validation_accuracy"].mean().idxmax()
        its_runs = finished[finished["lr"] == rate]
        records = {
            model: [Record(folder / run) for run in its_runs.loc[its_runs["model"] == model, "run"]]
            for model in MODEL_STYLES
        }
        pictures = [*_weights(records), *_predictions(records)]
        blocks = [Block("", pictures=pictures, commands=[_command("figures", its_runs)])] if pictures else []
        hidden = display(str(its_runs["hidden"].iloc[0]))
        text = f"The networks {hidden} at learning rate {rate:g}, the best of the figures' rates on validation images."
    return Section("learnt", "What the networks learnt", text, blocks)


def study_section(outputs: Path, studies: Sequence[str], runs: pd.DataFrame) -> Section:
    """Tables and figures of those of the studies whose folders are on disk; `runs` are those of the page."""
    blocks = [
        Block(
            name.replace("_", " "),
            pictures=_on_disk(folder / "figures", name, partial(_of_factor, folder)),
            tables=[_table_on_disk(path) for path in sorted(folder.glob("table*.csv"))],
            commands=[_command(name, runs)],
        )
        for name in studies
        if (folder := outputs / "sweeps" / name).is_dir()
    ]
    return Section("studies", "Studies beside the report", "", blocks)


def audit_section(folder: Path) -> Section:
    """The audit's heat map and tables, if it was run."""
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
        f" {printed_title(table.id)}'s network {display(str(list(row.hidden)))} is left out: {row.note}."
        for table in load_report().tables.values()
        for row in table.rows
        if row.unspecified
    ]
    text = f"Settings fitted to a table explain it at most; only other tables can contradict them.{''.join(left_out)}"
    return Section("audit", "Which settings would explain the tables?", text, blocks)


def _presets(ranking: pd.DataFrame) -> str:
    """What the audit makes of the settings that the presets of the inferred tables rest on."""
    kept = ranking[ranking["kept"]]
    told = []
    for table, inferred in load_claims().inferred.items():
        setting = {**stated_setting(load_report()), **inferred.settings}
        among = is_at(kept[kept["table"] == table], setting).any()
        words = describe({name: str(value) for name, value in setting.items()})
        told.append(f"{words} {'cannot be told from the best' if among else 'given up'} for {printed_title(table)}")
    return f"The settings inferred before: {'; '.join(told)}."


def saddle_section(folder: Path) -> Section:
    """The checks of the report's bonus question, if they were run."""
    blocks = []
    if (folder / "checks.csv").is_file():
        checks = pd.read_csv(folder / "checks.csv")
        verdicts = ["holds" if ok else "does not hold" for ok in checks["ok"]]
        text = _text(checks.drop(columns="ok")).assign(verdict=verdicts)
        numbers = ("prediction", "observation", "error", "tolerance")
        html = to_html(text, numbers, "Predictions of the theory, and what was observed")
        pictures = _on_disk(folder / "figures", "saddle", lambda name: SADDLE.get(name, name))
        blocks.append(Block("", pictures=pictures, tables=[html], commands=["python -m fmnist_lab saddle"]))
    return Section("saddle", "The saddle at zero", "", blocks)


def at_report(
    runs: pd.DataFrame, lr: float | None, init: str | None = "own", hidden: Sequence[str] | None = None
) -> pd.DataFrame:
    """The runs at the report's settings, in single precision as all of ours.

    Args:
        runs: one row a run, with the columns of `results.csv` and the flat configuration keys.
        lr: the learning rate; None for any that the figures were printed for.
        init: None for either model's initialisation.
        hidden: networks, such as `[256, 128]`, in place of the one that the figures were printed for.
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
    """Accuracy against the size of a table's networks, at the stated settings; nothing for a table of one network."""
    table = load_report().tables[id]
    its_runs = at_report(runs, lr=table.lr, hidden=[str(list(row.hidden)) for row in table.rows])
    if len(table.rows) > 1 and len(its_runs) and its_runs["architecture.hidden"].nunique() > 1:
        accuracies = _accuracies(its_runs, "architecture.hidden", lambda size: f"with {display(str(size))}")
        yield _picture(
            f"{id}_sizes",
            figures.setting_figure(its_runs, "architecture.hidden", f"learning rate {table.lr:g}"),
            f"Test accuracy of both models against the size of {printed_title(id)}'s networks: {accuracies}.",
            f"Settings as the report states them; mean and 95 % interval over {_seeds(its_runs)}.",
        )


def _claims(claims: pd.DataFrame, caption: str) -> Markup:
    runs = [f", {n:g} run{'s' if n > 1 else ''}" if pd.notna(n) else "" for n in claims["published_runs"]]
    columns: dict[str, Iterable[str]] = {
        "where": claims["where"],
        "the report says": claims["says"],
        "published": [*map(_value, claims["published"])],
        "known": [f"{mark}{rest}" for mark, rest in zip(claims["mark"], runs, strict=True)],
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
            "First-layer weights of both models, each unit's weights as a small image.",
            "One run of each model, on one scale: red answers to bright pixels, blue to dark ones.",
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
        f"Mean over the runs of each model, {runs} in all; each row adds up to 100 %.",
    )
    both = int(figures.mistaken_by_all(test.labels, predictions).sum())
    yield _picture(
        "mistakes",
        figures.mistakes_figure(source.pictures(test.images), test.labels, predictions, source.classes),
        f"Some of the test images that all {runs} runs get wrong, {both} of {len(test)}, with their class and what "
        "they are taken for.",
        "Above each image its class, and what the models take it for.",
    )


def _source(records: Mapping[str, Sequence[Record]]) -> data.Source:
    """The data set of the records, which are all of one."""
    first = next(record for of_model in records.values() for record in of_model)
    return data.source_of(first.config()["data"])


def _picture(name: str, figure: Figure, alt: str, caption: str) -> Picture:
    return Picture(name, render(figure), alt, caption)


def _on_disk(folder: Path, about: str, shows: Callable[[str], str]) -> list[Picture]:
    """The pictures of a folder; `shows` says by the stem of a file what there is to see."""
    paths = [path for path in sorted(folder.glob("*.png")) if not path.name.startswith("curves")][:MOST_PICTURES]
    return [
        Picture(f"{about}_{path.stem}", {"png": path.read_bytes()}, shows(path.stem), path.stem.replace("_", " "))
        for path in paths
    ]


def _of_factor(folder: Path, factor: str) -> str:
    """What the figure of a factor shows, by the table of its cells in the sweep's folder."""
    about = f"Test accuracy of both models against {label(factor)}"
    path = folder / f"table_{factor}.csv"
    cells = pd.read_csv(path).dropna(subset="test_accuracy_mean") if path.is_file() else pd.DataFrame()
    if cells.empty:
        return f"{about}."
    names = [str(name) for name in cells.columns[: list(cells).index("model")]]
    by_accuracy = cells.sort_values("test_accuracy_mean").to_dict("records")
    low, high = (_cell(cell, names) for cell in (by_accuracy[0], by_accuracy[-1]))
    return f"{about}, from {low} to {high}."


def _cell(cell: Mapping[Hashable, Any], names: Sequence[str]) -> str:
    at = describe({name: as_text(cell[name]) for name in names})
    return f"{100 * cell['test_accuracy_mean']:.1f} % ({MODEL_STYLES[cell['model']].label}, {at})"


def _table_on_disk(path: Path) -> Markup:
    table = pd.read_csv(path, dtype={"notes": str, "hidden": str}).fillna({"notes": ""})
    names = [str(name) for name in table.columns[: list(table).index("model")]]
    factors = [Factor(name, name, (), (), "words", name) for name in names]
    levels = table[names].map(as_text)
    return to_html(readable(table.assign(**levels), factors), NUMBERS, " by ".join(["models", *names]))


def _of_series(printed: PublishedFigure, runs: pd.DataFrame) -> str:
    finals = runs.groupby("model")["validation_accuracy"].mean()
    told = [
        f"{MODEL_STYLES[model].label} ends at {100 * finals[model]:.1f} %, printed {100 * values[-1]:.1f} %"
        for model, values in printed.series["validation_accuracy"].items()
        if model in finals
    ]
    return f"Training loss and validation accuracy over the epochs, learning rate {printed.lr:g}: {'; '.join(told)}."


def _accuracies(runs: pd.DataFrame, key: str, words: Callable[[Any], str]) -> str:
    """The mean test accuracy of both models at each level of a setting, in words."""
    means = runs.groupby([key, "model"], as_index=False)["test_accuracy"].mean()
    told = zip(means["model"], means["test_accuracy"], means[key], strict=True)
    return "; ".join(f"{MODEL_STYLES[model].label} {100 * mean:.1f} % {words(level)}" for model, mean, level in told)


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
