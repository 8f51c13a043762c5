# SPDX-License-Identifier: Apache-2.0
"""The smallest candidate that meets a target, and how sure that is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mpqsearch.certainty import CONTENDER, Certainty, Tie, settled
from mpqsearch.conditions import Comparison, Condition, Quantity, nothing_meets, parse_conditions
from mpqsearch.errors import StudyError
from mpqsearch.front import front_of
from mpqsearch.more_seeds import more_seeds
from mpqsearch.trials import TrialRecord

SHOWN = 0.01
"""Probability of being the answer from which on a candidate is named."""
_FLOORS = (Comparison.AT_LEAST, Comparison.ABOVE)


@dataclass(frozen=True)
class Target:
    """Conditions a candidate must meet.

    Attributes:
        floor: The accuracy it must reach, 0 to 1; None where only costs are limited.
        limits: Conditions on costs and input length, which are exact.
    """

    floor: float | None
    limits: tuple[Condition, ...]
    conditions: tuple[Condition, ...]

    def __str__(self) -> str:
        return " and ".join(map(str, self.conditions))


@dataclass(frozen=True)
class Meeting:
    """A candidate and the target.

    Attributes:
        record: The candidate.
        meets: Probability that its mean accuracy over endless seeds meets the target.
        is_smallest: Probability that it is the smallest that does.
        more_seeds: What would settle whether it meets it; 0 where that is settled, None where
            `MOST_SEEDS` would not do.
    """

    record: TrialRecord
    meets: float
    is_smallest: float
    more_seeds: int | None


@dataclass(frozen=True)
class TargetAnswer:
    """What a study answers to a target.

    Attributes:
        target: The target.
        by_mean: The smallest whose recorded accuracy meets it; None where none does.
        sure: The smallest that meets it for sure; None where none does.
        likeliest: The one that is likeliest to meet it; None where none has 5 %.
        none_meets: Probability that none meets it.
        named: These, and all that may be the smallest that meets it, smallest first.
        ties: Whose accuracy is not separable from that of `by_mean`.
        open: Candidates as small as `by_mean`, itself included, of which it is not settled
            whether they meet the target: more seeds of them may change the answer.
        missing: Where none meets it by its mean: what comes nearest, and what is reached.
    """

    target: Target
    by_mean: Meeting | None
    sure: Meeting | None
    likeliest: Meeting | None
    none_meets: float
    named: tuple[Meeting, ...]
    ties: tuple[Tie, ...]
    open: tuple[Meeting, ...]
    missing: str

    @property
    def more_seeds(self) -> int | None:
        """Seeds of each open candidate that would settle all; None where no number would."""
        counts = [one.more_seeds for one in self.open]
        known = [one for one in counts if one is not None]
        return max(known, default=0) if len(known) == len(counts) else None


def parse_target(texts: Sequence[str]) -> Target:
    """Reads a target: conditions as of `--where`, accuracy only from below.

    Raises:
        StudyError: where it is written in another way.
    """
    conditions = tuple(one for text in texts for one in parse_conditions(text))
    floors = [one for one in conditions if one.quantity is Quantity.ACCURACY]
    for one in floors:
        if one.comparison not in _FLOORS:
            raise StudyError(
                f"target {one}: an accuracy is asked for with >=, like accuracy >= 0.98"
            )
    limits = tuple(one for one in conditions if one.quantity is not Quantity.ACCURACY)
    floor = max((one.bound for one in floors), default=None)
    return Target(floor, limits, conditions)


def answer_to(target: Target, certainty: Certainty) -> TargetAnswer:
    """Answers a target from all scored candidates of a study."""
    within = [
        place
        for place, record in enumerate(certainty.scored)
        if all(one.holds(record) for one in target.limits)
    ]
    within.sort(key=lambda place: _smallest_first(certainty.scored[place]))
    smallest = _smallest(target, certainty, within)
    all_of_them = [_meeting(target, certainty, place, smallest) for place in within]
    by_mean = next((one for one in all_of_them if _meets(target, one.record)), None)
    sure = next((one for one in all_of_them if one.meets >= certainty.sure), None)
    hopeful = [one for one in all_of_them if one.meets >= CONTENDER]
    likeliest = max(hopeful, key=lambda one: one.meets, default=None)
    named = tuple(
        one
        for one in all_of_them
        if one in (by_mean, sure or likeliest) or one.is_smallest >= SHOWN
    )
    last = all_of_them.index(by_mean) + 1 if by_mean else len(all_of_them)
    return TargetAnswer(
        target=target,
        by_mean=by_mean,
        sure=sure,
        likeliest=likeliest,
        none_meets=max(1 - sum(smallest.values()), 0.0),
        named=named,
        ties=tuple(certainty.ties(by_mean.record)) if by_mean else (),
        open=tuple(one for one in all_of_them[:last] if not settled(one.meets, certainty.sure)),
        missing="" if by_mean else nothing_meets(front_of(certainty.scored), target.conditions),
    )


def _smallest_first(record: TrialRecord) -> tuple[float, ...]:
    return record.size_bytes, -record.accuracy, *record.costs


def _meets(target: Target, record: TrialRecord) -> bool:
    return all(one.holds(record) for one in target.conditions)


def _meeting(
    target: Target, certainty: Certainty, place: int, smallest: dict[int, float]
) -> Meeting:
    record = certainty.scored[place]
    if target.floor is None:
        return Meeting(record, 1.0, smallest.get(place, 0.0), 0)
    noise = certainty.noise
    lead, error = float(noise.centres[place]) - target.floor, noise.error(place)
    meets = noise.above(lead, error) if error else float(_meets(target, record))
    more: int | None = 0
    if not settled(meets, certainty.sure):
        more = more_seeds(lead, error, int(noise.counts[place]), certainty.sure)
    return Meeting(record, meets, smallest.get(place, 0.0), more)


def _smallest(target: Target, certainty: Certainty, within: Sequence[int]) -> dict[int, float]:
    """Probability of being the smallest that meets the target, where it is not 0."""
    if not within:
        return {}
    if target.floor is None:
        return {within[0]: 1.0}
    kept = set(certainty.relevant(np.sort(np.array(within, dtype=np.int64))).tolist())
    ordered = np.array([place for place in within if place in kept], dtype=np.int64)
    met = certainty.noise.means(ordered) >= target.floor
    first = np.where(met.any(axis=1), met.argmax(axis=1), -1)
    counts = np.bincount(first[first >= 0], minlength=len(ordered))
    return {
        int(place): float(count) / len(met) for place, count in zip(ordered, counts, strict=True)
    }
