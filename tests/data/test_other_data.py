"""Data sets other than Fashion-MNIST: inside the package, or described by a user's own file as in docs/data.md."""

import gzip
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.datasets import load_digits

from fmnist_lab.compose import compose
from fmnist_lab.config.identity import identity
from fmnist_lab.config.paths import conf_folder
from fmnist_lab.config.schema import LATER_KEYS, constraints, from_yaml
from fmnist_lab.data import map_arrays, prepare, shipped, source_of
from fmnist_lab.errors import InputError
from fmnist_lab.runs.run import bind_to_machine, locate
from fmnist_lab.sweeps.plan import plan_runs
from support.paths import ROOT

NAMES = sorted(path.stem for path in Path(conf_folder(), "data").glob("*.yaml"))
GUIDE = (ROOT / "docs" / "data.md").read_text("utf-8")
OFFLINE = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")


def block(language: str) -> str:
    """The only block of docs/data.md in this language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return found


# Runs made before there were other data sets


@pytest.mark.promise
@pytest.mark.parametrize(
    ("overrides", "run"),
    [
        ([], "r0d61eaa76b15"),
        (["model=torch"], "rdc6cf0d6038f"),
        (["optimizer=adam", "lr=0.001"], "rc3554fd667ab"),
        (["data.validation=0", "data.scaling=unit"], "ra3bab74060e2"),
        (["model.init=normal"], "r2e8498f4b829"),
        (["architecture.hidden=[8,16]", "seed=7"], "r036e0356882f"),
        (["optimizer=adam", "optimizer.betas=[0.5,0.75]"], "r1752620c053f"),
        (["lr=1", "epochs=3", "dtype=float64"], "rde5a7592b53e"),
    ],
)
def test_older_runs_keep_their_fingerprints(overrides, run):
    """These were printed by the version before; many committed runs have such names."""
    assert locate(bind_to_machine(compose(*overrides))).run == run


def test_the_configuration_of_an_older_record_is_read(small):
    import dataclasses

    config = small("data.validation=100")
    tree = dataclasses.asdict(config)
    del tree["data"]["source"]
    for name in LATER_KEYS:
        *groups, last = name.split(".")
        del (tree[groups[0]] if groups else tree)[last]
    assert from_yaml(yaml.safe_dump(tree)) == config == from_yaml(yaml.safe_dump(dataclasses.asdict(config)))


@pytest.mark.promise
@pytest.mark.parametrize(
    "override",
    [
        "architecture.biases=false",
        "patience=3",
        "data.source.first_label=1",
        "data.source.brightest=16",
        "data.source.classes=[a,b]",
        "data.source.files.test_labels.sha256=" + "0" * 64,
    ],
)
def test_what_changes_a_result_changes_the_fingerprint(override):
    assert locate(bind_to_machine(compose(override))) != locate(bind_to_machine(compose()))


@pytest.mark.parametrize(
    "override", ["data.source.title=Clothes", "data.source.transposed=true", "data.source.urls=[]", "tolerance=1"]
)
def test_what_changes_no_result_changes_no_fingerprint(override):
    assert locate(bind_to_machine(compose(override))) == locate(bind_to_machine(compose()))


# What comes with the lab


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_description_is_named_as_its_file_and_satisfies_its_constraints(name):
    config = bind_to_machine(compose(f"data={name}"))
    assert config.data.name == name
    assert source_of(config.data.section()) == shipped(name)
    assert identity(config)["data.name"] == name


def test_letters_count_from_1_and_lie_on_their_side():
    letters = shipped("emnist_letters")
    assert (len(letters.classes), letters.first_label, letters.transposed) == (26, 1, True)
    image = np.arange(784)
    np.testing.assert_array_equal(letters.pictures(image)[0], image.reshape(28, 28).T)
    assert shipped("mnist").pictures(image)[0, 0, 1] == 1


def test_digits_need_no_network(lab, tmp_path_factory):
    empty = tmp_path_factory.mktemp("cache")
    outcome = lab("data=digits", FMNIST_LAB_CACHE=str(empty), **OFFLINE)
    assert (outcome.returncode, outcome.stderr) == (0, "")
    results = pd.read_csv(lab.sweep() / "results.csv")
    assert results["status"].tolist() == ["finished"]
    assert results["train_accuracy"].between(0, 1).all()


def test_digits_are_scikit_learns_in_two_halves():
    known = load_digits()
    train_images, train_labels, test_images, test_labels = map_arrays(prepare(shipped("digits"), None))
    np.testing.assert_array_equal(np.concatenate([train_images, test_images]), known.data)
    np.testing.assert_array_equal(np.concatenate([train_labels, test_labels]), known.target)
    assert (len(train_labels), train_images.max()) == (898, shipped("digits").brightest)


def test_a_sweep_may_go_over_data_sets_each_with_its_root(tmp_path):
    configs = [compose("data=digits", f"data.root={tmp_path.as_posix()}"), compose()]
    assert len(plan_runs(configs, ["", ""])) == 2
    with pytest.raises(InputError, match=r"^data.root=.*: must be one value"):
        plan_runs([configs[1], compose("data.root=other")], ["", ""])


# A user's own


@pytest.fixture(scope="module")
def garments(tmp_path_factory) -> Path:
    """A folder after the guide's Python."""
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        exec(compile(block("python"), "docs/data.md", "exec"), {})
    return folder


@pytest.fixture
def own(lab_in, garments, tmp_path, monkeypatch):
    """The command line in a fresh folder with the guide's images, given a description."""
    (tmp_path / "images").mkdir()
    for file in (garments / "images").iterdir():
        (tmp_path / "images" / file.name).write_bytes(file.read_bytes())
    monkeypatch.setenv("FMNIST_LAB_CACHE", str(tmp_path / "cache"))

    def run(description: str, *arguments: str):
        (tmp_path / "conf" / "data").mkdir(parents=True)
        (tmp_path / "conf" / "data" / "three_garments.yaml").write_text(description)
        return lab_in(tmp_path)("--config-dir", "conf", *arguments)

    return run


def test_the_guide_explains_every_key():
    keys = {key for name in constraints() if name.startswith("data.") for key in name.split(".")[1:]}
    assert [key for key in sorted(keys) if f"`{key}`" not in GUIDE] == []


@pytest.mark.promise
def test_the_guide_followed_word_for_word(own, tmp_path):
    (command,) = re.findall(r"python -m fmnist_lab (--config-dir conf .*)", GUIDE)
    outcome = own(block("yaml"), *command.split()[2:])
    assert outcome.returncode == 0, outcome.stderr
    (sweep,) = (tmp_path / "outputs" / "sweeps").iterdir()
    results = pd.read_csv(sweep / "results.csv")
    assert len(results) == 4
    assert results["test_accuracy"].max() > 0.8  # three easy classes


def changed(what: str, to: str) -> str:
    assert what in block("yaml")
    return block("yaml").replace(what, to, 1)


@pytest.mark.promise
@pytest.mark.parametrize(
    ("what", "to", "message"),
    [
        ("name: three_garments", "name: [", "three_garments.yaml, line "),
        ("  title: Three garments\n", "", "data.source.title: must be one line of text"),
        ("[Trouser, Dress, Bag]", "10", "data/three_garments.yaml: data.source.classes: must be a list of 2 to 256"),
        ("  title:", "  colour: red\n  title:", "data/three_garments.yaml: data.source.colour: there is no such key"),
        ("train_size: 600", "train_size: many", "data.source.train_size: must be a whole number of at least 1"),
        ("[Trouser, Dress, Bag]", "[Trouser, Dress]", "the files have labels from 0 to 2, and 2 classes"),
        ("sha256: ee", "sha256: ff", "data.root=images: train-images: content has SHA-256 ee1a4843c57a, expected ff1a"),
        ("shape: [28, 28]", "shape: [14, 56]", "is not an IDX file of unsigned bytes of shape 600 x 14 x 56"),
        ("root: images", "root: null", "its download failed (it has no address to download from)"),
    ],
)
def test_a_wrong_description_gets_one_line(own, tmp_path, what, to, message):
    outcome = own(changed(what, to), "data=three_garments")
    assert (outcome.returncode, outcome.stdout) == (2, ""), outcome
    assert outcome.stderr.count("\n") == 1, outcome.stderr
    assert message in outcome.stderr
    assert not (tmp_path / "outputs").exists()


@pytest.mark.promise
@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.name=../other", "a name: letters"),
        ("data.source.files.train_images.name=../secret", "a file name without folders"),
        ("data.source.files.train_images.name=/etc/passwd", "a file name without folders"),
        ("data.source.files.train_images.name=images.gz", "a file name without folders and without .gz"),
        ("data.source.files.train_images.name=.hidden", "not starting with a dot"),
        ("data.source.files.train_images.sha256=abc", "64 hexadecimal digits"),
        ("data.source.files.train_images.sha256=null", "exactly one of sha256"),
        ("data.source.files.train_images.md5_gz=" + "0" * 32, "exactly one of sha256"),
        ("data.source.urls=['file:///etc/passwd']", "web addresses"),
        ("data.source.urls=['http://example.org/images.gz']", "web addresses"),
        ("data.source.torchvision=..", "a file name without folders"),
        ("data.source.package='--option'", "Debian package"),
        ("data.source.package_folder='/usr/../etc'", "absolute path"),
        ("data.source.package_folder=images", "absolute path"),
        ("data.source.shape=[28]", "height and width"),
        ("data.source.shape=[28,0]", "height and width"),
        ("data.source.classes=[a]", "2 to 256 different names"),
        ("data.source.classes=[a,a]", "2 to 256 different names"),
        ("data.source.brightest=0", "from 1 to 255"),
        ("data.source.first_label=250", "so small that the last label is at most 255"),
        ("data.source.title=' '", "one line of text"),
    ],
)
def test_no_description_names_a_file_outside_its_folder(override, message):
    with pytest.raises(InputError, match=re.escape(override.partition("=")[0].rpartition(".")[0])) as error:
        compose(override)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_labels_that_count_from_1_and_checksums_of_gzipped_files(garments, tmp_path, monkeypatch):
    """As EMNIST has them: shifted for the network, and verified by the cache afterwards."""
    import hashlib

    from fmnist_lab.data import load

    monkeypatch.setenv("FMNIST_LAB_CACHE", str(tmp_path / "cache"))
    section = yaml.safe_load(block("yaml"))
    section["source"]["first_label"] = 1
    for array, file in section["source"]["files"].items():
        content = (garments / "images" / file["name"]).read_bytes()
        if "labels" in array:
            content = content[:8] + bytes(label + 1 for label in content[8:])
        packed = gzip.compress(content)
        (tmp_path / f"{file['name']}.gz").write_bytes(packed)
        del file["sha256"]
        file["md5_gz" if "train" in array else "sha256_gz"] = hashlib.new(
            "md5" if "train" in array else "sha256", packed
        ).hexdigest()
    source = source_of(section)
    rng = np.random.default_rng(0)
    dataset = load(source, str(tmp_path), scaling="unit", validation=0.2, split="random", rng=rng)
    assert sorted({*dataset.train.labels}) == [0, 1, 2]
    assert np.bincount(dataset.test.labels).sum() == 150
    folder = prepare(source, None)  # from the cache alone
    (folder / "train_images.npy").write_bytes(b"damaged")
    with pytest.raises(InputError, match="no address"):
        prepare(source, None)
    (tmp_path / "test-labels.gz").write_bytes(gzip.compress(b"other"))
    with pytest.raises(InputError, match=r"test-labels.gz: content has SHA-256"):
        prepare(source, str(tmp_path))
