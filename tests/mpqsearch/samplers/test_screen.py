# SPDX-License-Identifier: Apache-2.0
"""The screen: what is let through, what is replaced, and by what."""

import random

import pytest

from hardware.candidate import Candidate
from mpqsearch.samplers._base import Prices, Scored
from mpqsearch.samplers.screen import NOISE, Screen, _rings
from mpqsearch.space import Space

SPACE = Space((20, 10), ("conv", "fc"), ((8, 4, 2), (8, 4, 2)))
PRICES = Prices(lambda one: (float(one.input_length), float(sum(one.bits))))
WIDE, NARROW = Candidate(20, (8, 4)), Candidate(10, (4, 4))


def screened(proposal: Candidate, *scored: Scored, prices: Prices = PRICES) -> Candidate:
    known = {one.candidate for one in scored}
    return screen_of(*scored, prices=prices).replaced(proposal, known, random.Random(0))


def screen_of(*scored: Scored, prices: Prices = PRICES, noise: float = NOISE) -> Screen:
    found = Screen(SPACE, prices, noise)
    found.learn(scored)
    return found


def could_enter(candidate: Candidate, scored: list[Scored]) -> bool:
    (found,) = screen_of(*scored).could_enter([candidate])
    return found


def optimistic_accuracy(candidate: Candidate, scored: list[Scored], noise: float) -> float:
    (found,) = screen_of(*scored, noise=noise).optimistic_accuracies([candidate])
    return float(found)


def test_nothing_larger_tried_leaves_everything_possible() -> None:
    """A result with fewer bits in one layer says nothing."""
    assert optimistic_accuracy(WIDE, [Scored(Candidate(20, (8, 2)), 0.3)], 0.01) == 1.0


def test_the_worst_of_those_with_at_least_as_much_bounds_it() -> None:
    """Beyond noise."""
    scored = [Scored(Candidate(20, (8, 8)), 0.9), Scored(WIDE, 0.8)]
    assert optimistic_accuracy(NARROW, scored, 0.01) == pytest.approx(0.81)


def test_a_candidate_that_cannot_beat_a_cheaper_one_is_out() -> None:
    """The bound is 0.8 and noise; a cheaper one has 0.85."""
    scored = [Scored(WIDE, 0.8), Scored(Candidate(10, (2, 2)), 0.85)]
    assert not could_enter(NARROW, scored)


def test_noise_is_granted() -> None:
    """What is within noise of the cheaper one may still enter."""
    scored = [Scored(WIDE, 0.8), Scored(Candidate(10, (2, 2)), 0.803)]
    assert could_enter(NARROW, scored)


def test_a_dearer_one_does_not_keep_it_out() -> None:
    """Dominance needs every cost."""
    scored = [Scored(WIDE, 0.8), Scored(Candidate(20, (2, 2)), 0.99)]
    assert could_enter(NARROW, scored)


def test_a_proposal_that_may_pay_is_kept() -> None:
    """With nothing known, every one."""
    assert all(screened(candidate) == candidate for candidate in SPACE)


def test_a_known_proposal_is_replaced_by_a_neighbour() -> None:
    """One change away."""
    found = screened(WIDE, Scored(WIDE, 0.9))
    changed = [found.input_length != 20, found.bits[0] != 8, found.bits[1] != 4]
    assert sum(changed) == 1


def test_what_does_not_fit_is_replaced() -> None:
    """Costs tell before anything is trained."""
    prices = Prices(lambda one: None if one.input_length == 20 else (1.0, float(sum(one.bits))))
    assert screened(WIDE, prices=prices).input_length == 10


def test_where_all_are_known_the_proposal_stays() -> None:
    """There is nothing to replace it by."""
    assert screened(WIDE, *(Scored(candidate, 0.9) for candidate in SPACE)) == WIDE


def test_what_is_kept_of_many_decides_as_all_of_them() -> None:
    """Against the sentence itself, over every candidate: not one more or less passes."""
    generator = random.Random(5)
    drawn = [Scored(one, round(generator.uniform(0.5, 0.9), 2)) for one in SPACE]
    for count in (1, 4, 9, 17):
        scored = generator.sample(drawn, count)
        for candidate in SPACE:
            above = [
                one.accuracy + NOISE
                for one in scored
                if one.candidate.input_length >= candidate.input_length
                and all(a >= b for a, b in zip(one.candidate.bits, candidate.bits, strict=True))
            ]
            costs = PRICES(candidate) or ()
            beaten = any(
                one.accuracy >= min(above, default=1.0)
                and all(a <= b for a, b in zip(PRICES(one.candidate) or (), costs, strict=True))
                for one in scored
            )
            assert could_enter(candidate, scored) is not beaten


def test_candidates_come_by_their_changes_in_small_and_large_spaces() -> None:
    """Listed or not, all of them, each once, those with fewer changes first."""
    screen = screen_of()
    for found in (
        list(screen._by_changes(WIDE, random.Random(1))),
        list(_rings(SPACE, WIDE, random.Random(1))),
    ):
        assert sorted(found) == sorted(SPACE)
        changes = [
            (one.input_length != WIDE.input_length)
            + sum(a != b for a, b in zip(one.bits, WIDE.bits, strict=True))
            for one in found
        ]
        assert changes == sorted(changes)
