"""Writes the measured part of the README from a finished sweep of learning rates.

`python -m fmnist_lab -m lr=0.0001,0.002,0.1 name=readme`, then `python scripts/readme.py`
with the project's Python. Copies the figures and the table to outputs/reference/, and says on what they were measured.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
SWEEP = ROOT / "outputs" / "sweeps" / "readme"
REFERENCE = ROOT / "outputs" / "reference"
FIGURES = ("curves_lr=0.0001", "curves_lr=0.002", "curves_lr=0.1", "lr")


def main() -> None:
    results = pd.read_csv(SWEEP / "results.csv")
    (REFERENCE / "figures").mkdir(parents=True, exist_ok=True)
    for name in FIGURES:
        shutil.copy(SWEEP / "figures" / f"{name}.png", REFERENCE / "figures")
    for name in ("results.csv", "table_lr.csv", "table_lr.md"):
        shutil.copy(SWEEP / name, REFERENCE)
    readme = ROOT / "README.md"
    text = re.sub(
        r"(<!-- measured: begin.*?-->\n).*?(<!-- measured: end -->)",
        lambda match: match[1] + measured(results) + match[2],
        readme.read_text("utf-8"),
        flags=re.DOTALL,
    )
    readme.write_text(text, "utf-8")


def measured(results: pd.DataFrame) -> str:
    """The figures, the table, and the conditions under which they were made."""
    summary = json.loads((ROOT / "outputs" / "runs" / results.run[0] / "summary.json").read_text("utf-8"))
    told = summary["provenance"]
    images = "".join(f"![{name}](outputs/reference/figures/{name}.png)\n" for name in FIGURES[1:3])
    conditions = (
        f"Seeds {', '.join(map(str, sorted(set(results.seed))))}; {told['cpu']}, {told['threads']} thread a run, "
        f"{told['workers']} run(s) at once; Python {told['python']}, NumPy {told['versions']['numpy']}."
    )
    return f"{images}\n{(SWEEP / 'table_lr.md').read_text('utf-8')}\n{conditions}\n"


if __name__ == "__main__":
    main()
