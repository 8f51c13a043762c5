# SPDX-License-Identifier: Apache-2.0
"""How sure a front is: who may be on it by chance, and who is tied with a pick."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mpqsearch.front import front_of
from mpqsearch.more_seeds import more_seeds
from mpqsearch.seed_noise import Floats, Indices, SeedNoise
from mpqsearch.trials import Outcome, TrialRecord

SURE = 0.95
"""Probability from which on something counts as settled, and below 1 - it as settled too."""
CONTENDER = 0.05
"""Probability of being on the front from which on a candidate is shown with it."""
AT_ONCE = 500
"""Candidates whose draws are held at once; 4,000 draws of so many take 16 MB."""


@dataclass(frozen=True)
class Member:
    """A member of the front, or a contender: one that may be on it by chance.

    Attributes:
        record: The candidate.
        by_mean: Whether it is on the front by its recorded accuracy.
        interval: 95 % interval of its mean accuracy over endless seeds.
        on_front: Probability that it is on the front.
        more_seeds: Of it and its rivals, what would settle that; 0 where it is settled, None where
            `MOST_SEEDS` would not do.
    """

    record: TrialRecord
    by_mean: bool
    interval: tuple[float, float]
    on_front: float
    more_seeds: int | None

    def settled(self, sure: float) -> bool:
        """Whether it is known on which side of the front it is."""
        return settled(self.on_front, sure)


@dataclass(frozen=True)
class Tie:
    """A candidate whose accuracy differs from a pick's by no more than chance.

    Attributes:
        record: The candidate.
        better: Probability that it is the more accurate of the two.
        more_seeds: What would tell them apart; None where `MOST_SEEDS` would not do.
    """

    record: TrialRecord
    better: float
    more_seeds: int | None


def settled(probability: float, sure: float) -> bool:
    """Whether a probability is at either end."""
    return not 1 - sure < probability < sure


class Certainty:
    """What is known of the scored candidates of a study, beyond their means.

    Attributes:
        scored: The candidates, in the order of the records.
        noise: How their accuracies scatter.
        sure: Probability from which on something counts as settled.
    """

    def __init__(
        self,
        records: Sequence[TrialRecord],
        samples: Callable[[], int],
        *,
        sure: float = SURE,
        draws: int = 4000,
    ) -> None:
        """Measures the noise.

        Args:
            records: All candidates; at least one is scored.
            samples: Gives the samples of the validation split, where seeds do not tell the noise.
            sure: Probability from which on something counts as settled, above 0.5 and below 1.
            draws: Of the bootstrap; the error of a probability is 0.8 points at most with 4,000.
        """
        self.scored = [one for one in records if one.outcome is Outcome.SCORED]
        self.sure = sure
        self.draws = draws
        accuracies = [one.seed_accuracies or (one.accuracy,) for one in self.scored]
        self.noise = SeedNoise(accuracies, samples, draws=draws)
        self._costs = np.array([one.costs for one in self.scored])
        self._places = {one.candidate: place for place, one in enumerate(self.scored)}

    def place(self, record: TrialRecord) -> int:
        """Where a record stands among the scored ones."""
        return self._places[record.candidate]

    @cached_property
    def members(self) -> list[Member]:
        """The front and its contenders, most accurate first."""
        front = {one.candidate for one in front_of(self.scored)}
        kept = self.relevant(np.arange(len(self.scored)))
        drawn = np.ascontiguousarray(self.noise.means(kept).T)  # (candidates, draws)
        found = []
        for row, place in enumerate(kept):
            rivals = self._no_dearer(int(place), kept)
            same = np.all(self._costs[kept] == self._costs[place], axis=1)
            beaten = drawn[rivals & same].max(axis=0, initial=-np.inf) > drawn[row]
            beaten |= drawn[rivals & ~same].max(axis=0, initial=-np.inf) >= drawn[row]
            probability = float(np.mean(~beaten))
            record = self.scored[place]
            by_mean = record.candidate in front
            if by_mean or probability >= CONTENDER:
                more: int | None = 0
                if not settled(probability, self.sure):
                    more = self._more_for_front(int(place), drawn[row], kept[rivals], drawn[rivals])
                interval = self.interval(int(place))
                found.append(Member(record, by_mean, interval, probability, more))
        return sorted(found, key=lambda one: (-one.record.accuracy, *one.record.costs))

    def relevant(self, among: Indices) -> Indices:
        """Candidates that no member of a front, by mean, beats in every draw.

        What is left out is on the front in no draw and is missing to nobody: what it beats, the
        member beats too. The front by recorded accuracy is always kept.

        Args:
            among: Who may be on that front, in ascending order.
        """
        best = np.array([one for one in among if not self._beaten(int(one), among)], dtype=np.int64)
        drawn = self.noise.means(best)
        kept = {self.place(one) for one in front_of([self.scored[one] for one in among])}
        kept.update(best.tolist())
        others = np.setdiff1d(among, best)
        for start in range(0, len(others), AT_ONCE):
            part = others[start : start + AT_ONCE]
            means = self.noise.means(part)
            for column, one in enumerate(part):
                cheaper = np.all(self._costs[best] <= self._costs[one], axis=1)
                if not np.any(np.all(means[:, [column]] < drawn[:, cheaper], axis=0)):
                    kept.add(int(one))
        return np.array(sorted(kept), dtype=np.int64)

    def ties(self, pick: TrialRecord) -> list[Tie]:
        """Members and contenders whose accuracy is not separable from a pick's, smallest first.

        A paired, two-sided t test of each alone, at the level 1 - `sure`.
        """
        place = self.place(pick)
        found = []
        for member in self.members:
            other = self.place(member.record)
            if other == place:
                continue
            lead, error, seeds = self.lead(other, place)
            better = self.noise.above(lead, error)
            if settled(better, (1 + self.sure) / 2):
                continue
            more = more_seeds(lead, error, seeds, (1 + self.sure) / 2)
            found.append(Tie(member.record, better, more))
        return sorted(found, key=lambda tie: (tie.record.size_bytes, -tie.record.accuracy))

    def lead(self, one: int, other: int) -> tuple[float, float, int]:
        """By how much one is estimated more accurate than another; its error; their seeds."""
        lead = float(self.noise.centres[one] - self.noise.centres[other])
        seeds = int(min(self.noise.counts[one], self.noise.counts[other]))
        return lead, self.noise.error_between(one, other), seeds

    def interval(self, place: int) -> tuple[float, float]:
        """95 % interval of a mean accuracy over endless seeds."""
        centre = float(self.noise.centres[place])
        half = self.noise.quantile(0.975) * self.noise.error(place)
        return centre - half, centre + half

    def rivals(self, record: TrialRecord) -> list[TrialRecord]:
        """Candidates that cost no more and may be the more accurate, or the less, by chance."""
        place = self.place(record)
        kept = np.array([self.place(one.record) for one in self.members])
        found = []
        for one in kept[self._no_dearer(place, kept)]:
            lead, error, _ = self.lead(place, int(one))
            if not settled(self.noise.above(lead, error), self.sure):
                found.append(self.scored[one])
        return found

    def _beaten(self, place: int, among: Indices) -> bool:
        rivals = among[self._no_dearer(place, among)]
        ahead = self.noise.centres[rivals] - self.noise.centres[place]
        same = np.all(self._costs[rivals] == self._costs[place], axis=1)
        return bool(np.any((ahead > 0) | ((ahead == 0) & ~same)))

    def _no_dearer(self, place: int, among: Indices) -> NDArray[np.bool_]:
        """Who costs no more than a candidate, itself left out."""
        costs = self._costs[among] <= self._costs[place]
        return np.asarray(np.all(costs, axis=1) & (among != place))

    def _more_for_front(
        self, place: int, drawn: Floats, rivals: Indices, rivals_drawn: Floats
    ) -> int | None:
        """Seeds that would settle on which side of the front a candidate is.

        With n times the seeds, draws lie sqrt(n) times as close to the centres. In a share `sure`
        of them a factor s settles it, and that is as if one lead were t(sure) / s errors now.

        Args:
            place: The candidate.
            drawn: Its draws, (draws,).
            rivals: Who costs no more.
            rivals_drawn: Their draws, (rivals, draws).
        """
        centres = self.noise.centres
        leads = (centres[place] - centres[rivals])[:, None]
        moved = (drawn - centres[place]) - (rivals_drawn - centres[rivals][:, None])
        behind = leads[:, 0] < 0
        if behind.any():  # off the front, where one of those stays in the lead
            factors = (moved[behind] / -leads[behind]).min(axis=0)
        elif np.all(leads > 0):
            factors = (-moved / leads).max(axis=0)
        else:
            return None
        factor = max(float(np.quantile(factors, self.sure)), 1.0)
        seeds = int(self.noise.counts[place])
        more = more_seeds(self.noise.quantile(self.sure) / factor, 1.0, seeds, self.sure)
        return None if more is None else max(more, 1)
