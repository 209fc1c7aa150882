"""Assess the claims of the report with our runs. Every number in a sentence is computed from the frames."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pandas as pd

from fmnist_lab.comparison import verdict_statistics as statistics
from fmnist_lab.comparison.run_selection import Sample, Samples, experiment_command, pairs
from fmnist_lab.comparison.verdict_statistics import LEAST_SEEDS, Comparison, Evidence, Published, explained
from fmnist_lab.reproduction.claims import (
    METRICS,
    OPPOSITE,
    PROPERTIES,
    SERIES,
    Claim,
    Claims,
    EntryTest,
    Majority,
    Opposed,
    Paired,
    Printed,
    PrintedFalls,
    Returns,
    SeriesTest,
    Theorem,
    TimeTest,
    Value,
    doublings,
    entry_id,
    load_claims,
    other_model,
    printed,
    printed_curve,
    printed_row,
)
from fmnist_lab.reproduction.report import PrintedEntry, Row
from fmnist_lab.results.factors import display, label
from fmnist_lab.results.intervals import ALPHA, CONFIDENCE
from fmnist_lab.results.style import MODEL_STYLES
from fmnist_lab.results.summary_statistics import TIMES_DIFFER, same_conditions

COLUMNS = [
    "claim",
    "where",
    "kind",
    "says",
    "mark",
    "published_runs",
    "published",
    "measured",
    "difference",
    "half_width",
    "detectable",
    "n",
    "verdict",
    "reason",
    "experiment",
    "command",
]
MOST_LISTED = 3  # assertions, samples or comparisons that a sentence lists one by one


@dataclass(frozen=True)
class Assessed:
    """The columns of a claim's row that depend on the runs."""

    verdict: str
    reason: str
    published: str = ""
    measured: str = ""
    difference: float = math.nan
    half_width: float = math.nan
    detectable: float = math.nan
    n: int = 0


@dataclass(frozen=True)
class Assertion:
    """One of the statements that a claim makes, and the evidence of the runs."""

    text: str
    evidence: Evidence
    unit: str = "accuracy"


def assess(
    runs: pd.DataFrame, curves: pd.DataFrame, *, saddle: bool | None = None, claims: Claims | None = None
) -> pd.DataFrame:
    """Return one row for each claim of the report, with its verdict and the reason.

    Printed values come first, then notes, sentences, contradictions and theorems.

    Args:
        runs: one row for each run of any experiment, as `run_selection.join` returns it; may be empty.
        curves: one row for each run and epoch, with the columns of `curves.csv`.
        saddle: whether all predictions of the saddle agree with the observations; None if they were not compared.
        claims: by default those of the package.

    Returns:
        A frame with the columns COLUMNS. If a claim makes several assertions, the numbers are those of the assertion
        with the weakest evidence. Differences are fractions of the images, nats of loss, or logarithms of time ratios.
    """
    assessment = _Assessment(claims or load_claims(), runs, curves, saddle)
    return pd.DataFrame(assessment.rows(), columns=COLUMNS).astype({"n": "Int64"})


def table_entries(
    runs: pd.DataFrame, table_id: str, settings: str = "stated", *, claims: Claims | None = None
) -> pd.DataFrame:
    """Return the entries of a printed table beside our runs at the `stated` or the `inferred` settings.

    Returns:
        One row for each network and model, in the order of the report: hidden, model, published_accuracy,
        test_accuracy_mean, low, high (prediction interval), difference, n, verdict, published_seconds, seconds_median
        (NaN if the runs were timed under different conditions), notes (computed from the runs), published_note,
        half_width, detectable, p (corrected for the number of entries), reason, printed_as (the network as printed).
    """
    return _Assessment(claims or load_claims(), runs, pd.DataFrame(), None).table(table_id, settings)


class _Assessment:
    """The claims, and the runs that they are compared with."""

    def __init__(self, claims: Claims, runs: pd.DataFrame, curves: pd.DataFrame, saddle: bool | None) -> None:
        self.claims, self.report, self.saddle = claims, claims.report, saddle
        self.samples = Samples(runs, curves, claims.base)
        self.tables: dict[tuple[str, str], pd.DataFrame] = {}
        self.seeds = sorted(map(int, self.samples.runs["seed"].unique())) or range(LEAST_SEEDS)

    def rows(self) -> Iterator[dict[str, Any]]:
        for claim in self.claims.claims.values():
            assessed = self._assessed(claim)
            commands = [experiment_command(name, self.seeds) for name in claim.experiments]
            yield {
                "claim": claim.id,
                "where": claim.where,
                "kind": claim.kind,
                "says": claim.statement,
                "mark": claim.basis,
                "published_runs": claim.published_runs,
                **vars(assessed),
                "experiment": ", ".join(claim.experiments),
                "command": claim.command or " && ".join(commands),
            }

    def _assessed(self, claim: Claim) -> Assessed:
        match claim.tests:
            case (EntryTest() as test,):
                return self._entry(test)
            case (TimeTest() as test,):
                return self._time(test, claim.not_testable)
            case (SeriesTest() as test,):
                return self._series(test, claim)
            case (Value() as test,):
                return self._value(test, claim)
            case (Theorem(),):
                return self._theorem(claim)
            case (Printed() | PrintedFalls() | Opposed(), *_):
                return self._contradiction(claim)
            case ():
                return Assessed("not testable", claim.not_testable)
        return self._sentence(claim)

    # Printed values: an entry of a table, seconds, a curve, a number in the text.

    def _entry(self, test: EntryTest) -> Assessed:
        row = _row_of(self._cached(test.table, "stated"), test)
        measured = ""
        if row["n"]:
            measured = _percent(row["test_accuracy_mean"])
            if row["n"] > 1:
                measured += f" [{100 * row['low']:.2f}, {100 * row['high']:.2f}]"
        return Assessed(
            row["verdict"],
            "; ".join(filter(None, [row["reason"], self._explanation(test)])),
            _percent(row["published_accuracy"]),
            measured,
            *(row[name] for name in ("difference", "half_width", "detectable", "n")),
        )

    def _explanation(self, test: EntryTest) -> str:
        """Return the outcome of an entry at the inferred settings in words; empty before any run at them."""
        inferred = self._cached(test.table, "inferred")
        outcomes = []
        for _, row in inferred[(inferred["printed_as"] == str(list(test.hidden)))].iterrows():
            if row["model"] == test.model and row["n"]:
                outcomes.append(f"{display(row['hidden'])} {_percent(row['test_accuracy_mean'])}, {row['verdict']}")
        settings = self.claims.inferred[test.table].settings
        return f"at the inferred {_settings(settings)}: {'; '.join(outcomes)}" if outcomes else ""

    def _time(self, test: TimeTest, reason: str) -> Assessed:
        row = printed_row(self.report, test.table, test.hidden)
        seconds = {model: entry.seconds for model, entry in row.entries.items()}
        published = f"{seconds[test.model]:g} s; custom/torch {seconds['custom'] / seconds['torch']:.2f}"
        first, second = self._both_models(test.table, row.hidden)
        assertion = self._paired(Paired("seconds", first, "same", second))
        own = self.samples.measure(first if test.model == "custom" else second, "seconds")
        if not assertion.evidence.n:
            return Assessed("not testable", reason, published)
        if math.isnan(assertion.evidence.difference):
            return Assessed("not testable", f"{reason}; here {TIMES_DIFFER}", published, n=assertion.evidence.n)
        measured = f"{math.exp(own.median()):.1f} s; custom/torch {_difference(assertion)}"
        return Assessed("not testable", reason, published, measured, n=assertion.evidence.n)

    def _series(self, test: SeriesTest, claim: Claim) -> Assessed:
        figure, metric = self.report.figures[test.figure], SERIES[test.metric]
        values = printed_curve(self.report, test.figure, test.metric, test.model)
        sample = {"model": test.model, "lr": figure.lr}
        unit = METRICS[metric]
        published = f"ends at {_shown(values[-1], unit)}"
        ours = self.samples.curve(sample, metric)
        if not len(ours):
            return Assessed("inconclusive", "no run yet", published)
        found = statistics.compare_curve(
            values,
            ours.to_numpy(),
            runs=claim.published_runs,
            reading_error=figure.reading_error[test.metric],
            margin=self.claims.margins[f"{unit}_curve"],
        )
        measured = f"ends at {_shown(float(ours.iloc[:, -1].mean()), unit)}"
        if found.n > 1:
            at = f"{_signed(found.difference, unit)} ± {_plain(found.half_width, unit)}"
            measured += f"; largest deviation at epoch {found.at + 1}: {at}"
        return _compared(found, published, measured, self.samples.failure_note(sample))

    def _value(self, test: Value, claim: Claim) -> Assessed:
        values = self.samples.measure(test.sample, test.metric)
        number = Published(test.published, claim.published_runs, None, test.reading_error, test.margin)
        found = statistics.compare(number, values.to_numpy())
        unit = METRICS[test.metric]
        measured = f"{_shown(float(values.mean()), unit)} ± {_plain(found.half_width, unit)}" if found.n > 1 else ""
        if found.n == 1:
            measured = _shown(float(values.mean()), unit)
        published = f"{_shown(test.published, unit)} ± {_plain(test.reading_error, unit)}"
        return _compared(found, published, measured, self.samples.failure_note(test.sample))

    # Sentences.

    def _sentence(self, claim: Claim) -> Assessed:
        assertions = self._assertions(claim.tests)
        found = statistics.decide([assertion.evidence for assertion in assertions])
        tested = [assertion for assertion in assertions if assertion.evidence.n]
        weakest = max(
            tested or assertions, key=lambda assertion: (assertion.evidence.p_for, -assertion.evidence.p_against)
        )
        evidence = weakest.evidence
        fewest = min(assertion.evidence.n for assertion in assertions)
        return Assessed(
            found,
            "; ".join(filter(None, [_reason(found, assertions, fewest), claim.not_testable])),
            "",
            _measured(tested, weakest),
            math.nan if weakest.unit == "share" else evidence.difference,
            evidence.half_width,
            evidence.detectable,
            fewest,
        )

    def _assertions(self, tests: Sequence[Any]) -> list[Assertion]:
        """Return the assertions that the tests make.

        Tests that most runs of a sample have the same property make one assertion together: a seed counts if its runs
        in all samples have the property.
        """
        shown: dict[str, list[Majority]] = defaultdict(list)
        assertions = []
        for test in tests:
            if isinstance(test, Majority):
                shown[test.shows].append(test)
            else:
                assertions += self._compared(test)
        return assertions + [self._majority(shows, together) for shows, together in shown.items()]

    def _compared(self, test: Any) -> list[Assertion]:
        match test:
            case Paired(every_epoch=True):
                return self._paired_curve(test)
            case Paired():
                return [self._paired(test)]
            case Returns():
                return [self._returns(test)]
        raise TypeError(f"{test}: a sentence has no such test")

    def _paired(self, test: Paired) -> Assertion:
        unit = METRICS[test.metric]
        first, second = pairs(*(self.samples.measure(sample, test.metric) for sample in (test.first, test.second)))
        text = f"{_versus(test.first, test.second)}, {_metric(test.metric)}"
        if unit == "time" and not self.samples.comparable(test.first, test.second):
            return Assertion(f"{text} ({TIMES_DIFFER})", Evidence(len(first)), unit)
        return Assertion(text, statistics.paired(first, second, test.relation, self._margin(unit)), unit)

    def _paired_curve(self, test: Paired) -> list[Assertion]:
        unit = METRICS[test.metric]
        first, second = (self.samples.curve(sample, test.metric) for sample in (test.first, test.second))
        seeds = first.index.intersection(second.index)
        text = f"{_versus(test.first, test.second)}, {_metric(test.metric)}"
        if not len(seeds):
            return [Assertion(text, Evidence(0), unit)]
        found = statistics.paired_curve(first.loc[seeds], second.loc[seeds], test.relation, self._margin(unit))
        return [
            Assertion(f"{text} at epoch {epoch}", one, unit) for epoch, one in zip(first.columns, found, strict=True)
        ]

    def _majority(self, shows: str, tests: Sequence[Majority]) -> Assertion:
        flags = pd.concat([self.samples.shows(test.sample, shows) for test in tests], axis=1).dropna()
        names = [_sample(test.sample) for test in tests]
        text = f"{' and '.join(names) if len(names) <= MOST_LISTED else f'all {len(names)}'}: {PROPERTIES[shows]}"
        return Assertion(text, statistics.majority(flags.astype(bool).all(axis=1)), "share")

    def _returns(self, test: Returns) -> Assertion:
        one, two, three = (self.samples.measure({**test.sample, "hidden": h}, test.metric) for h in test.hidden)
        before, after = doublings(test.hidden)
        earlier, later = pairs((two - one).dropna() / before, (three - two).dropna() / after)
        networks = ", ".join(display(str(list(hidden))) for hidden in test.hidden)
        text = f"{_sample(test.sample)}, gain of a doubling along {networks}"
        return Assertion(text, statistics.paired(later, earlier, "lower"), METRICS[test.metric])

    # Claims that need no run.

    def _contradiction(self, claim: Claim) -> Assessed:
        shown = [self._in_print(test) for test in claim.tests]
        verdict = "contradicted" if all(so for so, _ in shown) else "consistent"
        texts = [text for _, text in shown]
        published = "; ".join(texts if len(texts) <= MOST_LISTED else [*texts[:MOST_LISTED], "..."])
        count = sum(so for so, _ in shown)
        return Assessed(verdict, f"in {count} of {len(shown)} comparisons of printed values", published)

    def _in_print(self, test: Any) -> tuple[bool, str]:
        """Return whether the printed values have the relation of `test`, and these values in words."""
        match test:
            case Printed():
                first, second = printed(self.report, test.first), printed(self.report, test.second)
                so = {"higher": first > second, "lower": first < second, "same": first == second}[test.relation]
                return so, f"{_place(test.first)} {first:g}, {_place(test.second)} {second:g}"
            case PrintedFalls():
                values = printed_curve(self.report, test.figure, test.metric, test.sample["model"])
                falls = all(later < earlier for earlier, later in pairwise(values))
                return falls, f"{test.sample['model']} from {values[0]:g} to {values[-1]:g}"
            case Opposed():
                return self._opposed(*(self.claims.claims[id] for id in test.claims)), " / ".join(
                    self.claims.claims[id].statement for id in test.claims
                )
        raise TypeError(f"{test}: printed values have no such test")

    def _opposed(self, one: Claim, other: Claim) -> bool:
        """Return whether two claims order the same two samples oppositely, in metrics of one unit."""
        return any(
            METRICS[a.metric] == METRICS[b.metric]
            and (a.first, a.second)
            == ((b.first, b.second) if a.relation == OPPOSITE.get(b.relation) else (b.second, b.first))
            and a.relation in OPPOSITE
            for a in one.tests
            for b in other.tests
            if isinstance(a, Paired) and isinstance(b, Paired) and b.relation in OPPOSITE
        )

    def _theorem(self, claim: Claim) -> Assessed:
        if self.saddle is None:
            return Assessed("not testable", f"no observation yet; run {claim.command}")
        agree = "agree with it" if self.saddle else "disagree with it"
        return Assessed("holds" if self.saddle else "does not hold", f"the observations of {claim.command} {agree}")

    # Tables.

    def _cached(self, table_id: str, settings: str) -> pd.DataFrame:
        key = table_id, settings
        if key not in self.tables:
            self.tables[key] = self.table(table_id, settings)
        return self.tables[key]

    def table(self, table_id: str, settings: str) -> pd.DataFrame:
        table = self.report.tables[table_id]
        inferred = self.claims.inferred[table_id] if settings == "inferred" else None
        places = [
            (row, hidden, model)
            for row in table.rows
            for hidden in (inferred.networks[row.hidden] if inferred else (row.hidden,))
            for model in ("torch", "custom")
        ]
        chosen = inferred.settings if inferred else {"lr": table.lr}
        samples = [{**chosen, "hidden": hidden, "model": model} for _, hidden, model in places]
        runs = self.claims.claims[entry_id(table_id, table.rows[0].hidden, "custom", "accuracy")].published_runs
        margin = self.claims.margins["accuracy"]
        found = statistics.compare_family(
            [
                Published(row.entries[model].test_accuracy, runs, margin=margin, testable=not row.unspecified)
                for row, _, model in places
            ],
            [self.samples.measure(sample, "test_accuracy").to_numpy() for sample in samples],
        )
        in_sample = inferred is not None and table_id in inferred.fitted_on
        comparable = same_conditions(pd.concat([self.samples.finished(sample) for sample in samples]))
        return pd.DataFrame(
            [
                self._table_row(row, sample, replace(one, verdict=explained(one.verdict, in_sample)), comparable)
                | {"published_note": self.claims.claims[entry_id(table_id, row.hidden, model, "note")].statement}
                for (row, _, model), sample, one in zip(places, samples, found, strict=True)
            ]
        ).astype({"n": "Int64"})

    def _table_row(self, row: Row, sample: dict[str, Any], found: Comparison, comparable: bool) -> dict[str, Any]:
        entry: PrintedEntry = row.entries[sample["model"]]
        mean = entry.test_accuracy + found.difference
        seconds = self.samples.finished(sample)["fit_seconds"].astype(float)
        return {
            "hidden": str(list(sample["hidden"])),
            "model": sample["model"],
            "published_accuracy": entry.test_accuracy,
            "test_accuracy_mean": mean,
            "low": mean - found.half_width,
            "high": mean + found.half_width,
            "difference": found.difference,
            "n": found.n,
            "verdict": found.verdict,
            "published_seconds": entry.seconds,
            "seconds_median": seconds.median() if comparable else math.nan,
            "notes": self._note(sample),
            "half_width": found.half_width,
            "detectable": found.detectable,
            "p": found.p,
            "reason": "; ".join(filter(None, [found.reason, row.note, self.samples.failure_note(sample)])),
            "printed_as": str(list(row.hidden)),
        }

    def _note(self, sample: dict[str, Any]) -> str:
        """Return a comparison with the other model: `0.8 points above PyTorch [0.5, 1.1]; 0.70 of its time`."""
        other = {**sample, "model": other_model(sample["model"])}
        accuracy = self._paired(Paired("test_accuracy", sample, "higher", other)).evidence
        if not accuracy.n:
            return ""
        points, half = 100 * accuracy.difference, 100 * accuracy.half_width
        side, low = ("above", points - half) if points >= 0 else ("below", -points - half)
        interval = "" if math.isnan(half) else f" [{low:.1f}, {abs(points) + half:.1f}]"
        note = f"{abs(points):.1f} points {side} {MODEL_STYLES[other['model']].label}{interval}"
        time = self._paired(Paired("seconds", sample, "higher", other)).evidence.difference
        return note if math.isnan(time) else f"{note}; {math.exp(time):.2f} of its time"

    def _both_models(self, table_id: str, hidden: tuple[int, ...]) -> tuple[Sample, Sample]:
        common = {"lr": self.report.tables[table_id].lr, "hidden": hidden}
        return {**common, "model": "custom"}, {**common, "model": "torch"}

    def _margin(self, unit: str) -> float:
        return math.log1p(self.claims.margins[unit]) if unit == "time" else self.claims.margins[unit]


def _row_of(table: pd.DataFrame, test: EntryTest) -> pd.Series[Any]:
    return table[(table["hidden"] == str(list(test.hidden))) & (table["model"] == test.model)].iloc[0]


def _compared(found: Comparison, published: str, measured: str, failure_note: str) -> Assessed:
    reason = "; ".join(filter(None, [found.reason, failure_note]))
    numbers = found.difference, found.half_width, found.detectable, found.n
    return Assessed(found.verdict, reason, published, measured, *numbers)


def _reason(verdict: str, assertions: Sequence[Assertion], fewest: int) -> str:
    significant, number = f"significant at the {100 * ALPHA:.0f} % level", len(assertions)
    match verdict:
        case "identical":
            return "the same in every pair of runs"
        case "holds":
            return f"each of its {number} assertions is {significant}" if number > 1 else significant
        case "does not hold":
            one = f" of one of its {number} assertions" if number > 1 else ""
            return f"the opposite{one} is {significant}{', corrected for their number' if number > 1 else ''}"
    if any(TIMES_DIFFER in assertion.text for assertion in assertions):
        return TIMES_DIFFER
    if fewest < LEAST_SEEDS:
        return f"n = {fewest}; a test needs {LEAST_SEEDS} seeds" if fewest else "no run yet"
    if number > 1:
        return f"not all of its {number} assertions are {significant}, nor is the opposite of any"
    return f"neither it nor the opposite is {significant}"


def _measured(assertions: Sequence[Assertion], weakest: Assertion) -> str:
    if len(assertions) <= MOST_LISTED:
        return "; ".join(f"{assertion.text}: {_difference(assertion)}" for assertion in assertions)
    count = Counter(statistics.decide([assertion.evidence]) for assertion in assertions)
    tally = ", ".join(f"{times} {verdict}" for verdict, times in count.most_common())
    return f"of {len(assertions)} assertions {tally}; weakest evidence: {weakest.text}: {_difference(weakest)}"


def _difference(assertion: Assertion) -> str:
    """Return the difference with its interval in words: points, nats of loss, a ratio of times, or a count of seeds."""
    found = assertion.evidence
    if assertion.unit == "share":
        return f"{found.difference * found.n:.0f} of {found.n} seeds"
    if math.isnan(found.difference):
        return "not comparable"
    ends = [found.difference, found.difference - found.half_width, found.difference + found.half_width]
    mean, low, high = (_signed(end, assertion.unit) for end in ends)
    level = "" if found.confidence == CONFIDENCE else f" ({100 * found.confidence:.0f} %)"
    return mean if math.isnan(found.half_width) else f"{mean} [{low}, {high}]{level}"


def _versus(first: Sample, second: Sample) -> str:
    """Return the settings in which two samples differ, then those that they share: `custom against torch, 8-128`."""
    shared = {key: value for key, value in first.items() if key in second and second[key] == value}
    one, other = (_sample({key: s[key] for key in s if key not in shared}) for s in (first, second))
    return ", ".join(filter(None, [f"{one} against {other}", _sample(shared) if shared else ""]))


def _sample(sample: Sample) -> str:
    return " ".join(_setting(key, value) for key, value in sample.items()) or "all"


def _settings(sample: Sample) -> str:
    return ", ".join(_setting(key, value) for key, value in sample.items())


def _setting(key: str, value: Any) -> str:
    if key == "at":
        return f"at epoch {value}"
    if key == "hidden":
        return display(str(list(value)))
    named = {"lr": "learning rate ", "batch_size": "batch size ", "epochs": "epochs "}
    return f"{named.get(key, '')}{value}"


def _metric(metric: str) -> str:
    return "time" if metric == "seconds" else label(metric)


def _place(place: Sample) -> str:
    """Return the place of a printed value in words."""
    keys = ("model", "figure") if "figure" in place else ("model", "hidden", "table")
    return " ".join(_setting(key, place[key]) for key in keys)


def _percent(accuracy: float) -> str:
    return f"{100 * accuracy:.2f} %"


def _shown(value: float, unit: str) -> str:
    return _percent(value) if unit == "accuracy" else f"{value:.3f}"


def _plain(value: float, unit: str) -> str:
    return f"{100 * value:.2f}" if unit == "accuracy" else f"{value:.3f}"


def _signed(value: float, unit: str) -> str:
    if unit == "time":
        return f"{math.exp(value):.2f}"
    return f"{100 * value:+.2f}" if unit == "accuracy" else f"{value:+.3f}"
