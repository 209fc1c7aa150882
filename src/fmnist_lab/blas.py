"""Which kernels NumPy's OpenBLAS computes with.

OpenBLAS picks them when it is loaded, by the processor's model, and gives one that it does not know yet those of an
older one: on an AMD Zen 5, OpenBLAS 0.3.31 leaves half of the processor idle (docs/speed.md has the figures).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

CHOICE = "OPENBLAS_CORETYPE"
# What the kernels called SkylakeX are compiled for.
NEEDED = {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"}


def choose_kernels() -> None:
    """Ask for 512-bit kernels on an AMD processor that has the instructions, as OpenBLAS does where it knows it.

    Has an effect before NumPy is first imported only. What the user chose stands; other systems and processors are
    left to OpenBLAS.
    """
    if "numpy" not in sys.modules and CHOICE not in os.environ and _is_capable(_processor()):
        os.environ[CHOICE] = "SkylakeX"


def kernels() -> str | None:
    """Name and version of the BLAS that NumPy has loaded, and of its kernels; None if it cannot be told."""
    import numpy as np  # noqa: F401  (loads it)
    from threadpoolctl import threadpool_info

    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas" and "numpy" in pool["filepath"]]
    return " ".join(str(found[0].get(key)) for key in ("internal_api", "version", "architecture")) if found else None


def _processor() -> dict[str, str]:
    """What Linux tells of the first processor."""
    try:
        first = Path("/proc/cpuinfo").read_text("utf-8").split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _is_capable(processor: dict[str, str]) -> bool:
    return processor.get("vendor_id") == "AuthenticAMD" and set(processor.get("flags", "").split()) >= NEEDED
