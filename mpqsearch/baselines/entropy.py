# SPDX-License-Identifier: Apache-2.0
"""Entropy: layers whose weights say the same with fewer bits give them up."""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hardware.candidate import Candidate
from mpqsearch.baselines._base import Baseline, NetworkAt, PrefixAt, layer_sizes
from mpqsearch.space import Space
from objectives.recipe import Recipe
from objectives.sensitivity import weight_entropies

Floats = NDArray[np.float64]

FULL_WIDTH = 8


class Entropy(Baseline):
    """The assignments with the highest score, for every weight of bits against entropy.

    The score of a layer at a width is

        S = -lambda Omega + (1 - lambda) Phi,
        Omega = 1 - H / H_8,  Phi = (weight bytes saved against 8 bits) / (the network's at 8 bits)

    with H the entropy of the layer's integer weights, in bits a weight, under the chip's quantizer.
    Every layer takes its best width; as lambda falls from 1 to 0 they grow narrower one by one.

    QuantMCU scores feature maps; this chip's are 8 bits wide, so the weights are scored, and Phi
    counts what narrow ones save here, bytes, since they save no time. What it says about scaling
    Omega and Phi, and its lambda, are not published in what could be read: the above is a choice,
    and no lambda is chosen.

    **Source:** VDQS of QuantMCU, arXiv 2401.13714.
    """

    name = "entropy"

    def __init__(
        self, space: Space, network_at: NetworkAt, prefix_at: PrefixAt, recipe: Recipe
    ) -> None:
        super().__init__(space)
        self._network_at = network_at
        self._prefix_at = prefix_at
        self._recipe = recipe

    def ranked(self, input_length: int) -> list[Candidate]:
        """The assignments, from the widest to the narrowest.

        Raises:
            TrainingError: where the float phase fails.
        """
        network = self._network_at(input_length)
        prefix = self._prefix_at(input_length)
        widths = sorted({FULL_WIDTH, *(w for allowed in self.space.layer_bits for w in allowed)})
        found = weight_entropies(prefix, self._recipe, widths)
        full = found[:, widths.index(FULL_WIDTH)]
        whole = network.weight_bytes((FULL_WIDTH,) * len(network.layers))
        lost, saved = [], []
        for index, (layer, sizes, allowed) in enumerate(
            zip(
                network.layers,
                layer_sizes(network, self.space),
                self.space.layer_bits,
                strict=True,
            )
        ):
            own = found[index, [widths.index(width) for width in allowed]]
            lost.append(1 - own / full[index] if full[index] else np.zeros(len(own)))
            saved.append((layer.weight_count - np.array(sizes)) / whole)
        return self.candidates(input_length, _best(self.space.layer_bits, lost, saved))


def _best(
    widths: Sequence[Sequence[int]], lost: Sequence[Floats], saved: Sequence[Floats]
) -> list[tuple[int, ...]]:
    """The widths that maximize -Omega + t Phi in every layer, for t from 0 up, t = (1 - l) / l."""
    slopes = {0.0}
    for losses, gains in zip(lost, saved, strict=True):
        for at in range(len(losses)):
            for narrower in range(at + 1, len(losses)):
                won = gains[narrower] - gains[at]
                if won > 0:
                    slopes.add(max(float((losses[narrower] - losses[at]) / won), 0.0))
    borders = sorted(slopes)
    # between two borders every choice is the same
    inside = [(low + high) / 2 for low, high in itertools.pairwise(borders)]
    return [
        tuple(
            allowed[int(np.argmax(t * gains - losses))]
            for allowed, losses, gains in zip(widths, lost, saved, strict=True)
        )
        for t in [*inside, borders[-1] + 1]
    ]
