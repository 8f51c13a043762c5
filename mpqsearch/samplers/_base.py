# SPDX-License-Identifier: Apache-2.0
"""What our samplers share: a space, its costs, and what a study knows of its candidates."""

import abc
import math
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hardware.candidate import Candidate
from mpqsearch.space import Space
from mpqsearch.trials import candidate_of

CostFunction = Callable[[Candidate], Sequence[float] | None]
"""The costs of a candidate, in the order of the study's objectives; None where it does not fit."""

Repeats = Callable[[FrozenTrial], Sequence[float]]
"""The accuracies of a trial's seeds, as far as they are known."""


class Prices:
    """The costs of candidates, each computed once."""

    def __init__(self, costs_of: CostFunction) -> None:
        self._costs_of = costs_of
        self._known: dict[Candidate, tuple[float, ...] | None] = {}

    def __call__(self, candidate: Candidate) -> tuple[float, ...] | None:
        """Costs, or None where the candidate does not fit.

        Raises:
            ValueError: for a cost that is no finite number.
        """
        if candidate not in self._known:
            costs = self._costs_of(candidate)
            if costs is not None and not all(math.isfinite(cost) for cost in costs):
                raise ValueError(f"costs must be finite but are {tuple(costs)} for {candidate}")
            self._known[candidate] = None if costs is None else tuple(map(float, costs))
        return self._known[candidate]

    def fitting(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Those that fit."""
        return [candidate for candidate in candidates if self(candidate) is not None]


@dataclass(frozen=True)
class Scored:
    """A candidate that was trained.

    Attributes:
        candidate: Input length and bits.
        accuracy: 0 to 1, the mean over its seeds.
        seed_accuracies: At each seed, where known.
    """

    candidate: Candidate
    accuracy: float
    seed_accuracies: tuple[float, ...] = ()


@dataclass(frozen=True)
class History:
    """What a study knows.

    Attributes:
        scored: Trained to the end, in the order of the trials.
        running: Begun and not finished.
        tried: Every candidate that had a trial: scored, stopped early, failed, infeasible,
            running, or waiting in the study's queue.
    """

    scored: tuple[Scored, ...]
    running: tuple[Candidate, ...]
    tried: Set[Candidate]


class _Memory:
    """What is known for good of a study's finished trials, so that each is looked at once."""

    def __init__(self) -> None:
        self.read: set[int] = set()
        self.scored: dict[int, Scored] = {}
        self.tried: set[Candidate] = set()

    def keep(self, number: int, candidate: Candidate, scored: Scored | None) -> None:
        self.tried.add(candidate)
        if scored is not None:
            self.scored[number] = scored


class SpaceSampler(BaseSampler):
    """A sampler that proposes whole candidates of a space.

    The study maximizes accuracy, 0 to 1, and minimizes costs: those `costs_of` gives. Trials that
    run count as tried, so that workers and batches do not propose a candidate twice.
    """

    def __init__(
        self,
        space: Space,
        costs_of: CostFunction,
        *,
        seed: int = 0,
        repeats: Repeats | None = None,
    ) -> None:
        """Makes the sampler.

        Args:
            space: What may be proposed.
            costs_of: The costs of a candidate; None where it does not fit.
            seed: Of what is drawn.
            repeats: Gives the accuracies of a trial's seeds.
        """
        self.space = space
        self.prices = Prices(costs_of)
        self.seed = seed
        self._repeats = repeats
        self._proposed: dict[int, Candidate] = {}
        self._memories: dict[str, _Memory] = {}
        self._other = RandomSampler(seed=seed)

    @abc.abstractmethod
    def propose(self, study: Study, trial: FrozenTrial, history: History) -> Candidate:
        """Chooses a candidate that was not tried; any one where all were."""

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The whole space, whatever earlier trials held."""
        del study, trial
        return self.space.distributions()

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Parameters of the candidate that is proposed."""
        del search_space
        _check_directions(study)
        candidate = self.propose(study, trial, self.history(study, trial))
        self._proposed[trial.number] = candidate
        return self.space.parameters(candidate)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """A random value of a parameter that is not in the space."""
        return self._other.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Forgets a proposal: its trial says it now."""
        del study, state, values
        self._proposed.pop(trial.number, None)

    def history(self, study: Study, trial: FrozenTrial) -> History:
        """What the study knows, but for the trial that asks."""
        memory = self._memories.setdefault(study.study_name, _Memory())
        running: list[Candidate] = []
        waiting: list[Candidate] = []
        for one in study.get_trials(deepcopy=False):
            if one.number in memory.read or one.number == trial.number:
                continue
            candidate = self._candidate_of(one)
            if one.state.is_finished():
                memory.read.add(one.number)
                if candidate is not None:
                    memory.keep(one.number, candidate, self._scored(one, candidate))
            elif candidate is not None:
                (running if one.state is TrialState.RUNNING else waiting).append(candidate)
        scored = [memory.scored[number] for number in sorted(memory.scored)]
        return History(tuple(scored), tuple(running), memory.tried.union(running, waiting))

    def _candidate_of(self, trial: FrozenTrial) -> Candidate | None:
        """The candidate of a trial; None where it has none of this space."""
        if trial.state is TrialState.RUNNING and trial.number in self._proposed:
            return self._proposed[trial.number]  # its parameters may not all be asked for yet
        return candidate_of(trial, self.space)

    def _scored(self, trial: FrozenTrial, candidate: Candidate) -> Scored | None:
        """What a finished trial says of its candidate's accuracy; None where it says nothing."""
        if trial.state is not TrialState.COMPLETE or not _feasible(trial):
            return None
        accuracy = trial.values[0]
        if not 0.0 <= accuracy <= 1.0:
            raise ValueError(
                f"accuracy must be in [0, 1] but is {accuracy:g} in trial {trial.number}"
            )
        repeats = () if self._repeats is None else tuple(self._repeats(trial))
        return Scored(candidate, accuracy, repeats)


def _feasible(trial: FrozenTrial) -> bool:
    return all(value <= 0 for value in trial.constraints.values())


def _check_directions(study: Study) -> None:
    first, *others = study.directions
    if first is not StudyDirection.MAXIMIZE or not others or StudyDirection.MAXIMIZE in others:
        named = ", ".join(direction.name.lower() for direction in study.directions)
        raise ValueError(
            "the study's directions must be maximize (accuracy), then minimize for each cost, but"
            f" are {named}"
        )
