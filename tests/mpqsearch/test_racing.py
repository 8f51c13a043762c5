# SPDX-License-Identifier: Apache-2.0
"""The race for further seeds: how far accuracies scatter, and who is beaten beyond doubt."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpqsearch.racing import FEWEST_DEGREES, Runner, may_be_on_front, spread

CHEAP, MIDDLE, DEAR = (1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (3.0, 3.0, 3.0)


def crossing(count: int, shift: float = 0.0) -> list[Runner]:
    """Runners with two seeds: every second one is 0.02 better at one of them, so 0.01 on average.

    Args:
        count: How many, each 0.03 less accurate than the one before.
        shift: What the second seed adds to everybody.
    """
    return [
        Runner(CHEAP, (0.9 - 0.03 * one + 0.02 * (one % 2), 0.9 - 0.03 * one + shift))
        for one in range(count)
    ]


def test_spread_is_that_of_neighbours_at_the_same_seed() -> None:
    """Differences of 0.01 and 0.03, or 0.03 and 0.05, deviate by 0.02 / sqrt(2)."""
    assert spread(crossing(9), 100) == pytest.approx(0.02 / math.sqrt(2))


def test_what_a_seed_does_to_all_is_no_spread() -> None:
    """A seed that takes 20 points from everybody changes no difference."""
    assert spread(crossing(9, shift=-0.2), 100) == pytest.approx(spread(crossing(9), 100))


def test_runners_with_one_seed_say_nothing_of_the_spread() -> None:
    """Also where they stand between others."""
    between = [Runner(CHEAP, (0.9 - 0.03 * one - 0.01,)) for one in range(9)]
    assert spread([*between, *crossing(9)], 100) == spread(crossing(9), 100)


def test_seeds_that_not_all_have_are_left_out() -> None:
    """A third seed of every other runner has no neighbour to be compared with."""
    longer = [
        Runner(one.costs, (*one.accuracies, sum(one.accuracies) / 2)) if number % 2 else one
        for number, one in enumerate(crossing(9))
    ]
    assert spread(longer, 100) == pytest.approx(spread(crossing(9), 100))


@pytest.mark.parametrize("seeds", [1, 2])
def test_few_seeds_are_not_trusted(seeds: int) -> None:
    """Two that agree by chance would make the spread 0: it is that of shares of 200 samples."""
    few = [Runner(CHEAP, (0.9,) * seeds)] * FEWEST_DEGREES
    assert spread(few, 200) == pytest.approx(math.sqrt(2 * 0.9 * 0.1 / 200))
    assert spread([], 200) == pytest.approx(math.sqrt(2 * 0.5 * 0.5 / 200))


def test_a_perfect_accuracy_leaves_doubt() -> None:
    """100 of 100 samples right: one wrong is allowed for."""
    assert spread([Runner(CHEAP, (1.0,))], 100) == pytest.approx(math.sqrt(2 * 0.99 * 0.01 / 100))


@given(st.floats(0.1, 1), st.integers(2, 10_000), st.integers(2, 10_000))
def test_more_samples_say_more(accuracy: float, one: int, other: int) -> None:
    """Of one accuracy, chance does less to a larger validation split."""
    few, many = sorted((one, other))
    runners = [Runner(CHEAP, (accuracy,))]
    if accuracy <= 1 - 1 / few:  # beyond, the split cannot tell it from 1
        assert spread(runners, many) <= spread(runners, few)
    assert spread(runners, few) > 0


def test_a_lead_of_two_errors_at_no_more_cost_ends_the_race() -> None:
    """Less than that, or a higher cost in anything, does not."""
    me = Runner(MIDDLE, (0.80,))
    assert not may_be_on_front(me, [Runner(CHEAP, (0.85,))], 0.02)
    assert not may_be_on_front(me, [Runner(MIDDLE, (0.85,))], 0.02)
    assert may_be_on_front(me, [Runner(CHEAP, (0.83,))], 0.02)
    assert may_be_on_front(me, [Runner(DEAR, (0.99,))], 0.02)
    assert may_be_on_front(me, [Runner((1.0, 1.0, 2.1), (0.99,))], 0.02)


def test_a_lead_counts_more_with_every_seed() -> None:
    """0.03 at a deviation of 0.02 is chance at one seed, and none at four."""
    for seeds, races_on in ((1, True), (4, False)):
        ahead, me = Runner(CHEAP, (0.83,) * seeds), Runner(MIDDLE, (0.80,) * seeds)
        assert may_be_on_front(me, [ahead], 0.02) is races_on


def test_only_seeds_in_common_are_compared() -> None:
    """One that was lucky at the first seed is held to the other's first seed."""
    me = Runner(MIDDLE, (0.80,))
    assert not may_be_on_front(me, [Runner(CHEAP, (0.90, 0.10, 0.10))], 0.02)


runners = st.builds(
    Runner,
    st.tuples(*(st.integers(1, 4).map(float),) * 3),
    st.lists(st.floats(0, 1), min_size=1, max_size=4).map(tuple),
)


@given(runners, st.lists(runners, max_size=10), st.floats(0, 0.5), st.floats(0, 0.5))
def test_more_noise_never_drops_more(
    me: Runner, others: list[Runner], one: float, other: float
) -> None:
    """Who races on at a deviation does so at every larger one."""
    low, high = sorted((one, other))
    if may_be_on_front(me, others, low):
        assert may_be_on_front(me, others, high)


@given(runners, st.lists(runners, max_size=10), st.floats(0, 0.5))
def test_the_cheapest_always_races_on(me: Runner, others: list[Runner], deviation: float) -> None:
    """Nobody is as cheap as what costs least, so nobody can beat it."""
    assert may_be_on_front(Runner((0.5, 0.5, 0.5), me.accuracies), others, deviation)


@given(st.lists(runners, min_size=1, max_size=10), st.floats(0, 0.5))
def test_somebody_always_races_on(all_of_them: list[Runner], deviation: float) -> None:
    """The best at the first seed, among those with one seed, is beaten by none of them."""
    first = [Runner(one.costs, one.accuracies[:1]) for one in all_of_them]
    best = max(first, key=lambda one: one.accuracies)
    assert may_be_on_front(best, first, deviation)


@given(runners, st.lists(runners, max_size=10), st.floats(0, 0.5))
def test_nobody_races_against_himself(me: Runner, others: list[Runner], deviation: float) -> None:
    """Among the others or not, the answer is the same."""
    alone = may_be_on_front(me, others, deviation)
    assert may_be_on_front(me, [me, *others], deviation) is alone
