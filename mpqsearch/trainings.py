# SPDX-License-Identifier: Apache-2.0
"""The trainings of a batch: seed by seed, stopped early where that loses nothing."""

from collections.abc import Callable, Iterator, Sequence

from hardware.candidate import Candidate
from hardware.cost.model import Cost
from mpqsearch.pruning import Judge, RankingRule, SafeRule, Standing, default_floor
from mpqsearch.racing import Runner, may_be_on_front, spread
from mpqsearch.study_file import PruningSection, StudySpec
from mpqsearch.trials import Outcome, TrialRecord
from objectives.accuracy import AccuracyObjective, Failure, Score, Stopped

Result = tuple[Score, ...] | Stopped | Failure
"""What a candidate came to: a score for each of its seeds, or why there is none."""


class Trainings:
    """Trains candidates with the study's seeds, pruning and racing.

    Attributes:
        spared: Candidates that are never stopped: the references.
    """

    def __init__(
        self,
        spec: StudySpec,
        objective: AccuracyObjective,
        cost_of: Callable[[Candidate], Cost],
        records: Sequence[TrialRecord],
    ) -> None:
        self.spec = spec
        self.objective = objective
        self.spared = {candidate for _, candidate in spec.space.references}
        self._cost_of = cost_of
        self._judge = _judge(spec.pruning, len(objective.data.class_names))
        self._runners: dict[Candidate, Runner] = {}
        for record in records:
            self.remember(record)

    def remember(self, record: TrialRecord) -> None:
        """Takes in what a candidate came to, in this run or an earlier one."""
        if record.outcome not in (Outcome.SCORED, Outcome.PRUNED):
            return
        scored = record.outcome is Outcome.SCORED
        if self._judge is not None:
            final = record.seed_accuracies[0] if scored else None
            self._judge.remember(record.costs, dict(record.rungs), final)
        if scored:
            self._runners[record.candidate] = Runner(record.costs, record.seed_accuracies)

    def results(self, candidates: Sequence[Candidate]) -> Iterator[Result]:
        """Trains candidates, giving each as soon as it is decided."""
        scores: dict[Candidate, list[Score]] = {}
        going = list(candidates)
        for number, seed in enumerate(self.spec.seed_list):
            stops = None if number or self._judge is None else self._stops
            again = []
            for result in self.objective.evaluate(going, seed=seed, stops=stops):
                if not isinstance(result, Score):
                    scores.pop(result.candidate, None)
                    yield result
                    continue
                scores.setdefault(result.candidate, []).append(result)
                if number == self.spec.seeds - 1:
                    yield tuple(scores.pop(result.candidate))
                else:
                    again.append(result.candidate)
            going = [one for one in again if self._races_on(one, scores)]
            for candidate in again:
                if candidate not in going:
                    yield tuple(scores.pop(candidate))

    def _stops(
        self, share: float, members: Sequence[Candidate], accuracies: Sequence[float]
    ) -> list[bool]:
        """Which members of a stack are stopped at a rung."""
        assert self._judge is not None  # noqa: S101  (else nobody is asked)
        here = [
            Standing(costs_of(self._cost_of(member)), accuracy)
            for member, accuracy in zip(members, accuracies, strict=True)
        ]
        stopped = self._judge.stops(share, here)
        return [
            stop and member not in self.spared
            for stop, member in zip(stopped, members, strict=True)
        ]

    def _races_on(self, candidate: Candidate, scores: dict[Candidate, list[Score]]) -> bool:
        """Whether a candidate gets another seed."""
        if not self.spec.racing or candidate in self.spared:
            return True
        runners = dict(self._runners)
        for one, found in scores.items():
            costs = costs_of(self._cost_of(one))
            runners[one] = Runner(costs, tuple(score.validation_accuracy for score in found))
        me = runners.pop(candidate)
        samples = len(self.objective.data.validation.labels)
        deviation = spread([me, *runners.values()], samples)
        return may_be_on_front(me, list(runners.values()), deviation)


def costs_of(cost: Cost) -> tuple[float, float, float]:
    """The objectives but accuracy: latency, energy, size."""
    return cost.latency_us.value, cost.energy_uj.value, cost.size_bytes.value


def _judge(section: PruningSection, classes: int) -> Judge | None:
    if section.rule == "none":
        return None
    floor = default_floor(classes) if section.floor is None else section.floor
    rule = SafeRule() if section.rule == "safe" else RankingRule(section.keep)
    return Judge(rule, floor)
