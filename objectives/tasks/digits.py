# SPDX-License-Identifier: Apache-2.0
"""Real 8x8 images of handwritten digits: a study that runs anywhere with no download."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.datasets import load_digits

from hardware.network import Network, conv, linear, max_pool
from objectives.recipe import Recipe
from objectives.task import Split, Task, TaskData, TaskError

IMAGE_SIZE = 8
LARGEST_INK = 16
"""Pixels count ink from 0 to 16. Source: UCI optical recognition of handwritten digits."""


@dataclass(frozen=True)
class DigitsTask(Task):
    """Ten digits, 1,797 images of 8x8 pixels, bundled with scikit-learn.

    **Source:** UCI "Optical Recognition of Handwritten Digits", test part; `load_digits`.

    Attributes:
        split_seed: Draws the images of each class that go to validation (15 %) and test (25 %).
        channels: Channels of the first convolution; the second has twice as many.
    """

    split_seed: int = 0
    channels: int = 4

    full_length: ClassVar[int] = IMAGE_SIZE
    recipe: ClassVar[Recipe] = Recipe(
        epochs=30,
        qat_start_epoch=22,
        batch_size=64,
        learning_rate=3e-3,
        final_learning_rate=1e-4,
        weight_decay=1e-4,
        dropout=0.2,
        outlier_z_score=8.0,
    )

    def __post_init__(self) -> None:
        if self.split_seed < 0:
            raise TaskError(f"split_seed must be at least 0 but is {self.split_seed}")
        if not 1 <= self.channels <= 512:
            raise TaskError(f"channels must be in 1..512 but is {self.channels}")

    def network(self, input_length: int) -> Network:
        """Two 3x3 convolutions, the second after 2x2 max pooling, and two linear layers."""
        return Network.chain(
            1,
            (input_length, input_length),
            [
                conv("conv1", self.channels, kernel=3, padding=1),
                conv("conv2", 2 * self.channels, kernel=3, padding=1, pool=max_pool(2)),
                linear("fc1", 24),
                linear("fc2", 10),
            ],
        )

    def load(self) -> TaskData:
        """Splits the images by class into train, validation and test."""
        digits = load_digits()
        # 0..16 of ink onto the chip's int8: 8 is 0, and 16 saturates at 127.
        scaled = np.round(digits.images / LARGEST_INK * 256 - 128)
        images = np.clip(scaled, -128, 127).astype(np.int8)[:, None]
        labels = digits.target.astype(np.int64)
        parts: list[list[int]] = [[], [], []]
        for label in range(10):
            rng = np.random.default_rng([self.split_seed, label])
            members = rng.permutation(np.flatnonzero(labels == label))
            validation, test = round(0.15 * len(members)), round(0.25 * len(members))
            parts[0] += list(members[validation + test :])
            parts[1] += list(members[:validation])
            parts[2] += list(members[validation : validation + test])
        train, validation_split, test_split = (
            Split(images[part], labels[part]) for part in map(sorted, parts)
        )
        return TaskData(
            train=train,
            validation=validation_split,
            test=test_split,
            class_names=tuple(str(label) for label in range(10)),
            source=f"handwritten digits, {len(labels):,} real images (scikit-learn)",
            synthetic=False,
        )
