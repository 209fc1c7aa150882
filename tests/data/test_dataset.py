"""Properties of splits, definitions of scalings, and the real data set as a run uses it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmnist_lab.data import Dataset, Examples, Scaling, load, split_rows, validation_size
from fmnist_lab.data.dataset import BLOCK, SCALINGS
from fmnist_lab.errors import InputError
from support.tiny_source import FASHION_MNIST

PIXELS = np.arange(256, dtype=np.uint8)[:, None]


def scaling_of(name: str, images: np.ndarray, rows: np.ndarray | None = None) -> Scaling:
    rows = np.arange(len(images)) if rows is None else rows
    return SCALINGS[name](Examples(images, np.zeros(len(images), np.int64), rows), 255)


def load_real(scaling: str = "unit", validation: float = 0.1, split: str = "random", seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    return load(FASHION_MNIST, None, scaling=scaling, validation=validation, split=split, rng=rng)


# Splits


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int]:
    n = draw(st.integers(1, 300))
    return n, draw(st.integers(0, n - 1))


SPLIT = st.sampled_from(["random", "first", "last"])


@given(sizes(), SPLIT, st.integers(0, 2**32))
def test_the_subsets_of_a_split_are_disjoint_and_cover_everything(size: tuple[int, int], split: str, seed: int) -> None:
    n, count = size
    train, validation = split_rows(n, count, split, np.random.default_rng(seed))
    assert (len(train), len(validation)) == (n - count, count)
    assert sorted([*train, *validation]) == list(range(n))
    assert train.dtype == validation.dtype == np.int64


@given(sizes(), st.integers(0, 2**32))
def test_a_random_split_is_a_permutation_cut_in_two(size: tuple[int, int], seed: int) -> None:
    n, count = size
    train, validation = split_rows(n, count, "random", np.random.default_rng(seed))
    order = np.random.default_rng(seed).permutation(n)
    np.testing.assert_array_equal(np.concatenate([validation, train]), order)


@given(sizes(), st.integers(0, 2**32))
def test_first_and_last_keep_the_natural_order(size: tuple[int, int], seed: int) -> None:
    n, count = size
    rng = np.random.default_rng(seed)
    np.testing.assert_array_equal(np.concatenate(split_rows(n, count, "first", rng)[::-1]), np.arange(n))
    np.testing.assert_array_equal(np.concatenate(split_rows(n, count, "last", rng)), np.arange(n))


@given(st.integers(2, 10**6), st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_fraction_is_rounded_to_a_count_or_refused(n: int, fraction: float) -> None:
    count = round(fraction * n)
    if 0 < count < n:
        assert validation_size(n, fraction) == count
    else:
        with pytest.raises(InputError):
            validation_size(n, fraction)


@pytest.mark.parametrize(
    ("validation", "size"),
    [(0, 0), (0.0, 0), (1, 1), (0.1, 6000), (6000, 6000), (6000.0, 6000), (59999, 59999)],
)
def test_validation_is_a_fraction_or_a_count(validation: float, size: int) -> None:
    assert validation_size(60000, validation) == size


@pytest.mark.parametrize(
    "validation", [-1, -0.1, 1.5, 60000, 60001, 1e-9, 0.9999999, float("nan"), float("inf"), -float("inf")]
)
def test_other_validation_sizes_are_refused(validation: float) -> None:
    with pytest.raises(InputError, match=f"^data.validation={validation}: must be 0, a count .* 1 to 59999"):
        validation_size(60000, validation)


def test_unknown_split_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"^data.split=middle: must be one of random, first, last$"):
        split_rows(10, 2, "middle", np.random.default_rng(0))


# Scalings


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unit_scaling_is_division_by_255(dtype: type) -> None:
    scaled = scaling_of("unit", PIXELS).apply(PIXELS, dtype)
    np.testing.assert_allclose(scaled, PIXELS / 255, rtol=2 * np.finfo(dtype).eps)
    assert (scaled.min(), scaled.max(), scaled.dtype) == (0, 1, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_symmetric_scaling_centres_on_one_half(dtype: type) -> None:
    scaled = scaling_of("symmetric", PIXELS).apply(PIXELS, dtype)
    np.testing.assert_allclose(scaled, (PIXELS / 255 - 0.5) / 0.5, atol=2 * np.finfo(dtype).eps)
    assert (scaled.min(), scaled.max(), scaled.dtype) == (-1, 1, dtype)


def test_standard_scaling_gives_each_pixel_mean_0_and_variance_1_over_the_training_rows() -> None:
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (2 * BLOCK + 50, 5), np.uint8)
    rows = rng.permutation(len(images))[: BLOCK + 17]
    scaled = scaling_of("standard", images, rows).apply(images[rows], np.float64)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(scaled.var(axis=0), 1, rtol=1e-12)


def test_standard_global_scaling_gives_all_pixels_together_mean_0_and_variance_1() -> None:
    images = np.random.default_rng(0).integers(0, 256, (BLOCK + 7, 5), np.uint8)
    rows = np.arange(1, len(images))
    scaling = scaling_of("standard_global", images, rows)
    assert scaling.factor.shape == scaling.offset.shape == ()
    scaled = scaling.apply(images[rows], np.float64)
    assert scaled.mean() == pytest.approx(0, abs=1e-12)
    assert scaled.var() == pytest.approx(1)


def test_raw_scaling_leaves_pixels_as_they_are() -> None:
    np.testing.assert_array_equal(scaling_of("raw", PIXELS).apply(PIXELS, np.float32), PIXELS)


def test_unit_scaling_makes_the_brightest_pixel_1() -> None:
    examples = Examples(PIXELS[:17], np.zeros(17, np.int64), np.arange(17))
    assert SCALINGS["unit"](examples, 16).apply(PIXELS[:17], np.float64).max() == 1
    assert SCALINGS["symmetric"](examples, 16).apply(PIXELS[:17], np.float64).tolist()[::16] == [[-1], [1]]


def test_standard_scaling_only_centres_constant_pixels() -> None:
    images = np.array([[7, 0, 1], [7, 0, 3]], np.uint8)
    scaling = scaling_of("standard", images)
    np.testing.assert_array_equal(scaling.factor, [1, 1, 1])
    np.testing.assert_array_equal(scaling.apply(images, np.float64), [[0, 0, -1], [0, 0, 1]])


def test_scaling_writes_into_a_given_array() -> None:
    images = np.array([[0, 255]], np.uint8)
    out = np.full((1, 2), np.nan, np.float32)
    assert scaling_of("symmetric", images).apply(images, np.float32, out=out) is out
    np.testing.assert_array_equal(out, [[-1, 1]])


# The real data set


@pytest.mark.usefixtures("real_folder")
def test_the_subsets_have_their_sizes_and_share_the_mapped_images() -> None:
    data = load_real(validation=6000)
    assert (len(data.train), len(data.validation), len(data.test)) == (54000, 6000, 10000)
    assert not data.validation_is_test
    assert data.source is FASHION_MNIST
    assert data.train.images is data.validation.images
    assert not data.train.images.flags.writeable
    assert not data.test.labels.flags.writeable


@pytest.mark.usefixtures("real_folder")
def test_without_validation_images_the_test_images_are_used() -> None:
    data = load_real(validation=0, split="first")
    assert data.validation_is_test
    assert data.validation is data.test
    np.testing.assert_array_equal(data.train.rows, np.arange(60000))


@pytest.mark.usefixtures("real_folder")
def test_the_split_depends_on_the_seed_alone() -> None:
    first, again, other = (load_real(seed=seed).validation.rows for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.usefixtures("real_folder")
def test_standard_scaling_of_the_real_training_images() -> None:
    train = (data := load_real(scaling="standard", validation=50000, split="last")).train
    scaled = data.scaling.apply(train.images[train.rows], np.float64)
    constant = train.images[train.rows].std(axis=0) == 0
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose(scaled.var(axis=0), np.where(constant, 0, 1), atol=1e-10)


def test_an_unknown_scaling_is_refused_before_any_data_is_read(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        InputError, match=r"^data.scaling=log: must be one of raw, unit, symmetric, standard, standard_global$"
    ):
        load_real(scaling="log")
    assert not empty_cache.exists()
