"""Write outputs/reference/, the committed reproduction, and from it the measured part of the README.

`make SEEDS=10 paper studies compare` and `make audit`, then `python scripts/maintenance/reference.py` with the
project's Python. Copies from outputs/ the tables, figures, findings and provenance, and writes a row for every run.
The reproduction before is replaced as a whole.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pandas as pd

from fmnist_lab.reproduction.report import load_report

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "outputs" / "reference"
TABLES = {".csv", ".md", ".tex", ".json", ".txt", ".yaml"}
FIGURES = {".png"}  # the page and vector graphics can be made by one command
TOO_LONG = {"measured.csv", "misfits.csv", "candidates.csv", "curves.csv", "results.csv", "log.txt"}

# What the README shows from outputs/reference/paper/: the main result open, the rest folded.
SWAP = "figures/initialization.png"
TABLES_SHOWN = ("table1_stated.md", "table2_stated.md", "table3_stated.md")


def main(outputs: Path = ROOT / "outputs") -> None:
    fresh = REFERENCE.with_name("reference.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for name in ("paper", "audit", "checks"):
        keep(outputs / name, fresh / name, TABLES | FIGURES)
    keep(outputs / "sweeps", fresh / "sweeps", TABLES)  # their figures are on the page
    write_runs(runs_of(outputs), fresh / "runs.csv")
    shutil.rmtree(REFERENCE, ignore_errors=True)
    fresh.rename(REFERENCE)
    write_measured_part(ROOT / "README.md")


def keep(folder: Path, target: Path, kinds: set[str]) -> None:
    """Copy the files of these kinds below `folder`, except those that are too long."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in kinds and path.name not in TOO_LONG:
            copy = target / path.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)


def runs_of(outputs: Path) -> pd.DataFrame:
    """Return one row for every run of the sweeps in `outputs`, once if several share it; none without a sweep."""
    rows = [read_runs(path) for path in sorted((outputs / "sweeps").glob("*/results.csv"))]
    return pd.concat(rows or [pd.DataFrame(columns=["run"])]).drop_duplicates("run")


def read_runs(path: Path) -> pd.DataFrame:
    return pd.read_csv(path)


def write_runs(rows: pd.DataFrame, target: Path) -> None:
    rows.sort_values(["model", "hidden", "init", "lr", "seed", "run"]).to_csv(target, index=False, lineterminator="\n")


def write_measured_part(readme: Path) -> None:
    """Write the part of the README between its two comments. Exits with a message if they are not there once."""
    text, count = re.subn(
        r"(<!-- measured: begin.*?-->\n).*?(<!-- measured: end -->)",
        lambda match: match[1] + measured() + match[2],
        readme.read_text("utf-8"),
        flags=re.DOTALL,
    )
    if count != 1:
        sys.exit(f"{readme.name}: must have one part between the comments `measured: begin` and `measured: end`")
    readme.write_text(text, "utf-8")


def measured() -> str:
    """Return the findings, figures, tables and conditions as Markdown."""
    paper = REFERENCE / "paper"
    findings, swap, *tables = (
        (paper / name).read_text("utf-8").rstrip() for name in ("findings.md", "initialization.md", *TABLES_SHOWN)
    )
    figures = [
        picture(f"figures/{figure.id}.png", f"training curves at learning rate {figure.lr:g} with the printed ones")
        for figure in load_report().figures.values()
    ]
    shown = [findings, picture(SWAP, "validation accuracy of both models with either initialisation"), swap]
    more = [
        "<details><summary>Figures 1–3 and Tables 1–3, printed and measured</summary>",
        *figures,
        *tables,
        "</details>",
    ]
    return "\n\n".join([*shown, *more, conditions()]) + "\n"


def picture(path: str, alt: str) -> str:
    return f"![{alt}](outputs/reference/paper/{path})"


def conditions() -> str:
    provenance = pd.read_json(REFERENCE / "paper" / "provenance.json", typ="series")
    runs = pd.read_csv(REFERENCE / "runs.csv")
    versions = [f"{name} {', '.join(map(str, provenance[name]))}" for name in ("Python", "numpy", "torch")]
    seeds = runs["seed"].nunique()
    return (
        f"{len(runs)} runs, at most {seeds} seeds; {', '.join(provenance['processor'])}, "
        f"{', '.join(provenance['threads a run'])} thread a run, {', '.join(provenance['runs at once'])} runs at once; "
        f"{', '.join(versions)}. All of it: [outputs/reference](outputs/reference)."
    )


if __name__ == "__main__":
    main()
