# SPDX-License-Identifier: Apache-2.0
"""Training batches: data placed once, batches as index selections, every epoch reproducible."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from objectives.task import Split


@dataclass(frozen=True)
class Batches:
    """A training split on the device that trains.

    Every epoch draws its order and its dropout masks from a generator of (seed, epoch) alone, so
    an epoch is the same whether or not the ones before it were run in this process.

    Attributes:
        inputs: int8, (samples, channels, ...), cropped.
        labels: int64, (samples,).
        size: Samples of one batch; the last, shorter one of an epoch is used too, unless it
            holds a single sample.
    """

    inputs: Tensor
    labels: Tensor
    size: int

    @classmethod
    def of(cls, split: Split, size: int, device: torch.device) -> "Batches":
        """Places a split on a device."""
        return cls(
            torch.from_numpy(split.inputs).to(device),
            torch.from_numpy(split.labels).to(device),
            size,
        )

    @property
    def steps(self) -> int:
        """Batches of one epoch."""
        count = len(self.labels)
        return -(-count // self.size) - (count > 1 and count % self.size == 1)

    def epoch(self, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Gives one epoch: float32 inputs in the chip's units, -128..127, and labels."""
        count = len(self.labels)
        order = torch.randperm(count, generator=generator, device=self.inputs.device)
        for start in range(0, count, self.size):
            chosen = order[start : start + self.size]
            if len(chosen) > 1 or count == 1:
                yield self.inputs[chosen].float(), self.labels[chosen]

    def in_order(self) -> Iterator[Tensor]:
        """Gives all inputs once, in order, in larger batches."""
        for part in torch.split(self.inputs, 4 * self.size):
            yield part.float()


def epoch_generator(seed: int, epoch: int, device: torch.device) -> torch.Generator:
    """A generator for one epoch's order and dropout; epoch -1 draws the first weights."""
    state = np.random.SeedSequence((seed, epoch + 1)).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(state[0] >> np.uint64(1)))


def dropout_mask(shape: tuple[int, ...], share: float, generator: torch.Generator) -> Tensor:
    """A mask that zeroes a share of the features and scales up the rest: 0 or 1 / (1 - share)."""
    drawn = torch.rand(shape, generator=generator, device=generator.device)
    return (drawn >= share).float() / (1 - share)
