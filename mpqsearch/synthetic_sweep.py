# SPDX-License-Identifier: Apache-2.0
"""Sweeps that were computed, not recorded: to compare samplers on more than one table.

They resemble recorded sweeps in what matters to a sampler, and stand for no network:

    log(odds of an error) = floor + s exp(-length / l0) + sum_j w_j h(b_j)
                            + sum over pairs (i, j) of v_ij h(b_i) h(b_j) + noise of the seed

with h = 0, 0.15, 1, 2 for 8, 4, 2, 1 bits. Floor, saturation, effects, pairs and noise are
drawn for each member of the family; a few layers are sensitive, most are not; pairs may make it
better or worse. Costs: latency linear in the length, weight bytes from layer sizes over three
decades.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from hardware.candidate import Candidate
from mpqsearch.space import Space

HARM = {8: 0.0, 4: 0.15, 2: 1.0, 1: 2.0}
"""What a width does, relative to 2 bits. Source: order of magnitude of the indoor sweep."""


@dataclass(frozen=True)
class SyntheticSweep:
    """A member of the family: any space, any seed of the trainings.

    Attributes:
        space: The candidates.
        member: Which of the family.
        seeds: Of the trainings.
    """

    space: Space
    member: int
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    _drawn: "_Effects" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_drawn", _Effects.draw(self.member, len(self.space.layer_bits)))

    def accuracy(self, candidate: Candidate, seed: int) -> float:
        """Accuracy, 0 to 1, of one training."""
        noise = random.Random(f"{self.member} {seed} {candidate}").gauss(0.0, self._drawn.noise)
        return _probability(-self._log_odds(candidate) - noise)

    def mean_accuracy(self, candidate: Candidate) -> float:
        """Accuracy without the noise of a seed."""
        return _probability(-self._log_odds(candidate))

    def seeds_of(self, candidate: Candidate) -> tuple[int, ...]:
        """The same for every candidate."""
        del candidate
        return self.seeds

    def train_seconds(self, candidate: Candidate, seed: int) -> float:
        """NaN: nothing was trained."""
        del candidate, seed
        return math.nan

    def costs(self, candidate: Candidate) -> tuple[float, float]:
        """Latency in us and weight bytes."""
        sizes = self._drawn.sizes
        weight_bits = sum(size * bits for size, bits in zip(sizes, candidate.bits, strict=True))
        return 8.0 + 1.2 * candidate.input_length, weight_bits / 8

    def _log_odds(self, candidate: Candidate) -> float:
        harm = np.array([HARM[width] for width in candidate.bits])
        drawn = self._drawn
        shortage = drawn.shortage * np.exp(-candidate.input_length / drawn.saturation)
        return float(drawn.floor + shortage + harm @ drawn.weights + harm @ drawn.pairs @ harm)


@dataclass(frozen=True)
class _Effects:
    """What is drawn for a member.

    Attributes:
        floor: Log odds of an error with no harm and a long input.
        shortage: What an input of no length would add to it.
        saturation: Length over which that falls by e.
        weights: Effect of 2 bits in each layer, (layers,).
        pairs: Joint effects, (layers, layers), upper triangle.
        sizes: Weights of each layer.
        noise: Standard deviation of the log odds from seed to seed.
    """

    floor: float
    shortage: float
    saturation: float
    weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    pairs: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    sizes: tuple[int, ...]
    noise: float

    @classmethod
    def draw(cls, member: int, layers: int) -> "_Effects":
        generator = np.random.default_rng(member)
        weights = generator.exponential(2.5 / layers, layers) * generator.choice([0.3, 2], layers)
        pairs = np.triu(generator.normal(0, 1.5 / layers**1.5, (layers, layers)), 1)
        return cls(
            floor=generator.uniform(-5.0, -2.5),
            shortage=generator.uniform(2.0, 5.0),
            saturation=generator.uniform(8.0, 40.0),
            weights=weights,
            pairs=pairs * generator.choice([0.0, 1.0], (layers, layers)),
            sizes=tuple(int(size) for size in 10 ** generator.uniform(2, 5, layers)),
            noise=generator.uniform(0.05, 0.3),
        )


def family(count: int, layers: int, lengths: tuple[int, ...]) -> Iterator[SyntheticSweep]:
    """The first members of the family over a space of widths 8, 4 and 2."""
    space = Space(lengths, tuple(f"layer{at}" for at in range(layers)), ((8, 4, 2),) * layers)
    for member in range(count):
        yield SyntheticSweep(space, member)


def _probability(log_odds: float) -> float:
    return float(1.0 / (1.0 + np.exp(-log_odds)))
