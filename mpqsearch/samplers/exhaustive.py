# SPDX-License-Identifier: Apache-2.0
"""Every candidate once, in an order that may be stopped early."""

import math
import random
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from optuna.study import Study
from optuna.trial import FrozenTrial

from hardware.candidate import Candidate
from mpqsearch.coordinates import Coordinates
from mpqsearch.samplers._base import CostFunction, History, Repeats, SpaceSampler
from mpqsearch.samplers.farthest import farthest_next
from mpqsearch.samplers.pool import LISTED, draw_mixed
from mpqsearch.space import Space

Floats = NDArray[np.float64]

TOGETHER = 5
"""Candidates of one input length that come in a row: as many as train well together, few enough
that every length comes early."""

GOLDEN = (math.sqrt(5) - 1) / 2


class ExhaustiveSampler(SpaceSampler):
    """Proposes each candidate once, those that do not fit last; the order ignores results.

    A space that can be listed is gone through by the farthest candidate next, where candidates lie
    by their costs and their widths: stopped early, every region of the costs has been visited. They
    come in runs of one input length, since those train together; the lengths, too, farthest first,
    each in its turn. A larger space is gone through by steps of the golden ratio of its size, which
    spread evenly.
    """

    def __init__(
        self,
        space: Space,
        costs_of: CostFunction,
        *,
        seed: int = 0,
        together: int = TOGETHER,
        repeats: Repeats | None = None,
    ) -> None:
        """Makes the sampler.

        Args:
            space: What may be proposed.
            costs_of: The costs of a candidate; None where it does not fit.
            seed: Breaks ties in the order of a space that is listed.
            together: Candidates of one input length that come in a row.
            repeats: Not used; as for the others.
        """
        super().__init__(space, costs_of, seed=seed, repeats=repeats)
        self._together = together
        listed = space.size <= LISTED
        self._order = self._by_turns() if listed else self._by_golden_steps()
        self._ahead: list[Candidate] = []

    def propose(self, study: Study, trial: FrozenTrial, history: History) -> Candidate:
        """The next candidate that is untried; a random one where all were tried."""
        del study, trial
        self._ahead = [one for one in self._ahead if one not in history.tried]
        if self._ahead:
            return self._ahead[0]
        for candidate in self._order:
            if candidate not in history.tried:
                self._ahead.append(candidate)
                return candidate
        return draw_mixed(self.space, random.Random(f"{self.seed} {len(history.tried)}"))

    def _by_turns(self) -> Iterator[Candidate]:
        """Runs of one input length in turns, then what does not fit."""
        fitting = self.prices.fitting(self.space)
        orders = {length: self._by_distance(length, fitting) for length in self._lengths()}
        for turn in range(0, len(fitting), self._together):
            for order in orders.values():
                yield from order[turn : turn + self._together]
        yield from (one for one in self.space if self.prices(one) is None)

    def _lengths(self) -> list[int]:
        """Input lengths, farthest next, the longest first."""
        lengths = np.log(np.array(self.space.input_lengths, dtype=np.float64))[:, None]
        return [self.space.input_lengths[at] for at in farthest_next(lengths)]

    def _by_distance(self, length: int, fitting: Sequence[Candidate]) -> list[Candidate]:
        """Those of one length, farthest next, the costliest first."""
        left = [one for one in fitting if one.input_length == length]
        if not left:
            return []
        random.Random(self.seed).shuffle(left)
        costs = np.array([self.prices(one) for one in left], dtype=np.float64)
        bits = np.log2([one.bits for one in left]) / 3 / len(self.space.layer_bits)
        places = np.concatenate([Coordinates.spanning(costs).cost_losses(costs), bits], axis=1)
        order = np.argsort(-places.sum(axis=1), kind="stable")
        return [left[order[at]] for at in farthest_next(places[order])]

    def _by_golden_steps(self) -> Iterator[Candidate]:
        size = self.space.size
        step = round(size * GOLDEN)
        while math.gcd(step, size) != 1:
            step += 1
        for turn in range(size):
            yield _numbered(self.space, turn * step % size)


def _numbered(space: Space, number: int) -> Candidate:
    """The candidate of a number below the space's size, mixed radix, first layer fastest."""
    bits = []
    for allowed in space.layer_bits:
        number, at = divmod(number, len(allowed))
        bits.append(allowed[at])
    return Candidate(space.input_lengths[number], tuple(bits))
