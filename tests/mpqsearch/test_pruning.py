# SPDX-License-Identifier: Apache-2.0
"""Early stopping: what is stopped could not have entered the front, beyond the known spread."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpqsearch.pruning import Judge, RankingRule, SafeRule, Standing, default_floor, ranked

CHEAP, MIDDLE, DEAR = (1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (3.0, 3.0, 3.0)


def judge_of(gains: list[float], floor: float = 0.0) -> Judge:
    """A judge who has seen trainings that rose from 0.5 at the first rung by these gains."""
    judge = Judge(SafeRule(), floor)
    for gain in gains:
        judge.remember((9.0, 9.0, 9.0), {0.0: 0.5, 0.5: 0.5}, 0.5 + gain)
    return judge


def test_a_training_is_stopped_by_a_cheaper_one_that_is_better_by_more_than_delta() -> None:
    """And by none that costs more, or is better by less."""
    here = [Standing(MIDDLE, 0.80)]
    rule = SafeRule()
    assert rule.stops(here, [Standing(CHEAP, 0.91)], 0.1) == [True]
    assert rule.stops(here, [Standing(CHEAP, 0.89)], 0.1) == [False]
    assert rule.stops(here, [Standing(DEAR, 0.99)], 0.1) == [False]
    assert rule.stops(here, [Standing((1.0, 1.0, 2.1), 0.99)], 0.1) == [False]


def test_trainings_of_one_stack_are_compared_with_each_other() -> None:
    """The better and cheaper stops the worse; equals stop nobody."""
    here = [Standing(CHEAP, 0.9), Standing(MIDDLE, 0.5), Standing(CHEAP, 0.9)]
    assert SafeRule().stops(here, [], 0.1) == [False, True, False]


def test_delta_is_three_deviations_of_the_difference_of_two_gains() -> None:
    """Gains of 0.1 and 0.2 in turn deviate by 0.0535; two such differ by sqrt(2) times that."""
    judge = judge_of([0.1, 0.2] * 4)
    assert judge.delta(0.5) == pytest.approx(3 * math.sqrt(2) * 0.0535, rel=1e-3)


def test_nothing_is_stopped_before_eight_trainings_have_finished() -> None:
    """Whose gains nobody knows is not judged; the floor holds from the first training on."""
    here = [Standing(MIDDLE, 0.1)]
    judge = judge_of([0.1] * 7)
    assert judge.stops(0.5, here) == [False]
    judge.remember(CHEAP, {0.5: 0.5}, 0.6)
    assert judge.stops(0.5, here) == [True]
    assert judge_of([], floor=0.3).stops(0.5, here) == [True]


def test_the_floor_spares_what_has_not_trained_yet() -> None:
    """Right after quantizing, two bits may know nothing and still learn."""
    judge = judge_of([], floor=0.3)
    assert judge.stops(0.0, [Standing(MIDDLE, 0.1)]) == [False]
    assert judge.stops(0.1, [Standing(MIDDLE, 0.1)]) == [True]


def test_trainings_that_were_stopped_still_stop_others() -> None:
    """What they reached at a rung was reached, at that cost."""
    judge = judge_of([0.1] * 8)
    judge.remember(CHEAP, {0.5: 0.8}, None)
    assert judge.stops(0.5, [Standing(MIDDLE, 0.7)]) == [True]


@given(
    st.lists(
        st.tuples(st.floats(0, 1), *(st.integers(1, 4).map(float),) * 3), min_size=1, max_size=20
    ),
    st.floats(0, 0.2),
)
def test_the_safe_rule_never_stops_the_front(rows: list[tuple[float, ...]], delta: float) -> None:
    """No training that is on the front at the rung is stopped, whatever delta is."""
    here = [Standing(costs, accuracy) for accuracy, *costs in rows for costs in [tuple(costs)]]
    losses = np.array([(-one.accuracy, *one.costs) for one in here])
    stopped = SafeRule().stops(here, [], delta)
    for index, stop in enumerate(stopped):
        others = np.all(losses <= losses[index], axis=1) & np.any(losses < losses[index], axis=1)
        if not others.any():
            assert not stop


def test_ranking_goes_front_by_front_and_spreads_inside_one() -> None:
    """The ends of a front come before its middle; what is dominated comes last."""
    losses = np.array([[-0.5, 1.0], [-0.7, 2.0], [-0.9, 3.0], [-0.4, 3.5]])
    assert ranked(losses) == [2, 0, 1, 3]


def test_ranking_keeps_its_share() -> None:
    """A third of what was seen at the rung goes on."""
    here = [Standing((float(cost),) * 3, 0.5) for cost in range(1, 7)]
    assert RankingRule(1 / 3).stops(here, [], 0.0) == [False, False, True, True, True, True]


def test_the_default_floor_is_above_guessing() -> None:
    """A tenth of the way from guessing to no error."""
    assert default_floor(4) == pytest.approx(0.325)
    assert default_floor(2) == pytest.approx(0.55)
