"""The numbers of the report are complete and as printed, and a spoilt file is refused in one line."""

from importlib import resources

import pytest

from fmnist_lab.comparison.parsing import KNOWN_BASES
from fmnist_lab.errors import InputError
from fmnist_lab.reproduction.report import EPOCHS, PrintedEntry, Report, load_report, parse_report

TEXT = resources.files("fmnist_lab.reproduction").joinpath("report.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report() -> Report:
    return load_report()


def test_three_figures_at_the_three_learning_rates(report: Report) -> None:
    assert {id: figure.lr for id, figure in report.figures.items()} == {
        "figure1": 0.0001,
        "figure2": 0.002,
        "figure3": 0.1,
    }


def test_each_figure_has_both_metrics_of_both_models_at_ten_epochs(report: Report) -> None:
    lengths = [
        (id, metric, model, len(values))
        for id, figure in report.figures.items()
        for metric, models in figure.series.items()
        for model, values in models.items()
    ]
    assert lengths == [
        (id, metric, model, 10)
        for id in ("figure1", "figure2", "figure3")
        for metric in ("validation_accuracy", "training_loss")
        for model in ("custom", "torch")
    ]


def test_values_of_the_figures(report: Report) -> None:
    figures = report.figures
    assert figures["figure1"].series["validation_accuracy"]["torch"][-1] == 0.3877
    assert figures["figure2"].series["validation_accuracy"]["custom"][-1] == 0.8240
    assert figures["figure2"].series["training_loss"]["torch"][0] == 2.182
    assert figures["figure3"].series["training_loss"]["custom"][-1] == 0.2513


def test_losses_fall_and_accuracies_rise_at_the_tame_rates(report: Report) -> None:
    for id in ("figure1", "figure2"):
        for losses in report.figures[id].series["training_loss"].values():
            assert list(losses) == sorted(losses, reverse=True)
        for accuracies in report.figures[id].series["validation_accuracy"].values():
            assert list(accuracies) == sorted(accuracies)


def test_figures_are_digitised_with_their_reading_error(report: Report) -> None:
    for figure in report.figures.values():
        assert figure.basis == "digitised"
        assert figure.reading_error == {"validation_accuracy": 0.0015, "training_loss": 0.003}


def test_tables_vary_the_widths_that_the_report_varied(report: Report) -> None:
    assert {id: [row.hidden for row in table.rows] for id, table in report.tables.items()} == {
        "table1": [(8, 128), (16, 128), (64, 128), (1024, 128)],
        "table2": [(256, 8), (256, 16), (256, 64), (256, 1024)],
        "table3": [(256,)],
    }


def test_values_of_the_tables(report: Report) -> None:
    assert all((table.lr, table.basis) == (0.002, "stated") for table in report.tables.values())
    assert report.tables["table1"].rows[-1].entries == {
        "custom": PrintedEntry(0.8579, 168),
        "torch": PrintedEntry(0.8346, 145),
    }
    assert report.tables["table2"].rows[1].entries == {
        "custom": PrintedEntry(0.8448, 146),
        "torch": PrintedEntry(0.8341, 145),
    }
    assert report.tables["table3"].rows[0].entries == {
        "custom": PrintedEntry(0.8549, 222),
        "torch": PrintedEntry(0.8466, 210),
    }


def test_custom_is_above_torch_in_every_entry(report: Report) -> None:
    """This is the report's main claim: an entry that breaks it was copied wrongly."""
    for table in report.tables.values():
        for row in table.rows:
            assert row.entries["custom"].test_accuracy > row.entries["torch"].test_accuracy


def test_rows_whose_settings_are_in_doubt_have_a_note(report: Report) -> None:
    noted = [row.hidden for table in report.tables.values() for row in table.rows if row.note]
    assert noted == [(8, 128), (256,)]


def test_settings_have_a_basis(report: Report) -> None:
    assert report.settings["epochs"].value == EPOCHS
    assert report.settings["batch_size"].basis == "stated"
    assert report.settings["model.init"].value == {"custom": "glorot_uniform", "torch": "torch_linear"}
    assert report.settings["model.init"].basis == "author's code"
    assert {fact.basis for fact in (*report.settings.values(), *report.definitions.values())} <= set(KNOWN_BASES)


def test_every_kind_of_number_is_defined(report: Report) -> None:
    metrics = {metric for figure in report.figures.values() for metric in figure.series}
    assert set(report.definitions) == metrics | set(PrintedEntry._fields)


@pytest.mark.parametrize(
    ("found", "spoilt", "named"),
    [
        ("figures:\n", "pictures:\n", "pictures"),
        ("    lr: 0.1\n", "", "figure3.*lr"),
        ("lr: 0.0001", "lr: small", "figure1.*small"),
        ("0.1761, ", "", "figure1: custom: has 9 values"),
        ("0.1761", "17.61", "figure1: custom: 17.61"),
        ("0.1761", ".nan", "figure1: custom: nan"),
        ("mark: digitised", "mark: guessed", "figure1: mark=guessed"),
        (", training_loss: 0.003", "", "figure1: reading_error"),
        ("custom: [0.8549, 222]", "custom: [0.8549]", "table3: 1: custom"),
        ("custom: [0.8549, 222]", "numpy: [0.8549, 222]", "table3: 1:.*numpy"),
        ("hidden: [256]\n", "hidden: [wide]\n", "table3: 1: hidden"),
        ("epochs: {value: 10,", "epochs: {", "settings|epochs.*value"),
        ("figures:\n", "figures: [\n", "while parsing"),
    ],
)
def test_malformed_file_is_refused_in_one_line(found: str, spoilt: str, named: str) -> None:
    assert found in TEXT
    with pytest.raises(InputError, match=rf"^reproduction/report\.yaml: .*({named})") as refusal:
        parse_report(TEXT.replace(found, spoilt, 1))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "text", ["", "- a\n", "5", "{source: s, settings: 1, definitions: {}, figures: {}, tables: {}}"]
)
def test_file_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"reproduction/report\.yaml"):
        parse_report(text)
