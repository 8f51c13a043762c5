# SPDX-License-Identifier: Apache-2.0
"""The same width in every layer."""

from hardware.candidate import Candidate
from mpqsearch.baselines._base import Baseline


class Uniform(Baseline):
    """Every width that all layers allow, widest first: what people train before they search.

    At the longest input these are the study's references, which are trained in any case.
    """

    name = "uniform"

    def ranked(self, input_length: int) -> list[Candidate]:
        """One candidate for each width; none where the layers share no width."""
        first, *others = self.space.layer_bits
        shared = [width for width in first if all(width in allowed for allowed in others)]
        return [Candidate(input_length, (width,) * (1 + len(others))) for width in shared]
