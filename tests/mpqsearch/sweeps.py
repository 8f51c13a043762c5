# SPDX-License-Identifier: Apache-2.0
"""Small sweeps of made-up trainings, and the recorded one where it is there."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path

import pytest

INDOOR_HEADER = (
    "input_length,conv1_bits,conv2_bits,fc1_bits,fc2_bits,seed,test_accuracy,train_seconds"
)


def made_accuracy(length: int, bits: Iterable[int], seed: int) -> float:
    """Percent: more bits and a longer input are better, and one seed is no other."""
    return round(50 + 0.3 * length + sum(bits) / 4 + 0.1 * seed, 3)


def indoor_rows(
    lengths: Iterable[int] = (21, 5),
    seeds: Iterable[int] = (42, 43),
    widths: Iterable[int] = (8, 2),
) -> list[str]:
    """Rows of a table as the published one is written: each mix at each seed."""
    return [
        f"{length},{','.join(map(str, bits))},{seed},{made_accuracy(length, bits, seed - 42)},1.5"
        for length in lengths
        for bits in product(widths, repeat=4)
        for seed in seeds
    ]


def written(folder: Path, rows: Iterable[str], header: str = INDOOR_HEADER) -> Path:
    """The file of a table."""
    path = folder / "sweep.csv"
    path.write_text("\n".join([header, *rows, ""]))
    return path


def recorded_indoor_sweep() -> Path:
    """The recorded sweep, kept beside the project."""
    path = Path(__file__).resolve().parents[2].parent / "shared/data/indoor_sweep_part.csv"
    if not path.exists():
        pytest.skip("the recorded sweep is not here: shared/data beside the project")
    return path
