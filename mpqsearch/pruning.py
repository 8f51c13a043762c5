# SPDX-License-Identifier: Apache-2.0
"""Which trainings are stopped early, when all objectives but accuracy are known beforehand."""

import abc
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST_FINISHED = 8
"""Finished trainings from which the spread of gains is taken; before, the rules stop nothing."""
DEVIATIONS = 3.0
"""Standard deviations that make delta. Two would do for one pair, but a training is compared with
the best of many, at every rung. Over all 162 candidates of the digits, in eleven orders, 2 stopped
2.5 of the 17 on the front on average, each up to 1.1 points better than what was left; 3 none.
"""
FLOOR_SHARE = 0.1
"""The default floor lies this share of the way from guessing to no error. A judgement."""


@dataclass(frozen=True)
class Standing:
    """A training at a rung.

    Attributes:
        costs: What it costs, (latency, energy, size): exact, known before the training.
        accuracy: Validation accuracy of its integer network there, 0 to 1.
    """

    costs: tuple[float, ...]
    accuracy: float


@dataclass(frozen=True)
class Course:
    """A finished training: accuracies at its rungs, by share of the QAT steps, and at the end."""

    costs: tuple[float, ...]
    rungs: dict[float, float]
    final: float


class Rule(abc.ABC):
    """Decides at a rung which of the trainings there are stopped."""

    @abc.abstractmethod
    def stops(
        self, here: Sequence[Standing], others: Sequence[Standing], delta: float
    ) -> list[bool]:
        """Whether each training is stopped.

        Args:
            here: Trainings at this rung now, one stack.
            others: Those that were at this rung before, stopped there or not.
            delta: Difference of accuracies at this rung beyond which one of them is taken to end
                higher.
        """


class SafeRule(Rule):
    """Stops a training where another is no worse in every cost and better in accuracy by delta.

    What it stops could not have entered the front, unless the later gains of the two differ by more
    than they did among finished trainings. **Source:** DESIGN decision 6; PAPERS notes, 7.
    """

    def stops(
        self, here: Sequence[Standing], others: Sequence[Standing], delta: float
    ) -> list[bool]:
        """See `Rule`."""
        costs = np.array([one.costs for one in (*here, *others)])
        accuracies = np.array([one.accuracy for one in (*here, *others)])
        return [
            bool(
                np.any(
                    np.all(costs <= np.array(one.costs), axis=1)
                    & (accuracies > one.accuracy + delta)
                )
            )
            for one in here
        ]


@dataclass(frozen=True)
class RankingRule(Rule):
    """Keeps a share of the trainings seen at a rung, by rank: MO-ASHA with an epsilon-net.

    Ranks are those of non-dominated sorting over accuracy and costs; inside a front those come
    first that lie farthest from what was taken before, in objectives scaled to 0..1. A training
    goes on while it is among the first `keep` of all seen at the rung. Unlike the safe rule it
    stops trainings that might have entered the front.

    **Source:** Schmucker et al., "Multi-objective Asynchronous Successive Halving" (2021).

    Attributes:
        keep: Share that goes on, 0 to 1.
    """

    keep: float = 1 / 3

    def stops(
        self, here: Sequence[Standing], others: Sequence[Standing], delta: float
    ) -> list[bool]:
        """See `Rule`; delta is not used, ranks are taken as they are."""
        del delta
        seen = (*here, *others)
        losses = np.array([(-one.accuracy, *one.costs) for one in seen])
        going = math.ceil(self.keep * len(seen))
        kept = set(ranked(losses)[:going])
        return [index not in kept for index in range(len(here))]


def ranked(losses: NDArray[np.float64]) -> list[int]:
    """Rows from the best on: front by front, and inside a front farthest from those taken first.

    Args:
        losses: (points, objectives), all to be small.
    """
    spread = np.ptp(losses, axis=0)
    scaled = (losses - losses.min(axis=0)) / np.where(spread > 0, spread, 1.0)
    left = list(range(len(losses)))
    order: list[int] = []
    while left:
        front = [one for one in left if not _dominated(losses, one, left)]
        # an epsilon-net: begin with the front's most accurate, then the one farthest from all taken
        taken = [min(front, key=lambda one: (losses[one, 0], one))]
        rest = [one for one in front if one != taken[0]]
        while rest:
            distances = [np.abs(scaled[one] - scaled[taken]).max(axis=1).min() for one in rest]
            taken.append(rest.pop(int(np.argmax(distances))))
        order += taken
        left = [one for one in left if one not in front]
    return order


def _dominated(losses: NDArray[np.float64], one: int, among: Sequence[int]) -> bool:
    others = losses[list(among)]
    return bool(
        np.any(np.all(others <= losses[one], axis=1) & np.any(others < losses[one], axis=1))
    )


class Judge:
    """Remembers every training's way, and says at a rung which are stopped.

    Attributes:
        rule: How; None stops by the floor alone.
        floor: Accuracy below which a training is stopped once it has trained at all, 0 to 1.
    """

    def __init__(self, rule: Rule | None, floor: float) -> None:
        self.rule = rule
        self.floor = floor
        self._finished: list[Course] = []
        self._standings: dict[float, list[Standing]] = defaultdict(list)

    def remember(
        self, costs: tuple[float, ...], rungs: dict[float, float], final: float | None
    ) -> None:
        """Takes in a training of this run or an earlier one.

        Args:
            costs: What it costs.
            rungs: Its accuracy at each rung, by share of the QAT steps.
            final: Its accuracy at the end; None where it was stopped.
        """
        for share, accuracy in rungs.items():
            self._standings[share].append(Standing(costs, accuracy))
        if final is not None:
            self._finished.append(Course(costs, rungs, final))

    def delta(self, share: float) -> float:
        """Three standard deviations of the difference of two trainings' gains from a rung on.

        The gain is the final accuracy less the one at the rung, over finished trainings: what can
        still change their order. The seed-to-seed deviation, which the notes suggest, is not known
        with one seed, and says nothing of what other bits gain. Infinite while fewer than 8 have
        finished.
        """
        gains = [one.final - one.rungs[share] for one in self._finished if share in one.rungs]
        if len(gains) < FEWEST_FINISHED:
            return math.inf
        return DEVIATIONS * math.sqrt(2) * float(np.std(gains, ddof=1))

    def stops(self, share: float, here: Sequence[Standing]) -> list[bool]:
        """Which trainings of a stack are stopped at a rung."""
        delta = self.delta(share)
        stopped = [share > 0 and one.accuracy < self.floor for one in here]
        if self.rule is None or not math.isfinite(delta):
            return stopped
        found = self.rule.stops(here, self._standings[share], delta)
        return [one or other for one, other in zip(stopped, found, strict=True)]


def default_floor(classes: int) -> float:
    """An accuracy that guessing among so many classes does not reach."""
    guessing = 1 / classes
    return guessing + FLOOR_SHARE * (1 - guessing)
