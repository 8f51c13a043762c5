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
"""Finished trainings from which a rung's forecast is made; before, the rules stop nothing."""
DEVIATIONS = 3.0
"""Deviations of a forecast's misses, or of two forecasts' difference, that make a margin.

Two would do for one pair, but a training is compared with the best of many, at every rung:
`python -m benchmarks.pruning` shows what that loses."""
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


@dataclass(frozen=True)
class Forecast:
    """A straight line from accuracies at a rung to those at the end, over finished trainings.

    Narrow weights lose much when they are quantized and win most of it back, so that accuracies at
    an early rung differ far more than at the end: the line takes that out.

    Attributes:
        level: The line's value at 0.
        slope: Its slope, not below 0.
        deviation: Standard deviation of what ended beside it.
    """

    level: float
    slope: float
    deviation: float

    def of(self, standing: Standing) -> Standing:
        """The standing with the accuracy it is forecast to end at."""
        return Standing(standing.costs, self.level + self.slope * standing.accuracy)


@dataclass(frozen=True)
class Field:
    """Whom the trainings at a rung are compared with.

    Attributes:
        others: Those that were at this rung before, stopped there or not, with the accuracies they
            were forecast to end at.
        finished: Those that have finished, with the accuracies they ended at.
        deviation: Of a forecast's misses.
    """

    others: Sequence[Standing] = ()
    finished: Sequence[Standing] = ()
    deviation: float = 0.0


class Rule(abc.ABC):
    """Decides at a rung which of the trainings there are stopped."""

    @abc.abstractmethod
    def stops(self, here: Sequence[Standing], field: Field) -> list[bool]:
        """Whether each training is stopped.

        Args:
            here: Trainings at this rung now, one stack, with their forecast accuracies.
            field: Whom they are compared with, those here apart.
        """


@dataclass(frozen=True)
class SafeRule(Rule):
    """Stops a training that others, which cost no more, leave no room on the front.

    One that is forecast to end higher by over three deviations of the difference of two forecasts'
    misses; or one that has finished, where the training is forecast to end more than three
    deviations of one forecast's misses below that accuracy plus the tolerance. So what is stopped
    would have entered the front, by more than the tolerance, only by missing its forecast as few
    finished trainings did. The tolerance counts beside finished trainings alone: those stay, so no
    chain of small losses adds up.

    The notes suggest two seed-to-seed deviations at the rung instead; one seed does not give those,
    and they say nothing of how much bits win back. **Source:** DESIGN decision 6; PAPERS notes, 7.

    Attributes:
        tolerance: Accuracy by which a candidate must beat those that cost no more, to be worth a
            training, 0 to 1.
    """

    tolerance: float = 0.0

    def stops(self, here: Sequence[Standing], field: Field) -> list[bool]:
        """See `Rule`."""
        margin = DEVIATIONS * field.deviation
        rivals = [
            *((one, math.sqrt(2) * margin) for one in (*here, *field.others)),
            *((one, margin - self.tolerance) for one in field.finished),
        ]
        costs = np.array([one.costs for one, _ in rivals])
        reach = np.array([one.accuracy - lead for one, lead in rivals])
        return [
            bool(np.any(np.all(costs <= np.array(one.costs), axis=1) & (reach > one.accuracy)))
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

    def stops(self, here: Sequence[Standing], field: Field) -> list[bool]:
        """See `Rule`; ranks are taken as they are."""
        seen = (*here, *field.others)
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

    @property
    def forecasts(self) -> bool:
        """Whether enough trainings have finished for a forecast."""
        return len(self._finished) >= FEWEST_FINISHED

    def forecast(self, share: float) -> Forecast | None:
        """What an accuracy at a rung says of the end; None while fewer than 8 have finished."""
        pairs = [(one.rungs[share], one.final) for one in self._finished if share in one.rungs]
        if len(pairs) < FEWEST_FINISHED:
            return None
        here, end = np.array(pairs).T
        varied = float(np.var(here))
        # what stood higher at a rung is never forecast to end lower
        slope = max(float(np.cov(here, end, bias=True)[0, 1]) / varied, 0.0) if varied else 0.0
        level = float(np.mean(end)) - slope * float(np.mean(here))
        missed = end - (level + slope * here)
        deviation = math.sqrt(float(np.sum(missed**2)) / (len(pairs) - 2))
        return Forecast(level, slope, deviation)

    def stops(self, share: float, here: Sequence[Standing]) -> list[bool]:
        """Which trainings of a stack are stopped at a rung."""
        stopped = [share > 0 and one.accuracy < self.floor for one in here]
        forecast = self.forecast(share)
        if self.rule is None or forecast is None:
            return stopped
        field = Field(
            [forecast.of(one) for one in self._standings[share]],
            [Standing(one.costs, one.final) for one in self._finished],
            forecast.deviation,
        )
        found = self.rule.stops([forecast.of(one) for one in here], field)
        return [one or other for one, other in zip(stopped, found, strict=True)]


def default_floor(classes: int) -> float:
    """An accuracy that guessing among so many classes does not reach."""
    guessing = 1 / classes
    return guessing + FLOOR_SHARE * (1 - guessing)
