"""Which kernels OpenBLAS is asked for, and that it is asked in time."""

import os
import subprocess
import sys

import pytest

from fmnist_lab import blas

WIDE = " ".join(sorted(blas.NEEDED))


@pytest.mark.parametrize(
    ("processor", "expected"),
    [
        ({"vendor_id": "AuthenticAMD", "flags": f"fpu {WIDE} avx2"}, "SkylakeX"),
        ({"vendor_id": "AuthenticAMD", "flags": "fpu avx2 avx512f"}, None),
        ({"vendor_id": "GenuineIntel", "flags": WIDE}, None),
        ({}, None),
    ],
)
def test_wide_kernels_are_asked_for_where_openblas_may_not_know_the_processor(monkeypatch, processor, expected):
    monkeypatch.delenv(blas.CHOICE, raising=False)
    monkeypatch.delitem(sys.modules, "numpy")
    monkeypatch.setattr(blas, "_processor", lambda: processor)
    blas.choose_kernels()
    assert os.environ.get(blas.CHOICE) == expected


def test_what_the_user_chose_stands(monkeypatch):
    monkeypatch.setenv(blas.CHOICE, "Haswell")
    monkeypatch.delitem(sys.modules, "numpy")
    monkeypatch.setattr(blas, "_processor", lambda: {"vendor_id": "AuthenticAMD", "flags": WIDE})
    blas.choose_kernels()
    assert os.environ[blas.CHOICE] == "Haswell"


def test_importing_the_package_does_not_import_numpy():
    code = "import sys, fmnist_lab; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_kernels_in_use_are_told():
    name = blas.kernels()
    assert name is None or name.split()[0] in {"openblas", "mkl", "blis"}
