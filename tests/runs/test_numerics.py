"""Edited code never gets old numbers: the stamp, and the digest of the source that it stands for."""

import json
import shutil
import sys

import pytest

from fmnist_lab.runs import numerics as module
from fmnist_lab.runs import run
from fmnist_lab.runs.numerics import PACKAGE, SOURCES, STORED, bare, current, numerics

# Two float64 epochs, as of this stamp. If a change moves these numbers by more than rounding, it changes results: write
# down the new numbers and the next stamp, and run scripts/maintenance/renew_numerics.py with it.
STAMP = 1
GOLDEN = {
    "custom": {"train_loss": 1.257695847531731, "validation_loss": 1.1246944605080433, "test_loss": 1.128962841654592},
    "torch": {"train_loss": 1.4747326478754796, "validation_loss": 1.244701492653475, "test_loss": 1.2490447399536853},
}


@pytest.mark.parametrize("model", GOLDEN)
def test_the_golden_runs_give_the_numbers_of_the_stamp(small, model):
    summary = run.train(small(f"model={model}", "dtype=float64", "lr=0.05", "epochs=2", "seed=7")).summary()
    assert {name: summary[name] for name in GOLDEN[model]} == pytest.approx(GOLDEN[model], rel=1e-8)


def test_the_stored_stamp_and_digest_are_those_of_this_code():
    stored = json.loads(STORED.read_text("utf-8"))
    assert (stored["stamp"], stored["source"]) == (STAMP, current(STAMP)["source"]), (
        f"the code in {', '.join(SOURCES)} has changed since numerics.json was written, so it finds no run of the "
        "version before: run python scripts/maintenance/renew_numerics.py, which tests its numbers and writes the file"
    )
    assert numerics() == STAMP


@pytest.fixture
def edit(small, tmp_path, monkeypatch):
    """Return a function that edits a file in a copy of the source, and returns the run that a configuration is then."""
    package = tmp_path / "fmnist_lab"
    for pattern in SOURCES:
        for path in PACKAGE.glob(pattern):
            copy = package / path.relative_to(PACKAGE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    monkeypatch.setattr(module, "PACKAGE", package)

    def edited(name="models/custom.py", old="", new=""):
        content = (package / name).read_bytes().replace(b"\r\n", b"\n")
        assert old.encode() in content
        (package / name).write_bytes(content.replace(old.encode(), new.encode()) if old else content)
        numerics.cache_clear()
        return run.locate(run.bind_to_machine(small())).run

    yield edited
    numerics.cache_clear()


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("models/custom.py", "da * (a > 0)", "da * (a >= 0)"),
        ("models/optimizers.py", "p -= g", "p -= 1.01 * g"),
        ("models/torch.py", "nn.ReLU", "nn.GELU"),
        ("training.py", "DIVERGED_ABOVE = 1e6", "DIVERGED_ABOVE = 1e3"),
        ("data/dataset.py", "np.array(2 / brightest)", "np.array(3 / brightest)"),
        ("data/source.py", "offset=len(idx_header(shape))", "offset=0"),
        ("runs/run.py", '"split": 1, "order": 2', '"split": 2, "order": 1'),
    ],
)
def test_edited_code_makes_another_run(edit, name, old, new):
    before = edit()
    after = edit(name, old, new)
    assert after != before
    assert edit(name, new, old) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""The multilayer perceptron written by hand', '"""Another sentence'),
        ("# faster than np.sum", "# a sum"),
        ("  # faster than np.sum", ""),
        ("\n\n\nclass Tanh", "\n\n\n\n# A new comment.\n\n\nclass Tanh"),
        ("return da * (a > 0)\n", "return da * (a > 0)   \n"),
        ("\n", "\r\n"),
    ],
    ids=["docstring", "comment", "no comment", "blank lines", "spaces", "line ends"],
)
def test_edited_comments_docstrings_and_line_ends_leave_the_run(edit, old, new):
    before = edit()
    assert edit(old=old, new=new) == before


def test_a_new_file_of_a_model_makes_another_run(edit):
    before = edit()
    (module.PACKAGE / "models" / "more.py").write_text("x = 1\n")
    assert edit() != before


SOURCE = '''"""Module."""
x = "# no comment"  # ∂ comment

"""Of x."""


def f():  # comment
    """Docstring

    # of several lines."""; return "∂" """a
 b"""  # ∂


class C: "∂ docstring"; y = f"{x}#"
'''
BARE = """x = "# no comment"
def f():
    ; return "∂" \"""a
 b\"""
class C: ; y = f"{x}#"
"""


def test_bare_source_has_all_the_code_and_nothing_else():
    assert bare(SOURCE) == BARE.rstrip("\n"), sys.version
