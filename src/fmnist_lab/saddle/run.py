"""The command of the saddle: compare the predictions, write the table and the figures."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import rich.box
import rich.console
import rich.table
from rich.text import Text

from fmnist_lab.runs import provenance
from fmnist_lab.runs.files import finite, make_folder, write_bytes, write_csv, write_text
from fmnist_lab.saddle.config import DATA, SaddleConfig
from fmnist_lab.saddle.prediction import Prediction
from fmnist_lab.saddle.predictions import FAMILIES
from fmnist_lab.saddle.setting import Setting

COLUMNS = ("check", "what", "basis", "relation", "prediction", "observation", "error", "tolerance", "ok")

Row = tuple[str, Prediction]  # the name of the family, and one of its predictions


def run_saddle(config: SaddleConfig) -> int:
    """Compare the chosen predictions, write and print them, and draw the figures.

    Returns the exit status: 0, or 1 if an observation disagrees. Raises InputError if the data cannot be read or the
    folder cannot be written.
    """
    from threadpoolctl import threadpool_limits

    console = rich.console.Console(highlight=False, markup=False, soft_wrap=True)
    # One thread: most products are too small to gain from two, and sums do not depend on the number of cores.
    with threadpool_limits(1), console.status(f"reading {DATA.title}") as status:
        setting = Setting(config)
        folder = Path(config.outputs) / "saddle"
        make_folder(folder, config.outputs)
        rows = []
        for name in dict.fromkeys(config.checks):
            status.update(f"comparing: {name}")
            rows += [(name, prediction) for prediction in FAMILIES[name](setting)]
        write(rows, config, folder)
        if config.figures:
            status.update("drawing")
            draw(setting, config.checks, folder)
    console.print(table(rows), soft_wrap=False)
    failed = [prediction for _, prediction in rows if not prediction.ok]
    console.print(f"{len(rows)} predictions, {len(failed)} failed")
    console.print(str(folder))
    return 1 if failed else 0


def write(rows: Sequence[Row], config: SaddleConfig, folder: Path) -> None:
    """Write `checks.csv`, and `checks.json` with the configuration and the provenance."""
    write_csv(folder / "checks.csv", COLUMNS, [_flat(row).values() for row in rows])
    document = {
        "configuration": dataclasses.asdict(config),
        "provenance": provenance.collect(1, 1, DATA.checksum, "torch"),
        "checks": [
            {name: finite(value) if isinstance(value, float) else value for name, value in _flat(row).items()}
            for row in rows
        ],
    }
    write_text(folder / "checks.json", json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def draw(setting: Setting, families: Sequence[str], folder: Path) -> None:
    """Write the figures of these families to `figures/`, each as PNG and SVG."""
    import matplotlib

    from fmnist_lab.results.style import applied, render
    from fmnist_lab.saddle.figures import FIGURES

    (folder / "figures").mkdir(exist_ok=True)
    with applied(), matplotlib.rc_context({"text.parse_math": True}):  # powers of ten on the axes
        for name, (family, figure) in FIGURES.items():
            files = render(figure(setting)) if family in families else {}
            for extension, content in files.items():
                write_bytes(folder / "figures" / f"{name}.{extension}", content)


def table(rows: Sequence[Row]) -> rich.table.Table:
    """Return a table for the terminal: one row for each prediction, one section for each family."""
    shown = rich.table.Table(box=rich.box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    shown.add_column("statement", overflow="fold")
    for name in ("prediction", "observation", "error", "tolerance"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("ok", no_wrap=True)
    for name, first, prediction in _with_heads(rows):
        if first:
            shown.add_section()
            shown.add_row(Text(name, style="bold"))
        predicted = {"=": "", "<=": "≤ ", ">=": "≥ "}[prediction.relation] + f"{prediction.prediction:.6g}"
        verdict = Text("ok", style="green") if prediction.ok else Text("FAILED", style="bold red")
        accuracy = (f"{prediction.error:.1e}", f"{prediction.tolerance:.1e}")
        shown.add_row(Text(f"  {prediction.what}"), predicted, f"{prediction.observation:.6g}", *accuracy, verdict)
    return shown


def _with_heads(rows: Sequence[Row]) -> Iterator[tuple[str, bool, Prediction]]:
    last = None
    for name, prediction in rows:
        yield name, name != last, prediction
        last = name


def _flat(row: Row) -> dict[str, object]:
    name, prediction = row
    return {"check": name, **dataclasses.asdict(prediction), "ok": prediction.ok}
