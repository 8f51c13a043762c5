# SPDX-License-Identifier: Apache-2.0
"""Proposals that cannot pay are replaced before they cost a training."""

import random
from collections.abc import Iterator, Sequence, Set

from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hardware.candidate import Candidate
from mpqsearch.samplers._base import CostFunction, History, Prices, Repeats, Scored, SpaceSampler
from mpqsearch.samplers.pool import neighbours
from mpqsearch.samplers.proposal import proposed_parameters
from mpqsearch.space import Space

NOISE = 0.005
"""Accuracy by which one seed may flatter a candidate.

Source: twice the seed-to-seed standard deviation of good candidates of the indoor sweep, 0.0025.
"""

LOOKED_AT = 2000
"""Candidates looked at for a replacement before a random one is taken."""


def optimistic_accuracy(candidate: Candidate, scored: Sequence[Scored], noise: float) -> float:
    """What a candidate may reach at best, 0 to 1.

    No better, beyond noise, than the worst of those with at least its bits in every layer and at
    least its input length; 1 where there is none.
    """
    return min(
        (one.accuracy + noise for one in scored if _at_least(one.candidate, candidate)), default=1.0
    )


def could_enter(
    candidate: Candidate, scored: Sequence[Scored], prices: Prices, noise: float = NOISE
) -> bool:
    """Whether a candidate fits and may enter the front at its optimistic accuracy."""
    costs = prices(candidate)
    if costs is None:
        return False
    reach = optimistic_accuracy(candidate, scored, noise)
    for one in scored:
        theirs = prices(one.candidate)
        if theirs is None or one.accuracy < reach:
            continue
        if all(their <= mine for their, mine in zip(theirs, costs, strict=True)):
            return False
    return True


def known_cost_screen(
    space: Space,
    proposal: Candidate,
    scored: Sequence[Scored],
    known: Set[Candidate],
    prices: Prices,
    *,
    generator: random.Random,
    noise: float = NOISE,
) -> Candidate:
    """The proposal where it may pay, else the nearest candidate that may.

    Args:
        space: What may be proposed.
        proposal: What a sampler proposed.
        scored: What was trained to the end.
        known: Everything tried, running too.
        prices: Costs of candidates.
        generator: Breaks ties between those equally near.
        noise: Accuracy by which one seed may flatter a candidate.

    Returns:
        The candidate with the fewest changes that is not known, fits and may enter the front;
        where there is none near, an untried one that fits; the proposal where all are known.
    """
    for at, candidate in enumerate(_by_changes(space, proposal, generator)):
        if candidate not in known and could_enter(candidate, scored, prices, noise):
            return candidate
        if at >= LOOKED_AT:
            break
    refused = set(known)
    for _ in range(LOOKED_AT):
        drawn = space.draw_untried(refused, generator)
        if drawn is None or prices(drawn) is not None:
            return drawn or proposal
        refused.add(drawn)
    return proposal


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

    def propose(self, study: Study, trial: FrozenTrial, history: History) -> Candidate:
        """The other sampler's proposal, or what is tried in its place."""
        distributions = self.space.distributions()
        proposed = proposed_parameters(self.sampler, study, trial, distributions)
        return known_cost_screen(
            self.space,
            self.space.candidate(proposed),
            history.scored,
            history.tried,
            self.prices,
            generator=random.Random(f"{self.seed} {len(history.tried)}"),
            noise=self._noise,
        )

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


def _at_least(larger: Candidate, smaller: Candidate) -> bool:
    """Whether one has at least the other's length and its bits in every layer."""
    return larger.input_length >= smaller.input_length and all(
        wide >= narrow for wide, narrow in zip(larger.bits, smaller.bits, strict=True)
    )


def _by_changes(space: Space, start: Candidate, generator: random.Random) -> Iterator[Candidate]:
    """Candidates by the number of changes from one, the same number in random order."""
    seen, ring = {start}, [start]
    while ring:
        yield from ring
        following = {near for one in ring for near in neighbours(space, one)} - seen
        seen |= following
        ring = sorted(following)
        generator.shuffle(ring)
