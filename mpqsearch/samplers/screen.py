# SPDX-License-Identifier: Apache-2.0
"""Proposals that cannot pay are replaced before they cost a training."""

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence, Set

import numpy as np
from numpy.typing import NDArray
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hardware.candidate import Candidate
from mpqsearch.samplers._base import CostFunction, History, Prices, Repeats, Scored, SpaceSampler
from mpqsearch.samplers.pool import LISTED, neighbours
from mpqsearch.samplers.proposal import proposed_parameters
from mpqsearch.space import Space

NOISE = 0.005
"""Accuracy by which one seed may flatter a candidate.

Source: twice the seed-to-seed standard deviation of good candidates of the indoor sweep, 0.0025.
"""

LOOKED_AT = 2000
"""Candidates looked at for a replacement before a random one is taken."""
LOOKED_AT_ONCE = 32
"""Candidates compared with the front in one go; the first ones often pass."""

Floats = NDArray[np.float64]


class _Bounds:
    """Rows of numbers, of which only those are kept that no other row makes needless.

    A row is needless beside one that is nowhere larger.
    """

    def __init__(self, columns: int) -> None:
        self.rows: Floats = np.empty((0, columns))

    def add(self, row: Sequence[float]) -> None:
        new = np.array(row)
        if not (self.rows <= new).all(axis=1).any():
            needed = self.rows[~(new <= self.rows).all(axis=1)]
            self.rows = np.vstack([needed, new])


class Screen:
    """Says which candidates may enter the front of what was trained, and what to try instead.

    A candidate is taken to reach no more, beyond noise, than the least accurate of those with at
    least its bits in every layer and at least its input length. Where one that costs no more has
    reached that, it cannot enter.
    """

    def __init__(self, space: Space, prices: Prices, noise: float = NOISE) -> None:
        """Makes a screen that knows nothing yet.

        Args:
            space: What may be proposed.
            prices: Costs of candidates.
            noise: Accuracy by which one seed may flatter a candidate.
        """
        self.space = space
        self.prices = prices
        self.noise = noise
        self._learnt: set[Candidate] = set()
        # (-length, -bits..., accuracy): who reached little with much
        self._ceilings = _Bounds(2 + len(space.layer_bits))
        # (-accuracy, costs...): the front
        self._front: _Bounds | None = None
        self._listed = list(space) if space.size <= LISTED else None
        self._features = None if self._listed is None else _features(self._listed)

    def learn(self, scored: Iterable[Scored]) -> None:
        """Takes in what was trained; what it knows already is passed over."""
        for one in scored:
            if one.candidate in self._learnt:
                continue
            self._learnt.add(one.candidate)
            less = (-value for value in _feature(one.candidate))
            self._ceilings.add((*less, one.accuracy))
            costs = self.prices(one.candidate)
            if costs is not None:
                self._front = self._front or _Bounds(1 + len(costs))
                self._front.add((-one.accuracy, *costs))

    def optimistic_accuracies(self, candidates: Sequence[Candidate]) -> Floats:
        """What candidates may reach at best, 0 to 1, (candidates,).

        1 where nothing at least as large was trained.
        """
        ceilings = self._ceilings.rows
        if not len(ceilings):
            return np.ones(len(candidates))
        above = (-ceilings[None, :, :-1] >= _features(candidates)[:, None]).all(axis=2)
        reached = np.where(above, ceilings[:, -1] + self.noise, np.inf).min(axis=1)
        return np.where(np.isinf(reached), 1.0, reached)

    def could_enter(self, candidates: Sequence[Candidate]) -> list[bool]:
        """Whether each candidate fits and may enter the front at its optimistic accuracy."""
        fits = [one for one in candidates if self.prices(one) is not None]
        passed = set(fits)
        if fits and self._front is not None:
            costs = np.array([self.prices(one) for one in fits])
            losses = np.column_stack([-self.optimistic_accuracies(fits), costs])
            beaten = np.any(np.all(self._front.rows[None] <= losses[:, None], axis=2), axis=1)
            passed -= {one for one, out in zip(fits, beaten.tolist(), strict=True) if out}
        return [one in passed for one in candidates]

    def replaced(
        self, proposal: Candidate, known: Set[Candidate], generator: random.Random
    ) -> Candidate:
        """The proposal where it may pay, else the nearest candidate that may.

        Args:
            proposal: What a sampler proposed.
            known: Everything tried, running too.
            generator: Breaks ties between those equally near.

        Returns:
            The candidate with the fewest changes that is not known, fits and may enter the front;
            where there is none near, an untried one that fits; the proposal where all are known.
        """
        near = itertools.islice(self._by_changes(proposal, generator), LOOKED_AT)
        while some := list(itertools.islice(near, LOOKED_AT_ONCE)):
            untried = [one for one in some if one not in known]
            for one, passes in zip(untried, self.could_enter(untried), strict=True):
                if passes:
                    return one
        refused = set(known)
        for _ in range(LOOKED_AT):
            drawn = self.space.draw_untried(refused, generator)
            if drawn is None or self.prices(drawn) is not None:
                return drawn or proposal
            refused.add(drawn)
        return proposal

    def _by_changes(self, start: Candidate, generator: random.Random) -> Iterator[Candidate]:
        """Candidates by the number of changes from one, the same number in random order."""
        if self._listed is None or self._features is None:
            yield from _rings(self.space, start, generator)
            return
        changes = (self._features != _feature(start)).sum(axis=1)
        chance = [generator.random() for _ in self._listed]
        for at in np.lexsort((chance, changes)):
            yield self._listed[at]


def _feature(candidate: Candidate) -> tuple[int, ...]:
    return candidate.input_length, *candidate.bits


def _features(candidates: Sequence[Candidate]) -> Floats:
    """Input lengths and bits, (candidates, 1 + layers)."""
    return np.array([_feature(one) for one in candidates], dtype=np.float64)


class ScreenedSampler(SpaceSampler):
    """Another sampler, whose proposals pass the screen first."""

    def __init__(
        self,
        sampler: BaseSampler,
        space: Space,
        costs_of: CostFunction,
        *,
        seed: int = 0,
        repeats: Repeats | None = None,
        noise: float = NOISE,
    ) -> None:
        """Makes the sampler.

        Args:
            sampler: Whose proposals are screened.
            space: What may be proposed.
            costs_of: The costs of a candidate; None where it does not fit.
            seed: Of the replacements.
            repeats: Gives the accuracies of a trial's seeds.
            noise: Accuracy by which one seed may flatter a candidate.
        """
        super().__init__(space, costs_of, seed=seed, repeats=repeats)
        self.sampler = sampler
        self._noise = noise
        self._screens: dict[str, Screen] = {}

    def propose(self, study: Study, trial: FrozenTrial, history: History) -> Candidate:
        """The other sampler's proposal, or what is tried in its place."""
        screen = self._screen_of(study)
        screen.learn(history.scored)
        distributions = self.space.distributions()
        proposed = proposed_parameters(self.sampler, study, trial, distributions)
        generator = random.Random(f"{self.seed} {len(history.tried)}")
        return screen.replaced(self.space.candidate(proposed), history.tried, generator)

    def _screen_of(self, study: Study) -> Screen:
        if study.study_name not in self._screens:
            self._screens[study.study_name] = Screen(self.space, self.prices, self._noise)
        return self._screens[study.study_name]

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Lets the other sampler prepare."""
        self.sampler.before_trial(study, trial)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Lets the other sampler learn."""
        self.sampler.after_trial(study, trial, state, values)
        super().after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Gives the other sampler new random numbers."""
        self.sampler.reseed_rng()


def _rings(space: Space, start: Candidate, generator: random.Random) -> Iterator[Candidate]:
    """Candidates by the number of changes from one, where a space is too large to list."""
    seen, ring = {start}, [start]
    while ring:
        yield from ring
        following = {near for one in ring for near in neighbours(space, one)} - seen
        seen |= following
        ring = sorted(following)
        generator.shuffle(ring)
