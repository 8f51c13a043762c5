# SPDX-License-Identifier: Apache-2.0
"""Which candidates are worth another seed: those that may still be on the front."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAD = 2.0
"""Standard errors by which one must lead another to be taken for better."""
FEWEST_DEGREES = 8
"""Degrees of freedom from which on the spread is taken from seeds; of fewer it is 0 by chance."""


@dataclass(frozen=True)
class Runner:
    """A candidate in the race.

    Attributes:
        costs: What it costs, (latency, energy, size), exact.
        accuracies: Validation accuracy at each seed so far; the same seeds, in the same order, for
            every candidate.
    """

    costs: tuple[float, ...]
    accuracies: tuple[float, ...]


def spread(runners: Sequence[Runner], samples: int) -> float:
    """Standard deviation of the difference of two candidates' accuracies at one seed.

    Pooled over neighbours, in order of accuracy, among those with several seeds: pairs at the same
    seed, since that cancels what the seed does to both. Where they are few, what chance does to two
    shares of so many validation samples.

    Args:
        runners: Candidates with their accuracies.
        samples: Samples of the validation split.
    """
    variances = neighbour_variances(runners)
    degrees = sum(weight for weight, _ in variances)
    if degrees >= FEWEST_DEGREES:
        return math.sqrt(sum(weight * value for weight, value in variances) / degrees)
    return chance_spread(runners, samples)


def neighbour_variances(runners: Sequence[Runner]) -> list[tuple[int, float]]:
    """Degrees of freedom and variance of the differences of neighbours at the same seed.

    Those with several seeds, best mean accuracy first: each with the next, so one fewer than they.
    """
    several = [one for one in runners if len(one.accuracies) > 1]
    ordered = sorted(several, key=lambda one: -float(np.mean(one.accuracies)))
    variances = []
    for one, other in itertools.pairwise(ordered):
        common = min(len(one.accuracies), len(other.accuracies))
        found = np.subtract(one.accuracies[:common], other.accuracies[:common])
        variances.append((common - 1, float(np.var(found, ddof=1))))
    return variances


def chance_spread(runners: Sequence[Runner], samples: int) -> float:
    """What chance does to the difference of two shares of so many validation samples."""
    best = max((max(one.accuracies) for one in runners), default=0.5)
    # an accuracy of 1 would say that chance does nothing
    share = min(best, 1 - 1 / samples)
    return math.sqrt(2 * share * (1 - share) / samples)


def may_be_on_front(one: Runner, others: Sequence[Runner], deviation: float) -> bool:
    """Whether none of the others costs no more and leads by more than two standard errors.

    Args:
        one: Who may get another seed.
        others: The other candidates; itself among them changes nothing.
        deviation: What `spread` gives.
    """
    for other in others:
        if any(its > mine for its, mine in zip(other.costs, one.costs, strict=True)):
            continue
        common = min(len(one.accuracies), len(other.accuracies))
        lead = float(np.mean(np.subtract(other.accuracies[:common], one.accuracies[:common])))
        if lead > LEAD * deviation / math.sqrt(common):
            return False
    return True
