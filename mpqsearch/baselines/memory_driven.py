# SPDX-License-Identifier: Apache-2.0
"""Memory-driven: the layer with the most weights gives up bits first."""

from hardware.candidate import Candidate
from mpqsearch.baselines._base import Baseline, NetworkAt, layer_sizes
from mpqsearch.space import Space

TIE_SHARE = 0.05
"""Layers whose share of the weight bytes is less than this below the largest are tied with it."""


class MemoryDriven(Baseline):
    """Starts at the widest and cuts the layer with the largest share until nothing is left to cut.

    A cut takes a layer to its next width, which halves it where the space has 8, 4 and 2. Of the
    layers that have a next width, the one with the largest share of all weight bytes is cut; of
    those within 5 points of that share, the earliest. The published rule stops as soon as the
    weights fit a budget; each step here is what it gives for a budget of just that size.

    Not used: its rule for activations, which this chip keeps at 8 bits always, and the bytes it
    counts for scales, which this chip does not have.

    **Source:** M. Rusci et al., arXiv 1905.13082, the cut of weight bits; `compute_next_cut` of
    the authors' `quant_auto.py`.
    """

    name = "memory-driven"

    def __init__(self, space: Space, network_at: NetworkAt) -> None:
        super().__init__(space)
        self._network_at = network_at

    def ranked(self, input_length: int) -> list[Candidate]:
        """The chain of cuts, from the widest to the narrowest."""
        sizes = layer_sizes(self._network_at(input_length), self.space)
        places = [0] * len(sizes)
        chain = [tuple(places)]
        while (cut := _next_cut(sizes, places)) is not None:
            places[cut] += 1
            chain.append(tuple(places))
        widths = self.space.layer_bits
        return self.candidates(
            input_length,
            [tuple(w[at] for w, at in zip(widths, one, strict=True)) for one in chain],
        )


def _next_cut(sizes: list[list[int]], places: list[int]) -> int | None:
    """The layer that is cut next; None where all are at their narrowest."""
    held = [size[at] for size, at in zip(sizes, places, strict=True)]
    left = [
        layer
        for layer, (size, at) in enumerate(zip(sizes, places, strict=True))
        if at + 1 < len(size)
    ]
    if not left:
        return None
    whole = max(sum(held), 1)
    largest = max(held[layer] / whole for layer in left)
    return next(layer for layer in left if held[layer] / whole > largest - TIE_SHARE)
