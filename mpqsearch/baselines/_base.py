# SPDX-License-Identifier: Apache-2.0
"""What all baselines share: a space, and for each input length a list of its candidates."""

import abc
from collections.abc import Callable, Sequence
from typing import ClassVar

from hardware.candidate import Candidate
from hardware.network import Network
from mpqsearch.space import Space
from mpqsearch.study_sections import BaselineName
from objectives.float_phase import FloatPrefix

NetworkAt = Callable[[int], Network]
"""Gives the network of an input length."""

PrefixAt = Callable[[int], FloatPrefix]
"""Gives the trained float network of an input length."""


class Baseline(abc.ABC):
    """Says of each input length which bit assignments are worth a training, without one.

    Attributes:
        name: What it is called on the command line.
        space: What may be proposed. Activations are no part of it: the chip's are 8 bits wide.
        best_first: Whether `ranked` begins with the best; else it runs along a front, from the
            widest to the narrowest.
    """

    name: ClassVar[BaselineName]
    best_first: ClassVar[bool] = False

    def __init__(self, space: Space) -> None:
        self.space = space

    @abc.abstractmethod
    def ranked(self, input_length: int) -> list[Candidate]:
        """Candidates of one input length, each once."""

    def candidates(
        self, input_length: int, assignments: Sequence[tuple[int, ...]]
    ) -> list[Candidate]:
        """Bit assignments as candidates, each once, in order."""
        return [Candidate(input_length, bits) for bits in dict.fromkeys(assignments)]


def layer_sizes(network: Network, space: Space) -> list[list[int]]:
    """Weight bytes of each layer at each of its widths, which add up to the network's."""
    return [
        [layer.weight_count * width // 8 for width in allowed]
        for layer, allowed in zip(network.layers, space.layer_bits, strict=True)
    ]
