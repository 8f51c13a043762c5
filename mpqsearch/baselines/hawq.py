# SPDX-License-Identifier: Apache-2.0
"""HAWQ-V2: layers whose loss surface is curved keep their bits."""

import logging
import time
from collections.abc import Callable, Sequence

from hardware.candidate import Candidate
from mpqsearch.baselines._base import Baseline, NetworkAt, PrefixAt, layer_sizes
from mpqsearch.baselines.sums import front_of_sums
from mpqsearch.space import Space
from objectives.float_phase import FloatPrefix
from objectives.recipe import Recipe
from objectives.sensitivity import Trace, rounding_losses

logger = logging.getLogger(__name__)

TracesOf = Callable[[int, FloatPrefix], Sequence[Trace]]
"""Gives the Hessian traces of a float network of an input length, one a layer."""


class Hawq(Baseline):
    """The front of size against the loss that a second-order model expects of the rounding.

        Omega = sum over layers of Tr(H) / n ||Q(W) - W||^2

    with n the layer's weights, Q the chip's own quantizer, and Tr(H) the trace of the layer's
    block of the Hessian of the training loss, at the end of the float phase. A trace below 0 counts
    as 0: the layer then costs nothing to narrow, and the log says so.

    Not counted: biases, which keep 8 bits; activations, likewise; what QAT wins back.

    **Source:** HAWQ-V2, Z. Dong et al., arXiv 1911.03852.
    """

    name = "hawq"

    def __init__(
        self,
        space: Space,
        network_at: NetworkAt,
        prefix_at: PrefixAt,
        traces_of: TracesOf,
        recipe: Recipe,
    ) -> None:
        super().__init__(space)
        self._network_at = network_at
        self._prefix_at = prefix_at
        self._traces_of = traces_of
        self._recipe = recipe

    def ranked(self, input_length: int) -> list[Candidate]:
        """The front, from the widest to the narrowest.

        Raises:
            TrainingError: where the float phase fails, or a trace is not a number.
        """
        network = self._network_at(input_length)
        prefix = self._prefix_at(input_length)
        begun = time.perf_counter()
        traces = self._traces_of(input_length, prefix)
        _log(network.names, traces, input_length, time.perf_counter() - begun)
        losses = []
        widest = sorted({width for allowed in self.space.layer_bits for width in allowed})
        moved = rounding_losses(prefix, self._recipe, widest)
        for layer, trace, own, allowed in zip(
            network.layers, traces, moved, self.space.layer_bits, strict=True
        ):
            slope = trace.clamped / layer.weight_count
            losses.append([slope * own[widest.index(width)] for width in allowed])
        sizes = layer_sizes(network, self.space)
        front = front_of_sums(self.space.layer_bits, losses, sizes)
        return self.candidates(input_length, front)


def _log(names: Sequence[str], traces: Sequence[Trace], length: int, seconds: float) -> None:
    said = ", ".join(
        f"{name} {trace.mean:.3g} +- {trace.error:.1g}"
        for name, trace in zip(names, traces, strict=True)
    )
    logger.info("hawq at input length %d: Hessian traces %s (%.1f s)", length, said, seconds)
    negative = [name for name, trace in zip(names, traces, strict=True) if trace.mean < 0]
    if negative:
        logger.warning(
            "hawq at input length %d: the trace of %s is below 0 and counts as 0; the float phase"
            " has not converged there",
            length,
            ", ".join(negative),
        )
