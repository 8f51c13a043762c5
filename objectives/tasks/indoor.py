# SPDX-License-Identifier: Apache-2.0
"""Which kind of room a 2.4 GHz channel was recorded in."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from hardware.network import Network, conv, linear
from objectives.data.ctf import FREQUENCY_BINS, CtfDataError, CtfRecordings
from objectives.task import Split, Task, TaskData, TaskError

CLASSES = 4
VALIDATION_SHARE = 29 / 388
TEST_SHARE = 97 / 388
"""Of the 388 grid points of a class: 262 train, 29 validation, 97 test. Source: the paper."""


@dataclass(frozen=True)
class IndoorTask(Task):
    """Four indoor environments from one sweep of the channel, 101 bins of real and imaginary part.

    **Source:** Abushahla et al., "Sub-Millisecond, Microjoule Edge Inference for Indoor
    Environment Classification via Layer-Wise Mixed-Precision Quantization".

    Attributes:
        folder: The paper's eight .mat files or the folders of UCI data set 480; None: synthetic
            recordings.
        sweeps_per_point: Sweeps used at each grid point, at most: the first ones; 0: all there
            are (200 where they are synthetic).
        split_seed: Draws the grid points of each class that go to validation and test; all
            sweeps of a point go together.
        synthetic_seed: Draws the synthetic recordings.
    """

    folder: Path | None = None
    sweeps_per_point: int = 0
    split_seed: int = 0
    synthetic_seed: int = 0

    full_length: ClassVar[int] = FREQUENCY_BINS
    application: ClassVar[str] = "indoor"

    def __post_init__(self) -> None:
        for name in ("split_seed", "synthetic_seed"):
            if getattr(self, name) < 0:
                raise TaskError(f"{name} must be at least 0 but is {getattr(self, name)}")
        if not 0 <= self.sweeps_per_point <= 10_000:
            raise TaskError(f"sweeps_per_point must be in 0..10000 but is {self.sweeps_per_point}")

    def network(self, input_length: int) -> Network:
        """The paper's network: 2 -> 10 -> 10 channels, 200 features, 4 classes."""
        return Network.chain(
            2,
            (input_length,),
            [
                conv("conv1", 10, kernel=3, padding=1),
                conv("conv2", 10, kernel=3, padding=1),
                linear("fc1", 200),
                linear("fc2", CLASSES),
            ],
        )

    def load(self) -> TaskData:
        """Reads or synthesizes the sweeps, splits them by grid point and scales them to int8.

        Raises:
            CtfDataError: where the folder does not hold what it should.
        """
        recordings = self._recordings()
        parts = [
            _split_points(len(sweeps), (self.split_seed, label))
            for label, sweeps in enumerate(recordings.sweeps)
        ]
        train = [sweeps[points[0]] for sweeps, points in zip(recordings.sweeps, parts, strict=True)]
        scale = recordings.scale or (
            float(min(sweeps.min() for sweeps in train)),
            float(max(sweeps.max() for sweeps in train)),
        )
        splits = []
        for purpose in range(3):
            chosen = [
                quantize_sweeps(sweeps[points[purpose]], scale)
                for sweeps, points in zip(recordings.sweeps, parts, strict=True)
            ]
            labels = np.repeat(np.arange(CLASSES, dtype=np.int64), [len(part) for part in chosen])
            splits.append(Split(np.concatenate(chosen), labels))
        return TaskData(
            train=splits[0],
            validation=splits[1],
            test=splits[2],
            class_names=recordings.class_names,
            source=recordings.source,
            synthetic=recordings.synthetic,
        )

    def _recordings(self) -> CtfRecordings:
        if self.folder is None:
            from objectives.data.ctf_synthetic import synthesize_ctf

            return synthesize_ctf(
                sweeps_per_point=self.sweeps_per_point or 200, seed=self.synthetic_seed
            )
        from objectives.data.ctf_files import load_ctf_folder

        recordings = load_ctf_folder(self.folder)
        if len(recordings.sweeps) != CLASSES:
            raise CtfDataError(
                f"{self.folder}: the task has {CLASSES} classes but {len(recordings.sweeps)} found"
            )
        return recordings.first_sweeps(self.sweeps_per_point or None)


def quantize_sweeps(sweeps: NDArray[np.float32], scale: tuple[float, float]) -> NDArray[np.int8]:
    """Scales sweeps to the chip's input: clamp(round((u - 1/2) 256), -128, 127).

    u = (x - low) / (high - low), rounded half to even. **Source:** ai8x-training, `normalize`.

    Args:
        sweeps: (points, sweeps, 2, 101).
        scale: (low, high).

    Returns:
        int8 of shape (points * sweeps, 2, 101).
    """
    low, high = scale
    unit = (sweeps.reshape(-1, *sweeps.shape[2:]) - np.float32(low)) / np.float32(high - low)
    steps = np.rint((unit - np.float32(0.5)) * 256)
    return np.asarray(np.clip(steps, -128, 127), dtype=np.int8)


def _split_points(
    points: int, seed: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Grid points of one class for train, validation and test, in the paper's shares."""
    validation = max(1, round(points * VALIDATION_SHARE))
    test = max(1, round(points * TEST_SHARE))
    if points < validation + test + 1:
        raise CtfDataError(
            f"a class must have at least 3 grid points, one each to train, validate and test, but"
            f" has {points}"
        )
    order = np.random.default_rng(seed).permutation(points)
    train = points - validation - test
    return (
        np.sort(order[:train]),
        np.sort(order[train : train + validation]),
        np.sort(order[train + validation :]),
    )
