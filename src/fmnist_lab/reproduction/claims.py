"""All testable values and sentences of the report, each with its tests: claims.yaml as dataclasses.

The table entries, times and curves of report.yaml are claims too; claims.yaml does not repeat them.
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
from fmnist_lab.comparison.verdict_statistics import RELATIONS
from fmnist_lab.reproduction.report import Report, Row, load_report, printed_title

KINDS = ("cell", "time", "series", "note", "sentence", "contradiction", "theorem")
BASES = ("stated", "inferred")

# The metrics of a run, and their units; `margins` in claims.yaml has one margin for each unit.
METRICS = table_format.METRICS | {
    "lowest": "accuracy",  # lowest validation accuracy of any epoch
    "highest": "accuracy",
    "drops": "accuracy",  # sum of all decreases of the validation accuracy between epochs: 0 for a monotone curve
    "gap": "accuracy",  # training minus test accuracy after the last epoch
    "mean_loss": "loss",  # mean of the training loss over the epochs: lower if a run converges faster
    "early_loss": "loss",  # mean of the training loss over the first three epochs
    "seconds": "time",  # training and validation; compared as ratios
}
SERIES = {"validation_accuracy": "validation_accuracy", "training_loss": "train_loss"}  # name in report.yaml: column
PROPERTIES = {
    "loss_falls": "the training loss falls at every epoch",
    "accuracy_falls": "the validation accuracy falls at some epoch",
    "finished": "the run ends without diverging",
}
OPPOSITE = {"higher": "lower", "lower": "higher"}

Sample = Mapping[str, Any]  # settings by name; a list, such as the widths of hidden layers, is a list


# The kinds of test. The fields of each are the keys of its entry in claims.yaml.


@dataclass(frozen=True)
class EntryTest:
    """Compare a printed test accuracy with the runs of its network."""

    table: str
    hidden: tuple[int, ...]
    model: str


@dataclass(frozen=True)
class TimeTest:
    """Show printed seconds beside the measured ones; they are not testable."""

    table: str
    hidden: tuple[int, ...]
    model: str


@dataclass(frozen=True)
class SeriesTest:
    """Compare a printed curve with the simultaneous band of the runs."""

    figure: str
    metric: str
    model: str


@dataclass(frozen=True)
class Value:
    """Compare a number in the text with the runs of a sample."""

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
    """Compare two samples, paired by seed; at every epoch of their curves if `every_epoch`."""

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
    """Compare two samples at every epoch."""

    every_epoch: bool = True


@dataclass(frozen=True)
class Majority:
    """Test that most runs of a sample have a property."""

    shows: str
    sample: Sample

    def __post_init__(self) -> None:
        one_of("shows", self.shows, PROPERTIES)


@dataclass(frozen=True)
class Returns:
    """Test that doubling the width gains less between the last two of three networks than between the first two."""

    metric: str
    hidden: tuple[tuple[int, ...], ...]
    sample: Sample

    def __post_init__(self) -> None:
        one_of("metric", self.metric, METRICS)
        doublings(self.hidden)


@dataclass(frozen=True)
class Printed:
    """Compare two printed values, each given by table or figure and its place there."""

    first: Sample
    relation: str
    second: Sample

    def __post_init__(self) -> None:
        one_of("relation", self.relation, ("higher", "lower", "same"))


@dataclass(frozen=True)
class PrintedFalls:
    """Test that a printed curve falls at every epoch."""

    figure: str
    metric: str
    sample: Sample


@dataclass(frozen=True)
class Opposed:
    """Test that two claims assert opposite relations of the same pair of samples."""

    claims: tuple[str, str]


@dataclass(frozen=True)
class Theorem:
    """A statement with a proof, whose consequences `fmnist_lab.saddle` compares with numbers."""


Test = (
    EntryTest | TimeTest | SeriesTest | Value | Paired | Majority | Returns | Printed | PrintedFalls | Opposed | Theorem
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
    """A testable value or sentence.

    `basis` says how it is known: stated, digitised, author's code or inferred. `published_runs` is the number of runs
    that it rests on. `experiments` are the presets that train the runs to compare it with. `not_testable` says what
    cannot be tested, and why.
    """

    id: str
    where: str
    kind: str
    statement: str
    basis: str
    published_runs: int
    experiments: tuple[str, ...]
    tests: tuple[Test, ...]
    not_testable: str = ""
    command: str = ""


@dataclass(frozen=True)
class Inferred:
    """Settings inferred from the printed tables `fitted_on`.

    `networks` gives for each printed network those that may have been trained.
    """

    experiment: str
    settings: Sample
    fitted_on: tuple[str, ...]
    networks: Mapping[tuple[int, ...], tuple[tuple[int, ...], ...]]


@dataclass(frozen=True)
class Claims:
    """All claims by id, and their common settings.

    `base` has the settings of a run unless a sample gives others; a mapping by model where the models differ.
    `experiments` gives the basis of each preset: `stated` or `inferred`.
    """

    report: Report
    base: Mapping[str, Any]
    margins: Mapping[str, float]
    experiments: Mapping[str, str]
    inferred: Mapping[str, Inferred]
    claims: Mapping[str, Claim]


@functools.cache
def load_claims() -> Claims:
    """Return the claims that are part of this package."""
    return parse_claims(package_text(__package__, "claims.yaml"), load_report())


def parse_claims(text: str, report: Report) -> Claims:
    """Return the claims from YAML. Raises InputError for the first invalid entry."""
    return parse("claims.yaml", text, lambda **entries: _Reader(report, **entries).claims())


def printed(report: Report, place: Sample) -> float:
    """Return the printed value at a place.

    A place has the keys `table`, `hidden`, `model`, `value` or `figure`, `metric`, `model`, `epoch`. Raises KeyError if
    the report prints nothing there.
    """
    if "figure" in place:
        return printed_curve(report, place["figure"], place["metric"], place["model"])[int(place["epoch"]) - 1]
    entry = printed_row(report, place["table"], tuple(place["hidden"])).entries[place["model"]]
    return float(entry._asdict()[place["value"]])


def printed_curve(report: Report, figure: str, metric: str, model: str) -> tuple[float, ...]:
    """Return a printed curve, one value for each epoch. Raises KeyError if there is none."""
    return report.figures[figure].series[metric][model]


def printed_row(report: Report, table: str, hidden: tuple[int, ...]) -> Row:
    """Return the row of a network in a printed table. Raises KeyError if there is none."""
    for row in report.tables[table].rows:
        if row.hidden == hidden:
            return row
    raise KeyError(f"{table} has no row {list(hidden)}")


def doublings(hidden: tuple[tuple[int, ...], ...]) -> tuple[float, float]:
    """Return how often the width doubles from the first of three networks to the second, and on to the third."""
    widths = [math.prod(network) for network in hidden]  # the networks differ in one layer only
    if len(widths) != 3 or not widths[0] < widths[1] < widths[2]:
        raise ValueError(f"hidden={[*map(list, hidden)]}: should be three networks, each wider than the one before")
    return math.log2(widths[1] / widths[0]), math.log2(widths[2] / widths[1])


def other_model(model: str) -> str:
    """Return the name of the other model."""
    return {"custom": "torch", "torch": "custom"}[model]


def label(hidden: tuple[int, ...]) -> str:
    """Return the text of a network in an id or a sentence: 256-128."""
    return "-".join(map(str, hidden))


def entry_id(table: str, hidden: tuple[int, ...], model: str, what: str) -> str:
    """Return the id of a claim about an entry: its accuracy, time or note."""
    return f"{table}-{label(hidden)}-{model}-{what}"


@dataclass(frozen=True)
class _Reader:
    """The entries of claims.yaml; the fields are the keys of the file."""

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
        made = [*self._printed_claims(), *self._note_claims(), *self._text_claims()]
        claims = {claim.id: claim for claim in made}
        if len(claims) < len(made):
            raise ValueError("two claims have the same id")
        each(claims, lambda _, claim: self._verify_references(claim, claims))
        settings = {name: fact.value for name, fact in self.report.settings.items() if name != "loader"}
        return Claims(
            self.report,
            settings | dict(self.base),
            each(self.margins, lambda _, margin: number(margin)),
            each(self.experiments, lambda _, basis: str(one_of("experiment", basis, BASES))),
            each(self.inferred, lambda table, entry: self._inferred(table, **entry)),
            claims,
        )

    def _printed_claims(self) -> Iterator[Claim]:
        """Yield the claims of report.yaml: curves, table entries and times."""
        for figure in self.report.figures.values():
            for metric, curves in figure.series.items():
                for model in curves:
                    yield self._claim(
                        id=f"{figure.id}-{metric}-{model}",
                        where=printed_title(figure.id),
                        kind="series",
                        statement=f"{metric.replace('_', ' ')} of {model} at learning rate {figure.lr:g}, by epoch",
                        mark=figure.basis,
                        experiment=["figures"],
                        made=[SeriesTest(figure.id, metric, model)],
                    )
        for table, row, model in self._places():
            entry, network = row.entries[model], f"{model} {label(row.hidden)}"
            about: Any = {"where": printed_title(table), "mark": self.report.tables[table].basis, "experiment": [table]}
            yield self._claim(
                id=entry_id(table, row.hidden, model, "accuracy"),
                kind="cell",
                statement=f"{network} has a test accuracy of {100 * entry.test_accuracy:.2f} %",
                made=[EntryTest(table, row.hidden, model)],
                **about,
            )
            yield self._claim(
                id=entry_id(table, row.hidden, model, "time"),
                kind="time",
                statement=f"{network} takes {entry.seconds:g} s",
                made=[TimeTest(table, row.hidden, model)],
                not_testable=self.not_testable["time"],
                **about,
            )

    def _note_claims(self) -> Iterator[Claim]:
        notes = {
            entry_id(table, tuple(note["hidden"]), note["model"], "note"): (table, note)
            for table, entries in self.notes.items()
            for note in entries
        }
        expected = [entry_id(table, row.hidden, model, "note") for table, row, model in self._places()]
        if [*notes] != expected:
            raise ValueError(f"notes: should be one for each entry of the tables, in order: {', '.join(expected)}")
        yield from each(notes, lambda id, entry: self._note(id, entry[0], **entry[1])).values()

    def _note(
        self, id: str, table: str, hidden: Any, model: str, statement: str, against_other: Any = None, tests: Any = ()
    ) -> Claim:
        first, second = ({"hidden": hidden, "model": name} for name in (model, other_model(model)))
        relations = {
            one_of("against_other", metric, METRICS): relation for metric, relation in (against_other or {}).items()
        }
        untested = {"not_testable": f"on time: {self.not_testable['time']}"} if relations.pop("seconds", None) else {}
        made = [Paired(metric, first, relation, second) for metric, relation in relations.items()]
        about: Any = {"where": printed_title(table), "kind": "note", "statement": statement, "experiment": [table]}
        return self._claim(id=id, tests=tests, made=made, **about, **untested)

    def _text_claims(self) -> Iterator[Claim]:
        kinds = {"sentence": self.sentences, "contradiction": self.contradictions}
        for kind, entries in kinds.items():
            by_id = {entry["id"]: {"kind": kind, **entry} for entry in entries}
            if len(by_id) < len(entries):
                raise ValueError(f"{kind}: two entries have the same id")
            yield from each(by_id, lambda _, entry: self._claim(**entry)).values()
        for entry in self.theorems:
            yield self._claim(kind="theorem", made=[Theorem()], **entry)

    def _claim(
        self,
        *,
        id: str,
        where: str,
        kind: str,
        statement: str,
        mark: str = "stated",
        experiment: Any = (),
        tests: Any = (),
        made: Any = (),
        not_testable: str = "",
        command: str = "",
    ) -> Claim:
        both = (*made, *(test for entry in tests for test in _tests(**entry)))
        if not both and not not_testable:
            raise ValueError(f"{id}: should have tests, or the reason why it has none as not_testable")
        for name in experiment:
            one_of("experiment", name, self.experiments)
        experiments = tuple(experiment)
        basis = known_basis(mark)
        return Claim(id, where, kind, statement, basis, self.published_runs, experiments, both, not_testable, command)

    def _verify_references(self, claim: Claim, claims: Mapping[str, Claim]) -> None:
        """Raise an error if a test refers to a printed value or claim that does not exist."""
        for test in claim.tests:
            if isinstance(test, Printed):
                printed(self.report, test.first), printed(self.report, test.second)
            if isinstance(test, Opposed):
                for other in test.claims:
                    one_of("claims", other, claims)

    def _places(self) -> Iterator[tuple[str, Row, str]]:
        """Yield table, row and model of each entry in the order of the report: PyTorch before custom."""
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
    """Yield the test of an entry, or with `each` one test for every combination of its values."""
    build = TESTS[one_of("kind", kind, TESTS)]
    for values in itertools.product(*(each or {}).values()):
        combination = dict(zip(each or {}, values, strict=True))
        filled = {name: combination | key if isinstance(key, dict) else _frozen(key) for name, key in keys.items()}
        yield build(**filled)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
