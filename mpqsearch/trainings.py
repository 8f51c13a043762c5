# SPDX-License-Identifier: Apache-2.0
"""The trainings of a batch: seed by seed, stopped early where that loses nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from hardware.candidate import Candidate
from hardware.cost.model import Cost
from mpqsearch.pruning import Judge, RankingRule, SafeRule, Standing, default_floor
from mpqsearch.racing import Runner, may_be_on_front, spread
from mpqsearch.study_file import StudySpec
from mpqsearch.study_sections import PruningSection
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
        news: Callable[[], object] = lambda: None,
    ) -> None:
        """Takes in what is known.

        Args:
            spec: What is searched.
            objective: What trains.
            cost_of: Prices a candidate.
            records: What has been decided.
            news: Called before trainings are judged: shows what others have decided since.
        """
        self.spec = spec
        self._news = news
        self.objective = objective
        self.spared = {candidate for _, candidate in spec.space.references}
        self._cost_of = cost_of
        self._judge = _judge(spec.pruning, len(objective.data.class_names))
        self._runners: dict[Candidate, Runner] = {}
        self._judged: set[Candidate] = set()
        for record in records:
            self.remember(record)

    @property
    def knows_enough(self) -> bool:
        """Whether enough have finished for a forecast, or none is ever made."""
        return self._judge is None or self._judge.forecasts

    def remember(self, record: TrialRecord) -> None:
        """Takes in what a candidate came to, in this run or an earlier one."""
        if record.outcome not in (Outcome.SCORED, Outcome.PRUNED):
            return
        scored = record.outcome is Outcome.SCORED
        final = record.seed_accuracies[0] if scored else None
        self._learn(record.candidate, record.costs, record.rungs, final)
        if scored:
            self._runners[record.candidate] = Runner(record.costs, record.seed_accuracies)

    def _learn(
        self,
        candidate: Candidate,
        costs: tuple[float, float, float],
        rungs: Sequence[tuple[float, float]],
        final: float | None,
    ) -> None:
        """Shows the judge a candidate's first training, once."""
        if self._judge is not None and candidate not in self._judged:
            self._judge.remember(costs, dict(rungs), final)
            self._judged.add(candidate)

    def results(self, candidates: Sequence[Candidate]) -> Iterator[Result]:
        """Trains candidates, giving each as soon as it is decided.

        Each seed is trained for all that still race before the next one is begun. Candidates are
        stopped at the first seed only; one that fails at any seed has failed.
        """
        scores: dict[Candidate, list[Score]] = {}
        going = list(candidates)
        for number, seed in enumerate(self.spec.seed_list):
            stops = None if number or self._judge is None else self._stops
            again = []
            for result in self.objective.evaluate(going, seed=seed, stops=stops):
                if not isinstance(result, Score):
                    scores.pop(result.candidate, None)
                    yield self._with_seed(result, seed)
                    continue
                scores.setdefault(result.candidate, []).append(result)
                # at once, not with the record, which comes after the last seed
                costs = costs_of(self._cost_of(result.candidate))
                self._learn(result.candidate, costs, result.rungs, result.validation_accuracy)
                if number == self.spec.seeds - 1:
                    yield tuple(scores.pop(result.candidate))
                else:
                    again.append(result.candidate)
            going = self._racing_on(again, scores)
            for candidate in again:
                if candidate not in going:
                    yield tuple(scores.pop(candidate))

    def _stops(
        self, share: float, members: Sequence[Candidate], accuracies: Sequence[float]
    ) -> list[bool]:
        """Which members of a stack are stopped at a rung."""
        assert self._judge is not None  # noqa: S101  (else nobody is asked)
        self._news()
        here = [
            Standing(costs_of(self._cost_of(member)), accuracy)
            for member, accuracy in zip(members, accuracies, strict=True)
        ]
        stopped = self._judge.stops(share, here)
        return [
            stop and member not in self.spared
            for stop, member in zip(stopped, members, strict=True)
        ]

    def _racing_on(
        self, candidates: Sequence[Candidate], scores: Mapping[Candidate, Sequence[Score]]
    ) -> list[Candidate]:
        """Which candidates get another seed.

        Args:
            candidates: Those with a score for every seed so far.
            scores: What they scored.
        """
        if not self.spec.racing:
            return list(candidates)
        running = {
            one: Runner(
                costs_of(self._cost_of(one)), tuple(score.validation_accuracy for score in found)
            )
            for one, found in scores.items()
        }
        everyone = list({**self._runners, **running}.values())
        deviation = spread(everyone, len(self.objective.data.validation.labels))
        return [
            one
            for one in candidates
            if one in self.spared or may_be_on_front(running[one], everyone, deviation)
        ]

    def _with_seed(self, result: Stopped | Failure, seed: int) -> Stopped | Failure:
        """A failure with the seed it happened at, where there are several."""
        if isinstance(result, Stopped) or self.spec.seeds == 1:
            return result
        return Failure(result.candidate, f"{result.reason} (seed {seed})")


def costs_of(cost: Cost) -> tuple[float, float, float]:
    """The objectives but accuracy: latency, energy, size."""
    return cost.latency_us.value, cost.energy_uj.value, cost.size_bytes.value


def _judge(section: PruningSection, classes: int) -> Judge | None:
    if section.rule == "none":
        return None
    floor = default_floor(classes) if section.floor is None else section.floor
    safe = section.rule == "safe"
    rule = SafeRule(section.tolerance) if safe else RankingRule(section.keep)
    return Judge(rule, floor)
