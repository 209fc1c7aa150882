"""Every checkable value and sentence of the report as data, and how it is tested: claims.yaml, typed and checked.

The cells, times and series that report.yaml prints are claims without being written down twice.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fmnist_lab.comparison import table_format
from fmnist_lab.comparison.parsing import each, known_basis, number, one_of, package_text, parse
from fmnist_lab.comparison.statistics import RELATIONS
from fmnist_lab.reproduction.report import Report, Row, load_report, printed_title

KINDS = ("cell", "time", "series", "note", "sentence", "contradiction", "theorem")
BASES = ("stated", "inferred")

# What is measured of a run, and its unit; `margins` in claims.yaml has one for each unit.
METRICS = table_format.METRICS | {
    "lowest": "accuracy",  # validation accuracy over the epochs
    "highest": "accuracy",
    "drops": "accuracy",  # sum of the falls of the validation accuracy from epoch to epoch: what is not smooth
    "gap": "accuracy",  # training minus test accuracy after the last epoch: what does not generalise
    "mean_loss": "loss",  # training loss, mean over the epochs: the lower, the faster a run converges
    "early_loss": "loss",  # the same over the first three epochs
    "seconds": "time",  # training and validation; compared as ratios
}
SERIES = {"validation_accuracy": "validation_accuracy", "training_loss": "train_loss"}  # as report.yaml calls them
PROPERTIES = {
    "loss_falls": "the training loss falls at every epoch",
    "accuracy_falls": "the validation accuracy falls at some epoch",
    "finished": "the run ends without diverging",
}
OPPOSITE = {"higher": "lower", "lower": "higher"}

Sample = Mapping[str, Any]  # settings by name; a list, such as the widths of hidden layers, is a list


# The kinds of test. Each `build`s its own from the keys of its entry.


@dataclass(frozen=True)
class CellTest:
    """A printed test accuracy against the runs of its network."""

    table: str
    hidden: tuple[int, ...]
    model: str


@dataclass(frozen=True)
class TimeTest:
    """Printed seconds: not testable themselves, shown beside the measured ones."""

    table: str
    hidden: tuple[int, ...]
    model: str


@dataclass(frozen=True)
class SeriesTest:
    """A printed curve against the simultaneous band of the runs."""

    figure: str
    metric: str
    model: str


@dataclass(frozen=True)
class Value:
    """A number in the text against the runs of a sample."""

    metric: str
    sample: Sample
    published: float
    reading_error: float
    margin: float

    def __post_init__(self) -> None:
        one_of("metric", self.metric, METRICS)
        for value in (self.published, self.reading_error, self.margin):
            number(value)


@dataclass(frozen=True)
class Paired:
    """A relation between two samples, seed by seed; of the curves at every epoch with `every_epoch`."""

    metric: str
    first: Sample
    relation: str
    second: Sample
    every_epoch: bool = False

    def __post_init__(self) -> None:
        one_of("metric", self.metric, METRICS)
        one_of("relation", self.relation, RELATIONS)


@dataclass(frozen=True)
class PairedCurve(Paired):
    """`Paired` at every epoch."""

    every_epoch: bool = True


@dataclass(frozen=True)
class Majority:
    """Something that most runs of a sample show."""

    shows: str
    sample: Sample

    def __post_init__(self) -> None:
        one_of("shows", self.shows, PROPERTIES)


@dataclass(frozen=True)
class Returns:
    """A doubling of the width is worth less between the last two networks than between the first two."""

    metric: str
    hidden: tuple[tuple[int, ...], ...]
    sample: Sample

    def __post_init__(self) -> None:
        one_of("metric", self.metric, METRICS)
        doublings(self.hidden)


@dataclass(frozen=True)
class Printed:
    """A relation between two printed values, each named by table or figure and its place there."""

    first: Sample
    relation: str
    second: Sample

    def __post_init__(self) -> None:
        one_of("relation", self.relation, ("higher", "lower", "same"))


@dataclass(frozen=True)
class PrintedFalls:
    """A printed curve that falls at every epoch."""

    figure: str
    metric: str
    sample: Sample


@dataclass(frozen=True)
class Opposed:
    """Two claims that say opposite things of the same pair of samples."""

    claims: tuple[str, str]


@dataclass(frozen=True)
class Theorem:
    """Proved on paper and checked numerically elsewhere."""


Test = (
    CellTest | TimeTest | SeriesTest | Value | Paired | Majority | Returns | Printed | PrintedFalls | Opposed | Theorem
)
TESTS: dict[str, type] = {
    "value": Value,
    "paired": Paired,
    "paired_curve": PairedCurve,
    "majority": Majority,
    "returns": Returns,
    "printed": Printed,
    "printed_falls": PrintedFalls,
    "opposed": Opposed,
}


@dataclass(frozen=True)
class Claim:
    """A checkable value or sentence.

    `mark` says how it is known (reading.MARKS), `published_runs` how many runs stand behind it, `experiments` which
    presets train the runs that judge it. What of it cannot be tested, or all of it, `not_testable` says, and why.
    """

    id: str
    where: str
    kind: str
    says: str
    mark: str
    published_runs: int
    experiments: tuple[str, ...]
    tests: tuple[Test, ...]
    not_testable: str = ""
    command: str = ""


@dataclass(frozen=True)
class Inferred:
    """Settings concluded from printed numbers, and from which; `networks` that may stand behind a printed one."""

    experiment: str
    settings: Sample
    fitted_on: tuple[str, ...]
    networks: Mapping[tuple[int, ...], tuple[tuple[int, ...], ...]]


@dataclass(frozen=True)
class Claims:
    """All claims by id, and what they have in common.

    `base` are the settings of a run unless a sample says otherwise; a mapping from model where the models differ.
    `experiments` says what each preset rests on: `stated` or `inferred`.
    """

    report: Report
    base: Mapping[str, Any]
    margins: Mapping[str, float]
    experiments: Mapping[str, str]
    inferred: Mapping[str, Inferred]
    claims: Mapping[str, Claim]


@functools.cache
def load_claims() -> Claims:
    """The claims as this package carries them."""
    return parse_claims(package_text(__package__, "claims.yaml"), load_report())


def parse_claims(text: str, report: Report) -> Claims:
    """The claims from YAML. Raises InputError at the first entry that is not as it should be."""
    return parse("claims.yaml", text, lambda **entries: _Reader(report, **entries).claims())


def printed(report: Report, place: Sample) -> float:
    """A printed value: of a table by `table`, `hidden`, `model`, `value`; of a figure by `figure`, `metric`, ...

    Raises KeyError where nothing is printed.
    """
    if "figure" in place:
        return printed_curve(report, place["figure"], place["metric"], place["model"])[int(place["epoch"]) - 1]
    cell = printed_row(report, place["table"], tuple(place["hidden"])).cells[place["model"]]
    return float(cell._asdict()[place["value"]])


def printed_curve(report: Report, figure: str, metric: str, model: str) -> tuple[float, ...]:
    """A printed curve, a value an epoch. Raises KeyError where there is none."""
    return report.figures[figure].series[metric][model]


def printed_row(report: Report, table: str, hidden: tuple[int, ...]) -> Row:
    """The row of a network. Raises KeyError where there is none."""
    for row in report.tables[table].rows:
        if row.hidden == hidden:
            return row
    raise KeyError(f"{table} has no row {list(hidden)}")


def doublings(hidden: tuple[tuple[int, ...], ...]) -> tuple[float, float]:
    """How often the width doubles from the first of three networks to the second, and from there to the third."""
    widths = [math.prod(network) for network in hidden]  # all layers but one are alike
    if len(widths) != 3 or not widths[0] < widths[1] < widths[2]:
        raise ValueError(f"hidden={[*map(list, hidden)]}: should be three networks, each wider than the one before")
    return math.log2(widths[1] / widths[0]), math.log2(widths[2] / widths[1])


def rival(model: str) -> str:
    """The other model."""
    return {"custom": "torch", "torch": "custom"}[model]


def label(hidden: tuple[int, ...]) -> str:
    """A network in an id or a sentence: 256-128."""
    return "-".join(map(str, hidden))


def cell_id(table: str, hidden: tuple[int, ...], model: str, what: str) -> str:
    """The id of a claim about a cell: its accuracy, time or note."""
    return f"{table}-{label(hidden)}-{model}-{what}"


@dataclass(frozen=True)
class _Reader:
    """The file's entries on their way to claims; the fields are the keys that the file has to have."""

    report: Report
    base: Any
    published_runs: int
    margins: Any
    experiments: Any
    inferred: Any
    not_testable: Any
    notes: Any
    sentences: Any
    contradictions: Any
    theorems: Any

    def claims(self) -> Claims:
        made = [*self._printed(), *self._noted(), *self._said()]
        claims = {claim.id: claim for claim in made}
        if len(claims) < len(made):
            raise ValueError("an id stands twice")
        each(claims, lambda _, claim: self._check(claim, claims))
        settings = {name: fact.value for name, fact in self.report.settings.items() if name != "loader"}
        return Claims(
            self.report,
            settings | dict(self.base),
            each(self.margins, lambda _, margin: number(margin)),
            each(self.experiments, lambda _, basis: str(one_of("experiment", basis, BASES))),
            each(self.inferred, lambda table, entry: self._inferred(table, **entry)),
            claims,
        )

    def _printed(self) -> Iterator[Claim]:
        """The claims that report.yaml holds: series, cells and times."""
        for figure in self.report.figures.values():
            for metric, curves in figure.series.items():
                for model in curves:
                    yield self._claim(
                        id=f"{figure.id}-{metric}-{model}",
                        where=printed_title(figure.id),
                        kind="series",
                        says=f"{metric.replace('_', ' ')} of {model} at learning rate {figure.lr:g}, epoch by epoch",
                        mark=figure.mark,
                        experiment=["figures"],
                        made=[SeriesTest(figure.id, metric, model)],
                    )
        for table, row, model in self._places():
            cell, network = row.cells[model], f"{model} {label(row.hidden)}"
            about: Any = {"where": printed_title(table), "mark": self.report.tables[table].mark, "experiment": [table]}
            yield self._claim(
                id=cell_id(table, row.hidden, model, "accuracy"),
                kind="cell",
                says=f"{network} has a test accuracy of {100 * cell.test_accuracy:.2f} %",
                made=[CellTest(table, row.hidden, model)],
                **about,
            )
            yield self._claim(
                id=cell_id(table, row.hidden, model, "time"),
                kind="time",
                says=f"{network} takes {cell.seconds:g} s",
                made=[TimeTest(table, row.hidden, model)],
                not_testable=self.not_testable["time"],
                **about,
            )

    def _noted(self) -> Iterator[Claim]:
        notes = {
            cell_id(table, tuple(note["hidden"]), note["model"], "note"): (table, note)
            for table, entries in self.notes.items()
            for note in entries
        }
        expected = [cell_id(table, row.hidden, model, "note") for table, row, model in self._places()]
        if [*notes] != expected:
            raise ValueError(f"notes: should be one for each cell, in order: {', '.join(expected)}")
        yield from each(notes, lambda id, entry: self._note(id, entry[0], **entry[1])).values()

    def _note(
        self, id: str, table: str, hidden: Any, model: str, says: str, against_rival: Any = None, tests: Any = ()
    ) -> Claim:
        first, second = ({"hidden": hidden, "model": name} for name in (model, rival(model)))
        told = {
            one_of("against_rival", metric, METRICS): relation for metric, relation in (against_rival or {}).items()
        }
        untested = {"not_testable": f"on time: {self.not_testable['time']}"} if told.pop("seconds", None) else {}
        made = [Paired(metric, first, relation, second) for metric, relation in told.items()]
        about: Any = {"where": printed_title(table), "kind": "note", "says": says, "experiment": [table]}
        return self._claim(id=id, tests=tests, made=made, **about, **untested)

    def _said(self) -> Iterator[Claim]:
        kinds = {"sentence": self.sentences, "contradiction": self.contradictions}
        for kind, entries in kinds.items():
            by_id = {entry["id"]: {"kind": kind, **entry} for entry in entries}
            if len(by_id) < len(entries):
                raise ValueError(f"{kind}: an id stands twice")
            yield from each(by_id, lambda _, entry: self._claim(**entry)).values()
        for entry in self.theorems:
            yield self._claim(kind="theorem", made=[Theorem()], **entry)

    def _claim(
        self,
        *,
        id: str,
        where: str,
        kind: str,
        says: str,
        mark: str = "stated",
        experiment: Any = (),
        tests: Any = (),
        made: Any = (),
        not_testable: str = "",
        command: str = "",
    ) -> Claim:
        both = (*made, *(test for entry in tests for test in _tests(**entry)))
        if not both and not not_testable:
            raise ValueError(f"{id}: should have tests, or say why it is not_testable")
        for name in experiment:
            one_of("experiment", name, self.experiments)
        experiments = tuple(experiment)
        mark = known_basis(mark)
        return Claim(id, where, kind, says, mark, self.published_runs, experiments, both, not_testable, command)

    def _check(self, claim: Claim, claims: Mapping[str, Claim]) -> None:
        """That what a test refers to exists."""
        for test in claim.tests:
            if isinstance(test, Printed):
                printed(self.report, test.first), printed(self.report, test.second)
            if isinstance(test, Opposed):
                for other in test.claims:
                    one_of("claims", other, claims)

    def _places(self) -> Iterator[tuple[str, Row, str]]:
        """Every cell in the report's own order: table, row, and PyTorch above custom."""
        for table in self.report.tables.values():
            for row in table.rows:
                for model in ("torch", "custom"):
                    yield table.id, row, model

    def _inferred(
        self, table: str, *, experiment: str, settings: Any, fitted_on: Any, networks: Any = None
    ) -> Inferred:
        one_of("table", table, self.report.tables)
        one_of("experiment", experiment, self.experiments)
        behind: dict[tuple[int, ...], tuple[tuple[int, ...], ...]]
        behind = {row.hidden: (row.hidden,) for row in self.report.tables[table].rows}
        by_text = {str(list(hidden)): hidden for hidden in behind}
        for text, candidates in (networks or {}).items():
            behind[by_text[one_of("networks", text, by_text)]] = tuple(map(tuple, candidates))
        fitted = tuple(one_of("fitted_on", name, self.report.tables) for name in fitted_on)
        return Inferred(experiment, settings, fitted, behind)


def _tests(*, kind: str, each: Any = None, **keys: Any) -> Iterator[Test]:
    """The tests of an entry: one, or with `each` one for every combination of its values."""
    build = TESTS[one_of("kind", kind, TESTS)]
    for values in itertools.product(*(each or {}).values()):
        combination = dict(zip(each or {}, values, strict=True))
        filled = {name: combination | key if isinstance(key, dict) else _frozen(key) for name, key in keys.items()}
        yield build(**filled)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
