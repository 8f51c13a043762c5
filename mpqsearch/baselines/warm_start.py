# SPDX-License-Identifier: Apache-2.0
"""The first candidates of a search, from baselines."""

import logging
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

import numpy as np

from hardware.candidate import Candidate
from hardware.cost.model import Cost
from mpqsearch.baselines._base import Baseline
from mpqsearch.baselines.factory import make_baseline
from mpqsearch.samplers.exhaustive import GOLDEN
from mpqsearch.samplers.farthest import farthest
from mpqsearch.study_file import StudySpec
from objectives.accuracy import AccuracyObjective

logger = logging.getLogger(__name__)

BUDGET_SHARE = Fraction(1, 3)
"""Largest share of a study's candidates that baselines propose, one at least: the rest is left to
the sampler, which learns from what it is told and baselines do not."""


def warm_starts(
    spec: StudySpec, objective: AccuracyObjective, cost_of: Callable[[Candidate], Cost]
) -> list[tuple[Candidate, str]]:
    """The candidates that a study's baselines propose, with the name of who did, in turns.

    At most `BUDGET_SHARE` of the budget together, what fits the chip, and no reference: those are
    trained in any case. Of a candidate that two propose, the first has it.

    Args:
        spec: The study; `search.warm_start` names the baselines.
        objective: Gives float phases. Those asked for are the ones the search needs too.
        cost_of: Prices a candidate.
    """
    most = max(1, int(spec.budget * BUDGET_SHARE))
    taken = {candidate for _, candidate in spec.space.references}
    streams = {
        name: proposals(
            make_baseline(name, spec.space, objective, spec.seed), spec.space.input_lengths
        )
        for name in spec.search.warm_start
    }
    found: list[tuple[Candidate, str]] = []
    while streams and len(found) < most:
        for name in list(streams)[: most - len(found)]:
            new = (one for one in streams[name] if one not in taken and cost_of(one).fits)
            candidate = next(new, None)
            if candidate is None:
                del streams[name]
            else:
                found.append((candidate, name))
                taken.add(candidate)
    for name in spec.search.warm_start:
        logger.info("warm start: %d from %s", sum(who == name for _, who in found), name)
    return found


def proposals(baseline: Baseline, input_lengths: Sequence[int]) -> Iterator[Candidate]:
    """A baseline's candidates, every one once, so that the first few are spread over all.

    Lengths take turns, those far from each other first. Along a front the next one is a step of the
    golden ratio away, which spreads evenly wherever it is stopped; of a list that begins with the
    best, the best that is left. A length is asked for when its turn comes, not before. One that
    fails is left out, with a line in the log: the search will meet the reason itself.
    """
    lengths = spread(input_lengths)
    left: dict[int, list[Candidate]] = {}
    turn = 0
    while not left or any(left.values()):
        for length in lengths:
            if length not in left:
                left[length] = _ranked(baseline, length)
            if not left[length]:
                continue
            step = 0.0 if baseline.best_first else (0.5 + turn * GOLDEN) % 1
            turn += 1
            yield left[length].pop(int(step * len(left[length])))


def spread(input_lengths: Sequence[int]) -> list[int]:
    """Lengths in an order in which each is far from those before it, beginning with the first."""
    points = np.array(input_lengths, dtype=np.float64)[:, None]
    order: list[int] = []
    while len(order) < len(points):
        order.append(farthest(points, points[order]))
    return [input_lengths[at] for at in order]


def _ranked(baseline: Baseline, length: int) -> list[Candidate]:
    try:
        return list(baseline.ranked(length))
    except Exception as error:  # a float phase runs a user's own code
        logger.warning("%s proposes nothing at input length %d: %s", baseline.name, length, error)
        logger.debug("%s at input length %d", baseline.name, length, exc_info=True)
        return []
