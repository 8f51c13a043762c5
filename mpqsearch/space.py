# SPDX-License-Identifier: Apache-2.0
"""The search space: input lengths, and weight bits for each layer."""

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hardware.candidate import Candidate

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

LENGTH_PARAMETER = "input_length"
BITS_PREFIX = "bits_"
REFERENCE_BITS = (8, 4, 2)
"""Uniform widths that every study evaluates at its longest input, to compare with."""

LISTED_SIZE = 10_000
"""Largest space that is listed as a whole where an untried candidate is wanted."""

DRAWS = 1000
"""Draws from a larger space before it is gone through in order."""


@dataclass(frozen=True)
class Space:
    """Every candidate a study may propose.

    Attributes:
        input_lengths: Lengths, longest first, each once.
        layer_names: Names of the network's layers, in order.
        layer_bits: Widths allowed for each layer, widest first, each once.
    """

    input_lengths: tuple[int, ...]
    layer_names: tuple[str, ...]
    layer_bits: tuple[tuple[int, ...], ...]

    @property
    def size(self) -> int:
        """Number of candidates."""
        return len(self.input_lengths) * math.prod(len(bits) for bits in self.layer_bits)

    @property
    def references(self) -> tuple[tuple[str, Candidate], ...]:
        """Uniform 8, 4 and 2 bits at the longest input, with the names they are shown by."""
        return tuple(
            (f"uniform {bits}", Candidate(self.input_lengths[0], (bits,) * len(self.layer_names)))
            for bits in REFERENCE_BITS
        )

    def __contains__(self, candidate: Candidate) -> bool:
        if len(candidate.bits) != len(self.layer_bits):
            return False
        return candidate.input_length in self.input_lengths and all(
            width in allowed for width, allowed in zip(candidate.bits, self.layer_bits, strict=True)
        )

    def __iter__(self) -> Iterator[Candidate]:
        for length in self.input_lengths:
            for bits in itertools.product(*self.layer_bits):
                yield Candidate(length, bits)

    def draw_untried(self, known: Set[Candidate], generator: random.Random) -> Candidate | None:
        """Draws a candidate that is not among the known ones; None where all are known."""
        if self.size <= LISTED_SIZE:
            untried = [candidate for candidate in self if candidate not in known]
            return generator.choice(untried) if untried else None
        for _ in range(DRAWS):
            bits = tuple(generator.choice(allowed) for allowed in self.layer_bits)
            candidate = Candidate(generator.choice(self.input_lengths), bits)
            if candidate not in known:
                return candidate
        # Nearly all are known: the first other one is at most len(known) steps away.
        return next((candidate for candidate in self if candidate not in known), None)

    def distributions(self) -> "dict[str, BaseDistribution]":
        """The space as Optuna sees it."""
        from optuna.distributions import CategoricalDistribution

        found: dict[str, BaseDistribution] = {
            LENGTH_PARAMETER: CategoricalDistribution(self.input_lengths)
        }
        for name, bits in zip(self.layer_names, self.layer_bits, strict=True):
            found[BITS_PREFIX + name] = CategoricalDistribution(bits)
        return found

    @cached_property
    def parameter_names(self) -> frozenset[str]:
        """Names of the parameters that make a candidate."""
        return frozenset({LENGTH_PARAMETER, *(BITS_PREFIX + name for name in self.layer_names)})

    def parameters(self, candidate: Candidate) -> dict[str, Any]:
        """A candidate as Optuna's parameters."""
        bits = zip(self.layer_names, candidate.bits, strict=True)
        named: dict[str, Any] = {BITS_PREFIX + name: width for name, width in bits}
        return {LENGTH_PARAMETER: candidate.input_length, **named}

    def candidate(self, parameters: Mapping[str, Any]) -> Candidate:
        """A candidate from Optuna's parameters."""
        return Candidate(
            parameters[LENGTH_PARAMETER],
            tuple(parameters[BITS_PREFIX + name] for name in self.layer_names),
        )
