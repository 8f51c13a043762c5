# SPDX-License-Identifier: Apache-2.0
"""A task that trains in a fraction of a second; tests copy it beside a study file of their own."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hardware.network import Network, conv, linear
from objectives.recipe import Recipe
from objectives.task import Split, Task, TaskData


@dataclass(frozen=True)
class TinyTask(Task):
    """Two classes, told apart by which of two channels is high.

    Attributes:
        samples: Training samples; validation and test have half as many.
        features: Channels between the two layers; 768 do not fit the MAX78000 at 8 bits.
    """

    samples: int = 256
    features: int = 4

    full_length: ClassVar[int] = 8
    recipe: ClassVar[Recipe] = Recipe(
        epochs=6, qat_start_epoch=4, batch_size=16, learning_rate=0.02, final_learning_rate=1e-3
    )

    def network(self, input_length: int) -> Network:
        return Network.chain(
            2,
            (input_length,),
            [conv("conv1", self.features, kernel=9, padding=2, bias=False), linear("fc1", 2)],
        )

    def load(self) -> TaskData:
        rng = np.random.default_rng(0)
        splits = []
        for samples in (self.samples, self.samples // 2, self.samples // 2):
            labels = np.arange(samples) % 2
            inputs = rng.normal(0, 15, (samples, 2, self.full_length))
            inputs[np.arange(samples), labels] += 60
            splits.append(Split(inputs.clip(-128, 127).astype(np.int8), labels.astype(np.int64)))
        return TaskData(*splits, ("first", "second"), "two channels of noise", synthetic=True)
