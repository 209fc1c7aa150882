"""One command of the saddle: checks, table, figures."""

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
from fmnist_lab.saddle.checks import FAMILIES
from fmnist_lab.saddle.config import DATA, SaddleConfig
from fmnist_lab.saddle.prediction import Check
from fmnist_lab.saddle.setting import Setting

COLUMNS = ("check", "what", "basis", "relation", "prediction", "observation", "error", "tolerance", "ok")

Row = tuple[str, Check]  # the family's name, and one of its checks


def run_saddle(config: SaddleConfig) -> int:
    """Do the checks, write and show them, draw the figures; return the exit status: 0, or 1 when a check failed.

    Raises InputError when the data is not to be had or the folder cannot be written.
    """
    from threadpoolctl import threadpool_limits

    console = rich.console.Console(highlight=False, markup=False, soft_wrap=True)
    # One thread: most products are too small for two, and sums come out alike everywhere.
    with threadpool_limits(1), console.status(f"reading {DATA.title}") as status:
        setting = Setting(config)
        folder = Path(config.outputs) / "saddle"
        make_folder(folder, config.outputs)
        rows = []
        for name in dict.fromkeys(config.checks):
            status.update(f"checking: {name}")
            rows += [(name, check) for check in FAMILIES[name](setting)]
        write(rows, config, folder)
        if config.figures:
            status.update("drawing")
            draw(setting, config.checks, folder)
    console.print(table(rows), soft_wrap=False)
    failed = [check for _, check in rows if not check.ok]
    console.print(f"{len(rows)} checks, {len(failed)} failed")
    console.print(str(folder))
    return 1 if failed else 0


def write(rows: Sequence[Row], config: SaddleConfig, folder: Path) -> None:
    """`checks.csv`, and `checks.json` with the configuration and the circumstances."""
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


def draw(setting: Setting, checks: Sequence[str], folder: Path) -> None:
    """`figures/`: those that belong to the checks asked for, each as PNG and SVG."""
    import matplotlib

    from fmnist_lab.results.style import applied, render
    from fmnist_lab.saddle.figures import FIGURES

    (folder / "figures").mkdir(exist_ok=True)
    with applied(), matplotlib.rc_context({"text.parse_math": True}):  # powers of ten on the axes
        for name, (check, figure) in FIGURES.items():
            files = render(figure(setting)) if check in checks else {}
            for extension, content in files.items():
                write_bytes(folder / "figures" / f"{name}.{extension}", content)


def table(rows: Sequence[Row]) -> rich.table.Table:
    """A row a check, a section a family."""
    shown = rich.table.Table(box=rich.box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    shown.add_column("check", overflow="fold")
    for name in ("prediction", "observation", "error", "tolerance"):
        shown.add_column(name, justify="right", no_wrap=True)
    shown.add_column("ok", no_wrap=True)
    for name, first, check in _with_heads(rows):
        if first:
            shown.add_section()
            shown.add_row(Text(name, style="bold"))
        prediction = {"=": "", "<=": "≤ ", ">=": "≥ "}[check.relation] + f"{check.prediction:.6g}"
        verdict = Text("ok", style="green") if check.ok else Text("FAILED", style="bold red")
        accuracy = (f"{check.error:.1e}", f"{check.tolerance:.1e}")
        shown.add_row(Text(f"  {check.what}"), prediction, f"{check.observation:.6g}", *accuracy, verdict)
    return shown


def _with_heads(rows: Sequence[Row]) -> Iterator[tuple[str, bool, Check]]:
    last = None
    for name, check in rows:
        yield name, name != last, check
        last = name


def _flat(row: Row) -> dict[str, object]:
    name, check = row
    return {"check": name, **dataclasses.asdict(check), "ok": check.ok}
