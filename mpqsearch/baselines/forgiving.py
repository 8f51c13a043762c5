# SPDX-License-Identifier: Apache-2.0
"""Forgiving factor: layer by layer, the width whose accuracy is forgiven for its size."""

from collections.abc import Callable, Sequence

from hardware.candidate import Candidate
from mpqsearch.baselines._base import Baseline, NetworkAt
from mpqsearch.forgiving import forgiving_score
from mpqsearch.space import Space

FULL_WIDTH = 8

AccuraciesOf = Callable[[int, Sequence[tuple[int, ...]]], Sequence[float]]
"""Accuracies, 0 to 1, of bit assignments of an input length, without a training."""


class Forgiving(Baseline):
    """Goes through the layers, largest first, and keeps for each the width with the best score.

    The score is `forgiving_score` with AutoQKeras' own settings, against the network at 8 bits,
    with the bytes of weights and biases as the cost. AutoQKeras trains every trial; here the
    accuracy is that of the float network right after it is quantized, on the validation split. It
    falls much further than after a training, so the score leans to wide weights. All assignments
    that were scored on the way are proposed, the best first.

    **Source:** google/qkeras, `AutoQKerasScheduler` with `schedule_block="cost"`: one layer at a
    time, largest first, each decided before the next.
    """

    name = "forgiving"
    best_first = True

    def __init__(self, space: Space, network_at: NetworkAt, accuracies_of: AccuraciesOf) -> None:
        super().__init__(space)
        self._network_at = network_at
        self._accuracies_of = accuracies_of

    def ranked(self, input_length: int) -> list[Candidate]:
        """Every assignment that was scored, the best first.

        Raises:
            TrainingError: where the float phase fails.
        """
        network = self._network_at(input_length)
        full = network.weight_bytes((FULL_WIDTH,) * len(network.layers)) + network.bias_bytes
        counts = [layer.weight_count for layer in network.layers]
        scores: dict[tuple[int, ...], float] = {}
        best = tuple(allowed[0] for allowed in self.space.layer_bits)
        for layer in sorted(range(len(counts)), key=lambda one: -counts[one]):
            tried = [
                (*best[:layer], width, *best[layer + 1 :]) for width in self.space.layer_bits[layer]
            ]
            new = [bits for bits in tried if bits not in scores]
            for bits, accuracy in zip(new, self._accuracies_of(input_length, new), strict=True):
                size = network.weight_bytes(bits) + network.bias_bytes
                scores[bits] = forgiving_score(accuracy, size, full)
            best = max(tried, key=scores.__getitem__)
        # equal scores: the order they were tried in, widest first
        return self.candidates(input_length, sorted(scores, key=lambda bits: -scores[bits]))
