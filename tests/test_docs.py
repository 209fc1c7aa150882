"""The docs are right: every block of commands, Python and edits in them is run, in order, on the real data.

A page is run in a folder like a fresh clone. A hidden comment before a block may hold:
`run with: ...` settings that make the lab's commands in it small; `file: ...` the file in which the reader saves it;
`fails: ...` the message with which its last command ends, at status 1; `not run: ...` the reason why it is not run.
"""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import nbclient
import nbformat
import pytest
import yaml

from fmnist_lab.compose import expand
from support.paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TREE = ("conf", "src", "tests", "pyproject.toml")  # what a page may use or change
IDS = [page.relative_to(ROOT).as_posix() for page in PAGES]

# The number of blocks that are not run, by page; the page gives the reason for each.
NOT_RUN = dict.fromkeys(
    ["README.md", *(f"docs/{page}.md" for page in ("architecture", "cluster", "robustness", "speed", "tutorial"))], 1
)

BLOCK = re.compile(r"(?P<notes>(?:^<!-- [^\n]+ -->\n)*)^```(?P<language>.*)\n(?P<text>[\s\S]*?)^```$", re.MULTILINE)
COMMANDS = {"python": [], "pytest": ["-m", "pytest"], "fmnist-lab": ["-m", "fmnist_lab"]}


@dataclass(frozen=True)
class Block:
    where: str
    language: str
    text: str
    notes: dict[str, str]


def blocks(page: Path) -> list[Block]:
    text = page.read_text("utf-8")
    found = []
    for match in BLOCK.finditer(text):
        where = f"{page.name}:{text.count(chr(10), 0, match.start('language')) + 1}"
        notes = dict(re.findall(r"<!-- (run with|fails|file|not run)(?:: (.*?))? -->", match["notes"]))
        found.append(Block(where, match["language"], match["text"], notes))
    assert text.count("\n```") == 2 * len(found), f"{page}: a fence that does not close, or is indented"
    return found


class Reader:
    """Follows a page word for word, in a folder like a fresh clone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: dict[str, object] = {"__name__": "__main__"}
        for name in TREE:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, folder / name)

    def follow(self, block: Block) -> None:
        if "not run" not in block.notes:
            getattr(self, f"follow_{block.language}")(block)

    def follow_python(self, block: Block) -> None:
        exec(compile(block.text, block.where, "exec"), self.names)

    def follow_sh(self, block: Block) -> None:
        *others, last = block.text.splitlines()
        for line in others:
            self.run(line, block)
        failure = block.notes.get("fails")
        output = self.run(last, block, status=1 if failure else 0)
        assert (failure or "") in output, f"{block.where}: {failure}\n{output}"

    def run(self, line: str, block: Block, status: int = 0) -> str:
        assert not re.search(r"['\\$`;&>]", line), f"{block.where}: not the same in every shell: {line}"
        command, *words = shlex.split(line, comments=True)
        small = shlex.split(block.notes.get("run with", "")) if "fmnist_lab" in line else []
        environment = os.environ | {"PYTHONPATH": str(self.folder / "src")}
        arguments = [sys.executable, *COMMANDS[command], *words, *small]
        outcome = subprocess.run(arguments, cwd=self.folder, env=environment, capture_output=True, text=True)
        output = outcome.stdout + outcome.stderr
        assert outcome.returncode == status, f"{block.where}: {line}\n{output}"
        return output

    def follow_diff(self, block: Block) -> None:
        path, *lines = block.text.splitlines()
        before, after = ("".join(f"{line[1:]}\n" for line in lines if line[:1] in signs) for signs in (" -", " +"))
        file = self.folder / path
        text = file.read_text("utf-8")
        assert text.count(before) == 1, (
            f"{block.where}: the lines to change are in {path} {text.count(before)} times, not once"
        )
        file.write_text(text.replace(before, after), "utf-8")

    def follow_yaml(self, block: Block) -> None:
        (self.folder / block.notes["file"]).write_text(block.text, "utf-8")


def to_run(page: Path) -> list[Block]:
    return [block for block in blocks(page) if "not run" not in block.notes]


@pytest.mark.slow
@pytest.mark.parametrize("page", [*filter(to_run, PAGES)], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    reader = Reader(tmp_path)
    for block in to_run(page):
        reader.follow(block)


def test_blocks_that_are_not_run_are_counted_and_have_a_reason():
    left_out = [(name, block) for name, page in zip(IDS, PAGES, strict=True) for block in blocks(page)]
    left_out = [(name, block) for name, block in left_out if "not run" in block.notes]
    assert Counter(name for name, _ in left_out) == NOT_RUN
    assert all(len(block.notes["not run"]) > 20 for _, block in left_out)


def inline_settings(page: Path) -> set[tuple[str, ...]]:
    """Return the settings in the running text and in tables: `lr=0.1`, `python -m fmnist_lab -m lr=...`."""
    spans = re.findall(r"`([^`\n]+)`", BLOCK.sub("", page.read_text("utf-8")))
    texts = [span.removeprefix("python -m fmnist_lab ").removeprefix("-m ") for span in spans if ", " not in span]
    settings = [tuple(shlex.split(text)) for text in texts if text.count('"') % 2 == 0 and "'" not in text]
    return {words for words in settings if words and all(re.match(r"[a-z][\w./]*=[^=>]", word) for word in words)}


@pytest.mark.promise
def test_settings_in_the_text_are_understood():
    every = set().union(*map(inline_settings, PAGES))
    others = ("workers", "foreach", "curves_lr")  # of Python's sweep(), of PyTorch, in the names of files
    settings = sorted(words for words in every if words[0].split("=")[0] not in others)
    assert len(settings) > 20
    for words in settings:
        assert expand(*words), words


def test_a_broken_block_fails(tmp_path):
    reader = Reader(tmp_path)
    for language, text, notes in (
        ("python", "assert 1 == 2", {}),
        ("sh", 'python -c "raise SystemExit(3)"', {}),
        ("sh", 'python -c "pass"', {"fails": "another message"}),
        ("sh", "python -c 'pass'", {}),
        ("diff", "src/fmnist_lab/models/custom.py\n-no such line\n+another", {}),
    ):
        with pytest.raises((AssertionError, KeyError)):
            reader.follow(Block("here", language, text, notes))
    with pytest.raises(AttributeError):
        reader.follow(Block("here", "", "a block of no language", {}))


# Links.


def slug(heading: str) -> str:
    """Return the anchor that a heading gets on the code's host."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def links(page: Path) -> list[tuple[str, str]]:
    text = BLOCK.sub("", page.read_text("utf-8"))
    return re.findall(r"!?\[([^\]]*)\]\(([^)\s]+)\)", text)


def defined_in(file: Path) -> set[str]:
    """Return the names of classes and functions, methods as Class.method."""
    tree = ast.parse(file.read_text("utf-8"))
    tops = [node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    methods = {
        f"{top.name}.{node.name}"
        for top in tops
        if isinstance(top, ast.ClassDef)
        for node in top.body
        if isinstance(node, ast.FunctionDef)
    }
    return {top.name for top in tops} | methods


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_to_files_headings_and_names(page):
    for text, target in links(page):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target}"
        assert file.is_relative_to(ROOT), f"{page.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), f"{page.name}: {target}"
        name = re.fullmatch(r"`([\w.]+)`", text)
        if file.suffix == ".py" and name and not name[1].endswith(".py"):
            assert name[1] in defined_in(file), f"{page.name}: {text} is not in {path}"


def test_every_page_is_in_the_index():
    listed = {target for _, target in links(ROOT / "docs" / "README.md")}
    assert {path.name for path in (ROOT / "docs").glob("*.*")} <= listed | {"README.md"}


# The architecture.

ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def test_the_map_has_every_module():
    modules = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "src" / "fmnist_lab").iterdir()
        if (path.suffix == ".py" and path.name != "__init__.py") or (path / "__init__.py").exists()
    }
    assert [name for name in sorted(modules) if f"`{name}`" not in ARCHITECTURE] == []


def test_the_layers_are_those_of_the_import_rules():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    shown = [re.findall(r"`(\w+)`", line) for line in re.findall(r"^\d+\. (.*)$", ARCHITECTURE, re.MULTILINE)]
    assert shown == [re.findall(r"\w+", layer) for layer in layers]


def names_in(file: Path) -> set[str]:
    """Return the names that a module defines at its top level, or the keys of a YAML file at any depth."""
    text = file.read_text("utf-8")
    if file.suffix == ".yaml":
        return keys_of(yaml.safe_load(text))
    assigned = re.findall(r"^(\w+)(?:: .*?)? = ", text, re.MULTILINE)
    return defined_in(file) | set(assigned)


def keys_of(tree: object) -> set[str]:
    if not isinstance(tree, dict):
        return set()
    return set(tree).union(*map(keys_of, tree.values()))


def test_what_a_change_needs_is_where_the_page_says():
    rows = re.findall(r"^\| (\d+)\. .*? \| `(.+)` \| `(\w+)` \|$", ARCHITECTURE, re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == list(range(1, 26))
    for number, file, name in rows:
        assert name in names_in(ROOT / file), f"{number}: {name} is not defined in {file}"


def test_every_file_and_folder_of_the_page_exists():
    package = ROOT / "src" / "fmnist_lab"
    places = (ROOT, ROOT / "conf", ROOT / "scripts", package, package / "sweeps", package / "comparison")
    named = set(re.findall(r"`(\w[\w/]*(?:/|\.py|\.yaml|\.toml))`", ARCHITECTURE))
    assert len(named) > 40
    missing = [name for name in named if not any((place / name).exists() for place in places)]
    assert missing == []


def test_back_propagation_derives_every_function_it_rests_on():
    """Every public function of the hand-written network is linked from its derivation, or has nothing to derive."""
    linked = {text.strip("`") for text, _ in links(ROOT / "docs" / "backpropagation.md")}
    defined = defined_in(ROOT / "src" / "fmnist_lab" / "models" / "custom.py")
    public = {name for name in defined if re.fullmatch(r"[a-zA-Z]\w*|(Dense|CustomModel)\.[a-z]\w*", name)}
    assert public - linked == {"Activation", "Dense", "CustomModel", "CustomModel.weights"}


# The notebook.


@pytest.mark.slow
def test_the_notebook_runs_in_a_notebook(tmp_path):
    notebook = nbformat.read(ROOT / "docs" / "notebook.ipynb", as_version=4)
    assert not any(each.get("outputs") for each in notebook.cells), "committed without its outputs"
    nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for each in notebook.cells for output in each.get("outputs", [])]
    shown = {kind for output in outputs if "data" in output for kind in output["data"]}
    assert {"text/html", "image/png"} <= shown
    printed = "".join(output["text"] for output in outputs if output["output_type"] == "stream")
    assert "epoch 1/" in printed
    assert not re.search(r"\x1b|\r", printed), "progress is plain lines"
    refused = [output for output in outputs if output["output_type"] == "error"]
    assert [output["traceback"] for output in refused] == [["InputError: lr=-1.0: must be a number above 0"]]
