# SPDX-License-Identifier: Apache-2.0
"""A recorded sweep as the objective: how soon a sampler finds its front."""

import enum
import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from hardware.candidate import Candidate
from hardware.nearest import nearest_of
from mpqsearch.coordinates import Coordinates
from mpqsearch.errors import StudyError
from mpqsearch.hypervolume import front_mask, hypervolume
from mpqsearch.samplers._base import CostFunction
from mpqsearch.samplers.factory import SAMPLERS, make_sampler
from mpqsearch.space import Space
from mpqsearch.sweep import Recording

Floats = NDArray[np.float64]

SHARES = (0.95, 0.99, 0.999)
"""Shares of the whole table's hypervolume whose runs are counted."""

BAND = (5, 95)
"""Percentiles over the searches that a band goes between."""

REPEATS_IN_A_ROW = 5
"""Known candidates a sampler may propose before an untried one is drawn, as in a study."""

SIFTED = 2000
"""Candidates of a large space whose front sifts the others."""

PLAIN_NSGA2 = "nsga2 plain"
"""NSGA-II without the screen for proposals that cannot pay."""

REPLAYED = (*SAMPLERS, PLAIN_NSGA2)
"""Names of the samplers that can search a sweep."""

SEED_ACCURACIES = "seed_accuracies"


class Seeds(enum.Enum):
    """What a run trains; the value is its name on the command line."""

    ONE = "one"
    ALL = "all"

    def trained(
        self, sweep: Recording, candidate: Candidate, generator: random.Random
    ) -> list[int]:
        """Seeds of one run: one of the candidate's at random, or all of them."""
        known = sweep.seeds_of(candidate)
        return [generator.choice(known)] if self is Seeds.ONE else list(known)


@dataclass(frozen=True)
class Target:
    """What is searched, and how what is found is measured.

    Attributes:
        sweep: What is searched instead of trained.
        costs_of: Costs of its candidates, in the order of the coordinates.
        coordinates: What the hypervolume is measured in.
    """

    sweep: Recording
    costs_of: CostFunction
    coordinates: Coordinates

    @cached_property
    def whole(self) -> float:
        """Hypervolume of all candidates together.

        Raises:
            StudyError: where none lies within the coordinates.
        """
        errors, costs = self.losses(self.sweep.space)
        losses = np.column_stack([errors, costs])
        generator = np.random.default_rng(0)
        while len(losses) > SIFTED:  # what a few beat need not be looked at one by one
            chosen = losses[generator.permutation(len(losses))[:SIFTED]]
            kept = np.ones(len(losses), dtype=bool)
            for other in chosen[front_mask(chosen)]:
                kept &= (losses < other).any(axis=1) | (losses == other).all(axis=1)
            if kept.all():
                break
            losses = losses[kept]
        volume = hypervolume(losses[:, 0], losses[:, 1:])
        if volume <= 0:
            raise StudyError(
                "no candidate of the sweep has an error below"
                f" {self.coordinates.worst_error:.0%} and costs within the coordinates; there is no"
                " front to find"
            )
        return volume

    def losses(self, candidates: Iterable[Candidate]) -> tuple[Floats, Floats]:
        """Errors (candidates,) and costs (candidates, axes), scaled, by the mean accuracies."""
        rows = [(self.sweep.mean_accuracy(one), *(self.costs_of(one) or ())) for one in candidates]
        table = np.array(rows, dtype=np.float64)
        return self.coordinates.error_losses(table[:, 0]), self.coordinates.cost_losses(
            table[:, 1:]
        )

    def shares(self, found: Sequence[Candidate], runs: int) -> Floats:
        """Share of the whole that is found after each of so many runs, (runs,)."""
        errors, costs = self.losses(found)
        losses = np.column_stack([errors, costs])
        shares = np.empty(runs)
        front: list[int] = []
        share = 0.0
        for at, loss in enumerate(losses):
            if not any((losses[other] <= loss).all() for other in front):
                front = [other for other in front if not (loss <= losses[other]).all()]
                front.append(at)
                found_volume = hypervolume(errors[front], costs[front])
                share = max(share, found_volume / self.whole)  # rounding takes nothing away
            shares[at] = share
        shares[len(losses) :] = share
        return shares


@dataclass(frozen=True)
class Searched:
    """One search of a sweep.

    Attributes:
        shares: Hypervolume found after each run, of the whole table's, (runs,), by the mean
            accuracies over all seeds, which the sampler never saw.
        train_seconds: Recorded training time up to each run, (runs,); NaN where it is not known.
        proposal_seconds: Wall time of each proposal.
    """

    shares: Floats
    train_seconds: Floats
    proposal_seconds: tuple[float, ...]


@dataclass(frozen=True)
class Replay:
    """How soon a sampler found the front, over several searches.

    Attributes:
        shares: Of each search after each run, (repeats, runs).
        train_seconds: The same of the simulated clock.
        proposal_seconds: Median wall time of a proposal.
    """

    shares: Floats
    train_seconds: Floats
    proposal_seconds: float

    @classmethod
    def of(cls, searches: Sequence[Searched]) -> "Replay":
        """Takes searches of one sampler together."""
        return cls(
            shares=np.stack([one.shares for one in searches]),
            train_seconds=np.stack([one.train_seconds for one in searches]),
            proposal_seconds=float(
                np.median([second for one in searches for second in one.proposal_seconds])
            ),
        )

    @property
    def median(self) -> Floats:
        """Median over the searches, (runs,)."""
        return np.asarray(np.median(self.shares, axis=0))

    @property
    def band(self) -> tuple[Floats, Floats]:
        """The 5th and 95th percentile over the searches, (runs,) each."""
        low, high = np.percentile(self.shares, BAND, axis=0)
        return low, high

    @property
    def median_seconds(self) -> Floats:
        """Median of the simulated clock after each run, (runs,)."""
        return np.asarray(np.median(self.train_seconds, axis=0))

    def runs_to(self, share: float) -> int | None:
        """Runs after which the median reaches a share of the whole; None where it does not."""
        reached = np.flatnonzero(self.median >= share)
        return int(reached[0]) + 1 if len(reached) else None

    def seconds_to(self, share: float) -> float | None:
        """Simulated time after which the median reaches a share; None where it does not.

        The median is that of what each search has found by then, so it is no run's own time.
        """
        if np.isnan(self.train_seconds).any():
            return None
        moments = np.unique(self.train_seconds)
        by_then = np.empty((len(self.shares), len(moments)))
        for at, (shares, seconds) in enumerate(zip(self.shares, self.train_seconds, strict=True)):
            done = np.searchsorted(seconds, moments, side="right")
            by_then[at] = np.concatenate([[0.0], shares])[done]
        reached = np.flatnonzero(np.median(by_then, axis=0) >= share)
        return float(moments[reached[0]]) if len(reached) else None


def sampler_of(name: str, target: Target) -> Callable[[int], BaseSampler]:
    """Makes samplers of one of the names in REPLAYED from their seeds.

    Raises:
        StudyError: for a name that is none.
    """
    if name not in REPLAYED:
        raise StudyError(
            f"sampler must be one of {', '.join(REPLAYED)} but is {name!r}"
            f"{nearest_of(name, REPLAYED)}"
        )
    plain = name == PLAIN_NSGA2

    def make(seed: int) -> BaseSampler:
        return make_sampler(
            "nsga2" if plain else name,
            target.sweep.space,
            _within(target.sweep.space, target.costs_of),
            seed=seed,
            screen=not plain,
            repeats=_seed_accuracies,
        )

    return make


def replay(
    target: Target,
    sampler_of: Callable[[int], BaseSampler],
    *,
    runs: int,
    repeats: int,
    seeds: Seeds = Seeds.ONE,
    first_seed: int = 0,
) -> Iterator[Searched]:
    """Lets a sampler search a sweep, several times.

    Each run is one candidate: the sampler is told its accuracy at one random seed, or the mean of
    all. As in a study, a candidate proposed again costs no training and is told as pruned, and
    after five in a row an untried one is drawn. A proposal the sweep does not have is told as
    pruned too, and the nearest untried candidate is taken in its place.

    Args:
        target: What is searched.
        sampler_of: Makes a sampler from a seed: the first seed, the next one, ...
        runs: Runs of each search; what is found stays the same once all candidates were run.
        repeats: Searches.
        seeds: What a run trains.
        first_seed: Of the first search: of its sampler, and of what is drawn.
    """
    for seed in range(first_seed, first_seed + repeats):
        yield _Search(target, sampler_of(seed), seeds, random.Random(seed)).run(runs)


class _Search:
    """One search of a sweep."""

    def __init__(
        self, target: Target, sampler: BaseSampler, seeds: Seeds, generator: random.Random
    ) -> None:
        self._target = target
        self._seeds = seeds
        self._random = generator
        axes = len(target.coordinates.axes)
        directions = [StudyDirection.MAXIMIZE] + [StudyDirection.MINIMIZE] * axes
        self._study = optuna.create_study(directions=directions, sampler=sampler)
        self._found: dict[Candidate, float] = {}
        self._proposals: list[float] = []
        self._queued = False

    def run(self, runs: int) -> Searched:
        """Runs until so many candidates were run, or all."""
        space = self._target.sweep.space
        repeated = 0
        while len(self._found) < min(runs, space.size):
            trial = self._ask()
            candidate = space.candidate(trial.params)
            if candidate in space and candidate not in self._found:
                repeated = 0
                self._tell(trial, candidate)
                continue
            self._study.tell(trial, state=TrialState.PRUNED)
            repeated += 1
            if candidate not in space:
                self._enqueue(nearest_untried(space, candidate, self._found.keys(), self._random))
            elif repeated >= REPEATS_IN_A_ROW:
                self._enqueue(space.draw_untried(self._found.keys(), self._random) or candidate)
        seconds = np.cumsum(list(self._found.values()))
        return Searched(
            self._target.shares(list(self._found), runs),
            np.concatenate([seconds, np.full(runs - len(seconds), seconds[-1])]),
            tuple(self._proposals),
        )

    def _ask(self) -> Trial:
        begun = perf_counter()
        trial = self._study.ask(self._target.sweep.space.distributions())
        if not self._queued:  # else it was no proposal
            self._proposals.append(perf_counter() - begun)
        self._queued = False
        return trial

    def _enqueue(self, candidate: Candidate) -> None:
        self._queued = True
        self._study.enqueue_trial(self._target.sweep.space.parameters(candidate))

    def _tell(self, trial: Trial, candidate: Candidate) -> None:
        sweep = self._target.sweep
        trained = self._seeds.trained(sweep, candidate, self._random)
        accuracies = [sweep.accuracy(candidate, seed) for seed in trained]
        trial.set_user_attr(SEED_ACCURACIES, accuracies)
        accuracy = math.fsum(accuracies) / len(accuracies)
        self._study.tell(trial, (accuracy, *(self._target.costs_of(candidate) or ())))
        self._found[candidate] = sum(sweep.train_seconds(candidate, seed) for seed in trained)


def nearest_untried(
    space: Space, wanted: Candidate, known: Iterable[Candidate], generator: random.Random
) -> Candidate:
    """The untried candidate with the fewest changes from one that is not there.

    Args:
        space: At least one of its candidates is untried.
        wanted: What is not in it.
        known: What was tried.
        generator: Chooses among those equally near.
    """
    tried = frozenset(known)
    nearest: list[Candidate] = []
    fewest = math.inf
    for candidate in space:
        if candidate in tried:
            continue
        changes = sum(map(int.__ne__, candidate.bits, wanted.bits))
        changes += candidate.input_length != wanted.input_length
        if changes < fewest:
            nearest, fewest = [], changes
        if changes == fewest:
            nearest.append(candidate)
    return generator.choice(nearest)


def _within(space: Space, costs_of: CostFunction) -> CostFunction:
    """Costs for samplers: a candidate that the sweep does not have does not fit."""
    return lambda candidate: costs_of(candidate) if candidate in space else None


def _seed_accuracies(trial: FrozenTrial) -> list[float]:
    """What a run's seeds gave."""
    found: list[float] = trial.user_attrs[SEED_ACCURACIES]
    return found
