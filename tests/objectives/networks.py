# SPDX-License-Identifier: Apache-2.0
"""Small networks and data that several tests train."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hardware.layer import Activation
from hardware.network import Network, average_pool, conv, linear, max_pool
from objectives.recipe import Recipe
from objectives.task import Split, Task, TaskData

SHORT = Recipe(epochs=4, qat_start_epoch=2, batch_size=32, learning_rate=3e-3)


def two_axes(classes: int = 3) -> Network:
    """A conv2d network with both poolings, Abs, and a layer without bias."""
    return Network.chain(
        2,
        (9, 9),
        [
            conv("first", 5, kernel=3, padding=2, activation=Activation.ABS),
            conv("second", 6, kernel=3, padding=1, pool=average_pool(2), bias=False),
            conv("third", 7, kernel=1, pool=max_pool(3, stride=1)),
            linear("logits", classes),
        ],
    )


def one_axis(length: int = 16, classes: int = 4) -> Network:
    """A conv1d network with pooling and a hidden linear layer without activation."""
    return Network.chain(
        2,
        (length,),
        [
            conv("conv1", 6, kernel=3, padding=1),
            conv("conv2", 5, kernel=2, pool=max_pool(2)),
            linear("fc1", 12, activation=Activation.NONE),
            linear("fc2", classes),
        ],
    )


def blobs(network: Network, samples: int, seed: int) -> Split:
    """Noisy copies of one random pattern a class: easy, but not for nothing."""
    classes = network.layers[-1].out_channels
    patterns = np.random.default_rng(99).integers(-90, 91, (classes, *network.input_shape))
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, samples)
    noisy = patterns[labels] + rng.normal(0, 60, (samples, *network.input_shape))
    return Split(np.clip(np.rint(noisy), -128, 127).astype(np.int8), labels.astype(np.int64))


@dataclass(frozen=True)
class ImagesTask(Task):
    """A person's own task: two axes, two channels, three classes, other layers."""

    full_length: ClassVar[int] = 9
    recipe: ClassVar[Recipe] = Recipe(
        epochs=12, qat_start_epoch=9, batch_size=32, learning_rate=3e-3, outlier_z_score=8.0
    )

    def network(self, input_length: int) -> Network:
        """The two-axis network, whatever the length."""
        assert input_length == 9
        return two_axes()

    def load(self) -> TaskData:
        """Blobs, in three splits."""
        network = two_axes()
        return TaskData(
            train=blobs(network, 600, 1),
            validation=blobs(network, 200, 2),
            test=blobs(network, 200, 3),
            class_names=("a", "b", "c"),
            source="blobs",
            synthetic=True,
        )
