"""The command line: wrong input gets one line and status 2; help is light."""

import argparse
import errno
import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import fmnist_lab
from fmnist_lab import data
from fmnist_lab.cli.exit_status import accept_lazy_help, status_of
from fmnist_lab.cli.main import SUBCOMMANDS
from fmnist_lab.compose import compose
from fmnist_lab.config.identity import flat
from fmnist_lab.config.schema import Config, constraints

# The words of the command line, and what the one line of the message must contain.
WRONG = [
    (["lr=abc"], "lr=abc: must be a number above 0"),
    (["lr=-1"], "lr=-1.0: must be a number above 0"),
    (["lr=0"], "lr=0.0: must be a number above 0"),
    (["lr=nan"], "lr=nan: must be a number above 0"),
    (["lr=inf"], "lr=inf: must be a number above 0"),
    (["epochs=0"], "epochs=0: must be a whole number of at least 1"),
    (["epochs=2.5"], "epochs=2.5: must be a whole number of at least 1"),
    (["batch_size=0"], "batch_size=0: must be a whole number of at least 1"),
    (["threads=4096"], "threads=4096: must be at most "),
    (["batch_size=48001"], "batch_size=48001: must be at most 48000"),
    (["architecture.hidden=[]"], "architecture.hidden=[]: must be a list of one or more whole numbers"),
    (["architecture.hidden=[0]"], "architecture.hidden=[0]: must be a list of one or more whole numbers"),
    (["architecture.hidden=[-5]"], "architecture.hidden=[-5]: must be a list of one or more whole numbers"),
    (["architecture.hidden=[abc]"], "architecture.hidden=[abc]: must be a list of one or more whole numbers"),
    (["architecture.hidden=5"], "architecture.hidden=5: must be a list of one or more whole numbers"),
    (["architecture.activation=step"], "architecture.activation=step: must be one of relu, tanh, sigmoid, identity"),
    (["model=jax"], "model=jax: must be one of custom, torch"),
    (["model=3"], "must be a string"),
    (["model.init=ones"], "model.init=ones: must be one of glorot_uniform, glorot_normal"),
    (["architecture=ten_layer"], "architecture=ten_layer: must be one of one_layer, three_layer, two_layer"),
    (["optimizer=lion"], "optimizer=lion: must be one of adam, sgd"),
    (["optimizer.momentum=1"], "optimizer.momentum=1.0: must be a number from 0 to below 1"),
    (["optimizer.nesterov=true"], "optimizer.nesterov=True: must be false unless optimizer.momentum is above 0"),
    (["optimizer.betas=[0.9]"], "optimizer.betas=[0.9]: must be two numbers"),
    (["optimizer.lr=0.1"], "optimizer.lr: there is no such key; use lr"),
    (["learning_rate=0.1"], "learning_rate: there is no such key"),
    (["batchsize=64"], "batchsize: there is no such key; did you mean batch_size?"),
    (["+extra=1"], "extra: there is no such key"),
    (["+model.extra=1"], "model.extra: there is no such key"),
    (["~lr"], "lr: must be a number above 0"),
    (["lr"], "lr: cannot be read"),
    (["lr=0.1,0.2"], "lr=0.1,0.2"),
    (["-m", "experiment=table9"], "experiment=table9: must be one of audit_grid, "),
    (["experiment=table1"], "experiment=table1: is a sweep: add -m"),
    (["data=cifar"], "data=cifar: must be one of digits, emnist_letters, fashion_mnist, kmnist, mnist"),
    (["data.validation=1.5"], "data.validation=1.5: must be a fraction below 1"),
    (["data.validation=60000"], "data.validation=60000.0: must be"),
    (["data.scaling=log"], "data.scaling=log: must be one of unit, symmetric, standard"),
    (["data.root=missing"], "data.root=missing: "),
    (["seed=-1"], "seed=-1: must be a whole number of at least 0"),
    (["dtype=float16"], "dtype=float16: must be one of float32, float64"),
    (["device=tpu"], "device=tpu: must be one of cpu, cuda, mps, auto"),
    (["device=mps", "dtype=float64"], "dtype=float64: must be float32 on device=mps"),
    (["name=../elsewhere"], "name=../elsewhere: must be a folder name"),
    (["name=a/b"], "name=a/b: must be a folder name"),
    (["hydra/launcher=dask"], "hydra/launcher=dask: must be one of basic, joblib, ray, slurm, submitit_local"),
    (["hydra/launcher=joblib"], "hydra/launcher=joblib: is for sweeps: add -m"),
    (["-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=0"], "hydra.launcher.n_jobs=0: must be a whole number"),
    (["-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=all"], "hydra.launcher.n_jobs=all: must be a whole number"),
    (["-m", "hydra/launcher=joblib", "hydra.launcher.partition=x"], "hydra.launcher.partition: there is no such key"),
    (["-m", "lr=0.1,-1"], "lr=-1.0: must be a number above 0"),
    (["-m", "lr=0.1", "epochs=1,0"], "epochs=0: must be a whole number of at least 1"),
    (["-m", "lr=0.1,abc"], "lr=abc: must be a number above 0"),
    (["-m", "model=custom,jax"], "model=jax: must be one of custom, torch"),
    (["-m", "name=a,b"], "name=a,b: must be one value for the whole sweep"),
    (["-m", "data.root=a,b"], "data.root=a,b: must be one value for the whole sweep"),
]


def assert_refused(outcome, line, folder: Path):
    """Check that a command gave one line with `line` in it and status 2, and wrote nothing."""
    assert outcome.returncode == 2, outcome
    assert outcome.stdout == ""
    assert outcome.stderr.count("\n") == 1, outcome.stderr
    assert outcome.stderr.startswith("fmnist_lab: ")
    assert line in outcome.stderr
    assert [path for path in folder.rglob("*") if path.parts[-1] not in ("root", *NAMES)] == []


FASHION_MNIST = data.shipped("fashion_mnist")
NAMES = [f"{file.name}{end}" for file in FASHION_MNIST.files for end in ("", ".gz")]


@pytest.mark.parametrize(
    ("arguments", "line"), WRONG, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_wrong_input_gets_one_line(lab, arguments, line):
    assert_refused(lab(*arguments), line, lab.folder)


def idx_files(folder: Path) -> Path:
    """Write the real files, unpacked, into `folder`; return it."""
    arrays = data.prepare(FASHION_MNIST, None)
    folder.mkdir()
    names = ("train_images", "train_labels", "test_images", "test_labels")
    for file, name in zip(FASHION_MNIST.files, names, strict=True):
        array = np.load(arrays / f"{name}.npy")
        shape = (len(array), *FASHION_MNIST.shape) if "images" in name else array.shape
        header = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
        (folder / file.name).write_bytes(header + array.astype(np.uint8).tobytes())
    return folder


def damage_missing(file: Path) -> None:
    file.unlink()


def damage_truncated(file: Path) -> None:
    file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes())[:-100])
    file.unlink()


def damage_changed(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def damage_unreadable(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.promise
@pytest.mark.parametrize(
    ("damage", "file"),
    [
        (damage_missing, "t10k-labels-idx1-ubyte"),
        (damage_truncated, "t10k-labels-idx1-ubyte.gz"),
        (damage_changed, "t10k-labels-idx1-ubyte"),
        (damage_unreadable, "t10k-labels-idx1-ubyte"),
    ],
)
def test_a_damaged_data_root_gets_one_line(lab, damage, file):
    root = idx_files(lab.folder / "root")
    damage(root / "t10k-labels-idx1-ubyte")
    assert_refused(lab("data.root=root"), "data.root=root: ", lab.folder)
    assert file in lab("data.root=root").stderr


@pytest.mark.promise
def test_no_network_and_no_data_gets_one_line(lab, tmp_path_factory):
    empty = tmp_path_factory.mktemp("cache")
    dead = "http://127.0.0.1:9"
    outcome = lab(FMNIST_LAB_CACHE=str(empty), http_proxy=dead, https_proxy=dead, HTTP_PROXY=dead, HTTPS_PROXY=dead)
    if Path(FASHION_MNIST.package_folder).exists():
        pytest.skip("this system has the data in a package")
    assert_refused(outcome, "data.root", lab.folder)


@pytest.mark.parametrize("outputs", ["blocked", "blocked/below"])
def test_outputs_that_cannot_be_written_get_one_line(lab, outputs):
    (lab.folder / "blocked").write_text("a file, not a folder")
    outcome = lab(f"outputs={outputs}")
    assert (outcome.returncode, outcome.stdout) == (2, "")
    assert f"outputs={outputs}: must be a folder that can be written" in outcome.stderr
    assert [path.name for path in lab.folder.iterdir()] == ["blocked"]


def fail_with(number):
    def run():
        raise OSError(number, os.strerror(number))

    return run


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_a_full_disk_gets_one_line(number, capsys):
    assert status_of(fail_with(number), Config) == 1
    assert capsys.readouterr().err == f"fmnist_lab: the results cannot be written: {os.strerror(number)}\n"


def test_other_errors_of_the_system_are_not_hidden():
    with pytest.raises(OSError, match="Bad file"):
        status_of(fail_with(errno.EBADF), Config)


def test_a_character_that_the_output_cannot_show_stops_nothing(lab):
    """On Windows, output to a file has few characters."""
    outcome = lab("dry_run=true", "outputs='σ₁'", PYTHONIOENCODING="cp1252")
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout.splitlines()[-1] == str(Path("??", "sweeps", "default"))


@pytest.mark.parametrize("model", ["custom", "torch"])
def test_a_device_that_is_not_there_gets_one_line(lab, model):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert_refused(lab("device=cuda", f"model={model}"), "device=cuda: must be cpu or auto", lab.folder)


HEAVY = ("torch", "torchvision", "pandas", "matplotlib", "scipy")


def loaded_by(code: str, folder: Path) -> set[str]:
    """Return the heavy packages that are in memory after `code`."""
    tail = f"\nimport sys\nprint('LOADED', *[name for name in {HEAVY} if name in sys.modules])"
    outcome = subprocess.run([sys.executable, "-c", code + tail], cwd=folder, capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    return set(outcome.stdout.splitlines()[-1].split()[1:])


CALL = """import sys
sys.argv = ["fmnist_lab", {arguments}]
from fmnist_lab.__main__ import main
try:
    main()
except SystemExit:
    pass"""


@pytest.mark.parametrize("subcommand", ["", *SUBCOMMANDS])
def test_help_is_light(subcommand, tmp_path):
    arguments = ", ".join(map(repr, [*subcommand.split(), "--help"]))
    assert loaded_by(CALL.format(arguments=arguments), tmp_path) == set()


@pytest.mark.promise
def test_the_hand_written_model_never_loads_torch(tmp_path):
    arguments = "'epochs=1', 'architecture.hidden=[8]', 'data.validation=58000'"
    assert "torch" not in loaded_by(CALL.format(arguments=arguments), tmp_path)
    assert (tmp_path / "outputs" / "sweeps").is_dir()


def test_importing_the_package_is_light(tmp_path):
    assert (
        loaded_by("import fmnist_lab, fmnist_lab.runs.run, fmnist_lab.sweeps.execute, fmnist_lab.data", tmp_path)
        == set()
    )


def test_help_names_every_key(lab):
    outcome = lab("--help")
    assert outcome.returncode == 0
    groups = {"model.name": "model=", "optimizer.name": "optimizer=", "data.name": "fashion_mnist"}
    shown = outcome.stdout
    missing = [key for key in constraints() if f"{key}=" not in shown and groups.get(key, key) not in shown]
    settings = [name for name in missing if not name.startswith("data.source.")]  # docs/data.md names the facts
    assert settings in ([], ["data.name"])


CHANGED = ("lr=0.5", "epochs=7", "architecture.hidden=[5,6]", "data.split=first", "optimizer.eps=0.25", "outputs=there")


def test_help_shows_the_values_of_the_configuration(lab):
    for overrides in ([], CHANGED):
        settings = flat(compose(*overrides)) | {"model.init_bias": "auto"}
        shown = lab(*overrides, "--help").stdout.replace('"', " ")
        absent = [f"{key}={value}" for key, value in settings.items() if f" {key}={value}" not in shown]
        groups = {f"{key}={settings[key]}" for key in ("model.name", "optimizer.name", "data.name")}
        assert set(absent) <= groups | {"name=None", "data.root=None"}
        assert all(choice.replace(".name", "") in shown for choice in groups)


def test_help_of_the_saddle_shows_the_values_of_its_configuration(lab):
    shown = lab("saddle", "width=7", "depths=[2]", "staircase.lr=0.25", "--help").stdout
    for setting in ("width=7", "depths=[2]", "staircase.lr=0.25", "data.images=60000", "data.dim=20"):
        assert setting in shown


# The subcommands.


def test_help_lists_the_subcommands(lab):
    for name in SUBCOMMANDS:
        assert f"\n  {name} " in lab("--help").stdout
        own = lab(name, "--help")
        assert (own.returncode, own.stderr) == (0, "")
        assert f"python -m fmnist_lab {name}" in own.stdout


@pytest.mark.parametrize("before", [[], ["-m"], ["compare"], ["saddle"]], ids=" ".join)
def test_the_version_is_that_of_the_lab(before, lab):
    shown = lab(*before, "--version")
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, f"fmnist_lab {fmnist_lab.__version__}\n", "")


def test_the_first_word_alone_chooses_a_subcommand(lab):
    assert_refused(lab("lr=0.1", "saddle"), "saddle: cannot be read", lab.folder)
    assert_refused(lab("saddle", "lr=0.1"), "lr: there is no such key", lab.folder)
    assert_refused(lab("Compare"), "Compare: cannot be read", lab.folder)


@pytest.mark.parametrize("name", ["compare", "reproduce", "audit"])
@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--seeds", "many"], "argument --seeds: invalid int value: 'many'"),
        (["--seeds"], "argument --seeds: expected one argument"),
        (["--seed", "3"], "unrecognized arguments: --seed;"),
        (["--seeds", "0"], "--seeds=0: must be "),
        (["lr=-1"], "lr=-1.0: must be a number above 0"),
    ],
)
def test_wrong_options_of_a_subcommand_get_one_line(name, arguments, line, lab):
    assert_refused(lab(name, *arguments), line, lab.folder)


def test_only_the_studies_can_be_reproduced_by_name(lab):
    assert_refused(lab("reproduce", "table1"), "table1: must be studies, left out, or settings", lab.folder)


@pytest.fixture
def argparse_of_3_14(monkeypatch):
    """Python 3.14 expands the help of every argument that is added, which fails where `"%" in help` does."""
    container = argparse._ActionsContainer
    add = container.add_argument

    def check_help(self, action):
        try:
            if action.help and "%" in action.help:
                argparse.HelpFormatter("")._expand_help(action)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError("badly formed help string") from error

    def add_argument(self, *words, **options):
        action = add(self, *words, **options)
        self._check_help(action)
        return action

    monkeypatch.setattr(container, "_check_help", check_help, raising=False)
    monkeypatch.setattr(container, "add_argument", add_argument)


def test_hydra_starts_with_the_argparse_of_python_3_14(argparse_of_3_14):
    from hydra._internal.utils import get_args_parser

    with pytest.raises(ValueError, match="badly formed help string"):
        get_args_parser()
    accept_lazy_help.__wrapped__()
    parser = get_args_parser()
    assert parser.parse_args(["lr=0.1", "--multirun"]).overrides == ["lr=0.1"]
    assert "Install or Uninstall shell completion" in str([action.help for action in parser._actions])
    with pytest.raises(ValueError, match="badly formed help string"):
        parser.add_argument("--rate", help="100%")
