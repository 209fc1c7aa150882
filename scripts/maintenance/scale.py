"""Measure what a sweep costs by the number of its runs: overhead, memory, files, bytes, time to rebuild the output.

`python scripts/maintenance/scale.py` with the project's Python, on Linux; `--runs 10,20,40` for a first look. Sweeps
of tiny runs with the joblib launcher, each in a new folder; then the same command again, which finds every run
finished. Processor seconds are those of the command and of the workers it waited for, so that other load on the
machine hardly counts. Writes scale.csv and a figure into `--out`, and the table into docs/cluster.md when `--out` is
scripts/maintenance/launchers/measurements. Exit status 1 when anything grew faster than linearly.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from benchmark.parts import memory_of
from fmnist_lab.runs import provenance

MEASUREMENTS = Path(__file__).resolve().with_name("launchers") / "measurements"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "cluster.md"
BEGIN, END = "<!-- scale: begin (written by scripts/maintenance/scale.py) -->", "<!-- scale: end -->"
COUNTS = [50, 100, 250, 500, 1000]
# One epoch of the narrowest network on a thousand images: a run that takes hardly any time.
TINY = ("epochs=1", "architecture.hidden=[1]", "data.validation=59000", "data.split=last", "model=custom")
LIKE_LINEAR = 1.15  # times the straight line: two measurements of the same sweep differ that much

HEADINGS = {
    "runs": "runs",
    "workers": "at once",
    "overhead_ms": "overhead a run (ms, wall clock)",
    "cpu_ms": "processor time a run (ms)",
    "peak_mb": "memory of the command, at most (MB)",
    "again_cpu_s": "output again, nothing to train: processor time (s)",
    "again_mb": "output again: memory, at most (MB)",
    "files": "files",
    "mb": "MB on disk",
}
TOTALS = {  # quantities that must not grow faster than the number of runs
    "cpu_s": "processor time of the sweep",
    "peak_mb": "memory of the command",
    "again_cpu_s": "processor time of the output again",
    "again_mb": "memory of the output again",
    "files": "files",
    "mb": "bytes",
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure what a sweep costs by the number of its runs.")
    parser.add_argument("--runs", type=lambda text: list(map(int, text.split(","))), default=COUNTS, metavar="N,N")
    parser.add_argument("--redraw", action="store_true", help="measure nothing: draw and print what is in the folder")
    parser.add_argument("--out", type=Path, default=Path("outputs/scale"), help="folder of the results")
    options = parser.parse_args()
    if not options.redraw:
        measure_all(options.runs, options.out)
    table = pd.read_csv(options.out / "scale.csv")
    grown = growth(table)
    draw(table, options.out / "scale.png")
    text = markdown(table, grown)
    print(text)
    if options.out.resolve() == MEASUREMENTS:
        insert(text)
    return 0 if (grown <= LIKE_LINEAR).all() else 1


def measure_all(counts: list[int], folder: Path) -> None:
    """Measure a sweep for each number of runs, and save all measurements so far after each."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for runs in counts:
        rows.append(measure(runs))
        print(rows[-1], flush=True)
        pd.DataFrame(rows).to_csv(folder / "scale.csv", index=False, lineterminator="\n")


def measure(runs: int) -> dict[str, float]:
    """Run a sweep of `runs` runs, then the same command again; return what both cost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seeds = ["-m", f"seed=range(0,{runs})", "name=scale", *TINY, "hydra/launcher=joblib"]
        first, again = command(seeds, folder), command(seeds, folder)
        results = pd.read_csv(folder / "outputs" / "sweeps" / "scale" / "results.csv")
        files = [path.stat() for path in (folder / "outputs").rglob("*") if path.is_file()]
    assert len(results) == runs
    workers = int(results.workers.iloc[0])
    training = float(results.fit_seconds.sum()) / workers
    return {
        "runs": runs,
        "workers": workers,
        "wall_s": first["wall_s"],
        "training_s": training,
        "overhead_ms": (first["wall_s"] - training) / runs * 1000,
        "cpu_s": first["cpu_s"],
        "cpu_ms": first["cpu_s"] / runs * 1000,
        "peak_mb": first["peak_mb"],
        "again_wall_s": again["wall_s"],
        "again_cpu_s": again["cpu_s"],
        "again_mb": again["peak_mb"],
        "files": len(files),
        "mb": sum(file.st_size for file in files) / 1e6,
    }


def command(arguments: list[str], folder: Path) -> dict[str, float]:
    """Run the lab's command line; return its wall clock (s), processor time (s) and peak memory (MB).

    Raises RuntimeError with its output when it fails.
    """
    start, peak = time.perf_counter(), 0.0
    log = (folder / "output.txt").open("w")
    process = subprocess.Popen([sys.executable, "-m", "fmnist_lab", *arguments], cwd=folder, stdout=log, stderr=log)
    while True:
        peak = max(peak, memory_of(process.pid, "status", "VmHWM"))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.1)
    process.returncode = os.waitstatus_to_exitcode(status)
    log.close()
    if process.returncode:
        raise RuntimeError((folder / "output.txt").read_text())
    return {"wall_s": time.perf_counter() - start, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": peak}


def growth(table: pd.DataFrame) -> pd.Series:
    """Return the last value of each total, divided by that of the straight line through the two values before it."""
    one, two, last = (table.iloc[place] for place in (-3, -2, -1))
    step = (last.runs - two.runs) / (two.runs - one.runs)
    return pd.Series({name: last[name] / (two[name] + step * (two[name] - one[name])) for name in TOTALS})


def draw(table: pd.DataFrame, path: Path) -> None:
    """Draw the cost of a run, which should be level, and of a command, which should grow no faster than a line."""
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), constrained_layout=True)
    axes[0].plot(table.runs, table.overhead_ms, "o-", label="overhead, wall clock")
    axes[0].plot(table.runs, table.cpu_ms, "s-", label="processor time")
    axes[0].set(ylabel="milliseconds a run")
    axes[1].plot(table.runs, table.peak_mb, "o-", label="training")
    axes[1].plot(table.runs, table.again_mb, "s-", label="output again")
    axes[1].set(ylabel="memory of the command (MB)")
    axes[2].plot(table.runs, table.again_cpu_s, "o-", label="output again, nothing to train")
    axes[2].set(ylabel="processor seconds")
    for each in axes:
        each.set(xlabel="runs of the sweep", xlim=(0, None), ylim=(0, None))
        each.legend(frameon=False)
    figure.savefig(path, dpi=110)


def markdown(table: pd.DataFrame, grown: pd.Series) -> str:
    """Return the table as Markdown, with the growth of each total and the machine."""
    values = [[f"{value:.4g}" for value in row] for row in table[list(HEADINGS)].to_numpy()]
    lines = [list(HEADINGS.values()), ["---:"] * len(HEADINGS), *values]
    one, two, last = (int(table.runs.iloc[place]) for place in (-3, -2, -1))
    ratios = ", ".join(f"{TOTALS[name]} {times:.2f}" for name, times in grown.items())
    return "\n".join(
        [
            *(f"| {' | '.join(line)} |" for line in lines),
            "",
            f"Measured for {last} runs / extrapolated by the straight line through {one} and {two} runs: {ratios}.",
            "",
            f"One sweep (n = 1) for each row. {provenance.cpu()}, {provenance.cores()} core(s) of {os.cpu_count()}. "
            "Other work on the machine adds to the wall clock, and a little to the processor time.",
        ]
    )


def insert(text: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(f"{page.split(BEGIN)[0]}{BEGIN}\n{text}\n{END}{page.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
