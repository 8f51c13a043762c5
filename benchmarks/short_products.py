# SPDX-License-Identifier: Apache-2.0
"""Where products with short factors pay: float32 against bfloat16 factors, by the product's shape.

Run from the repository root: `python -m benchmarks.short_products`. One thread; the product of a
layer and the two of its gradients, for one member and for nine. `reuse` is what
`objectives/short_products.py` decides by. Nothing is gained on processors
with neither AMX nor AVX512-BF16.
"""

import contextlib
import time
from collections.abc import Callable

import torch

from objectives.short_products import LEAST_REUSE, reuse, short_factors

SHAPES = [
    (10, 10, 25856),
    (32, 32, 12800),
    (64, 64, 6400),
    (4, 200, 256),
    (64, 64, 256),
    (128, 128, 256),
    (200, 110, 256),
    (200, 410, 256),
    (200, 1010, 256),
]
"""Rows, inner and columns: convolutions with so many channels over a batch, and linear layers."""


def seconds(work: Callable[[], object], repeats: int = 15) -> float:
    """Wall time, the least of a few."""
    work()
    taken = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return min(taken)


def main() -> None:
    """Prints the table."""
    torch.set_num_threads(1)
    print(f"{'rows x inner x columns':24} {'members':>7} {'reuse':>6}  float32 / bfloat16 factors")
    for rows, inner, columns in SHAPES:
        for members in (1, 9):
            left = torch.randn(members, rows, inner)
            right = torch.randn(members, inner, columns)
            outer = torch.randn(members, rows, columns)
            products = [(left, right), (outer, right.mT), (left.mT, outer)]
            ratios = []
            for one, other in products:
                times = []
                for factors in (contextlib.nullcontext, short_factors):
                    with factors():
                        times.append(seconds(lambda a=one, b=other: torch.bmm(a, b)))  # type: ignore[misc]
                ratios.append(times[0] / times[1])
            found = reuse(rows, inner, columns)
            used = "used" if found >= LEAST_REUSE else ""
            shape = f"{rows} x {inner} x {columns}"
            said = " ".join(f"{ratio:5.2f}" for ratio in ratios)
            print(f"{shape:24} {members:7} {found:6.0f}  {said}  {used}")


if __name__ == "__main__":
    main()
