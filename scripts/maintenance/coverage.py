"""Measure on real runs how often the verdict `reproduced` is right: some runs act as published, others as ours.

`python scripts/maintenance/coverage.py` with the project's Python. It trains a small network (custom, 16 hidden units,
one epoch) from 200 seeds at each of two learning rates, below outputs/; this takes a few minutes on one core, once.
Then it draws, many times, n runs as ours and the mean of m others as published, and prints how often the verdict is
`reproduced` (nominal: 95 %), and how often a shift of twice the half-width is noticed. The same is done with a normal
distribution of the same mean and spread: a deviation seen in both is due to the method, the rest to the shape of the
real distribution. The draws share 200 runs, so they are not independent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, skew

from fmnist_lab.comparison.verdict_statistics import Published, compare
from fmnist_lab.compose import compose
from fmnist_lab.runs.run import train

NETWORK = ("architecture.hidden=[16]", "epochs=1")
RATES = (0.1, 0.02)  # one at which single epochs vary much, and the one that explains the tables best
RUNS, DRAWS = 200, 2000
ANY = 1.0  # a margin that no half-width exceeds: only inside or outside counts


def accuracies(lr: float) -> NDArray[np.float64]:
    """Return the test accuracy of each run."""
    records = [train(compose(*NETWORK, f"lr={lr}", f"seed={seed}")) for seed in range(RUNS)]
    return np.array([(record.summary() or {}).get("test_accuracy", np.nan) for record in records])


def normal_like(pool: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quantiles of the normal distribution with the mean and spread of `pool`, as many as it has values."""
    return np.asarray(norm.ppf((np.arange(len(pool)) + 0.5) / len(pool), pool.mean(), pool.std(ddof=1)))


def rates(pool: NDArray[np.float64], n: int, m: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return the shares of draws in which n runs reproduce the mean of m others, and in which they notice a shift."""
    reproduced = noticed = 0
    for _ in range(DRAWS):
        drawn = rng.permutation(pool)[: n + m]
        ours, published = drawn[:n], float(drawn[n:].mean())
        found = compare(Published(published, m, margin=ANY), ours)
        reproduced += found.verdict == "reproduced"
        shifted = published + rng.choice([-2, 2]) * found.half_width
        noticed += compare(Published(shifted, m, margin=ANY), ours).verdict.startswith("published")
    return reproduced / DRAWS, noticed / DRAWS


def main() -> None:
    for lr in RATES:
        real = accuracies(lr)
        print(f"\n{len(real)} runs of {' '.join(NETWORK)} lr={lr}: mean {real.mean():.4f}, ", end="")
        print(f"standard deviation {real.std(ddof=1):.4f}, skewness {skew(real):.2f}")
        for name, pool in (("real", real), ("normal", normal_like(real))):
            print(f"{name:>7}   n   m  reproduced  shift noticed   ({DRAWS} draws)")
            rng = np.random.default_rng(0)
            for n in (3, 5, 10):
                for m in (1, 49):
                    reproduced, noticed = rates(pool, n, m, rng)
                    print(f"{n:11d}{m:4d}{reproduced:12.3f}{noticed:15.3f}")


if __name__ == "__main__":
    main()
