# SPDX-License-Identifier: Apache-2.0
"""Candidates to choose among where a space is too large to list."""

import random
from collections.abc import Iterator

from hardware.candidate import Candidate
from mpqsearch.space import Space

LISTED = 20_000
"""Largest space whose candidates are all compared at every proposal."""


def draw_mixed(space: Space, generator: random.Random) -> Candidate:
    """Draws a candidate whose share of each width is drawn first.

    Widths drawn evenly would give every deep network the same mean width: neither the smallest nor
    the most accurate ones would ever be seen.
    """
    widths = sorted({width for allowed in space.layer_bits for width in allowed})
    share = {width: generator.expovariate(1.0) for width in widths}
    bits = tuple(
        generator.choices(allowed, [share[width] for width in allowed])[0]
        for allowed in space.layer_bits
    )
    return Candidate(generator.choice(space.input_lengths), bits)


def neighbours(space: Space, candidate: Candidate) -> Iterator[Candidate]:
    """Every candidate that differs in the input length alone, or in one layer's width."""
    for length in space.input_lengths:
        if length != candidate.input_length:
            yield Candidate(length, candidate.bits)
    for layer, allowed in enumerate(space.layer_bits):
        for width in allowed:
            if width != candidate.bits[layer]:
                bits = (*candidate.bits[:layer], width, *candidate.bits[layer + 1 :])
                yield Candidate(candidate.input_length, bits)
