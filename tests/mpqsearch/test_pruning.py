# SPDX-License-Identifier: Apache-2.0
"""Early stopping: what is stopped could not have entered the front, beyond the known spread."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpqsearch.pruning import (
    DEVIATIONS,
    Field,
    Judge,
    RankingRule,
    SafeRule,
    Standing,
    default_floor,
    ranked,
)

TENTH = 0.1 / DEVIATIONS / math.sqrt(2)
"""Deviation of forecasts of which two that differ by 0.1 are just far enough apart."""
CHEAP, MIDDLE, DEAR = (1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (3.0, 3.0, 3.0)


STEADY = [(0.5, 0.6), (0.6, 0.7)] * 4


def judge_of(ways: list[tuple[float, float]], floor: float = 0.0) -> Judge:
    """A judge who has seen dear trainings: the accuracy of each at the rung, and at its end."""
    judge = Judge(SafeRule(), floor)
    for here, end in ways:
        judge.remember((9.0, 9.0, 9.0), {0.0: here, 0.5: here}, end)
    return judge


def test_a_training_is_stopped_by_a_cheaper_one_that_is_better_by_more_than_delta() -> None:
    """And by none that costs more, or is better by less."""
    here = [Standing(MIDDLE, 0.80)]
    rule = SafeRule()
    assert rule.stops(here, Field([Standing(CHEAP, 0.91)], deviation=TENTH)) == [True]
    assert rule.stops(here, Field([Standing(CHEAP, 0.89)], deviation=TENTH)) == [False]
    assert rule.stops(here, Field([Standing(DEAR, 0.99)], deviation=TENTH)) == [False]
    assert rule.stops(here, Field([Standing((1.0, 1.0, 2.1), 0.99)], deviation=TENTH)) == [False]


def test_what_has_finished_is_compared_with_by_one_forecast_alone() -> None:
    """Its own accuracy is known, so a smaller lead stops; the dearer one's stops nobody."""
    here, rule = [Standing(MIDDLE, 0.80)], SafeRule()
    lead = 0.1 / math.sqrt(2)
    just, short = Standing(CHEAP, 0.801 + lead), Standing(CHEAP, 0.799 + lead)
    assert rule.stops(here, Field(finished=[just], deviation=TENTH)) == [True]
    assert rule.stops(here, Field(finished=[short], deviation=TENTH)) == [False]
    assert rule.stops(here, Field([just], deviation=TENTH)) == [False]
    assert rule.stops(here, Field(finished=[Standing(DEAR, 0.99)], deviation=TENTH)) == [False]


def test_a_tolerance_stops_what_finished_ones_nearly_equal() -> None:
    """Beside a finished one that costs no more, it must be forecast to gain that much."""
    field = Field(finished=[Standing(CHEAP, 0.90)], deviation=0.001)
    for accuracy, stopped in ((0.9015, True), (0.9025, False)):
        assert SafeRule(0.005).stops([Standing(MIDDLE, accuracy)], field) == [stopped]
    assert SafeRule().stops([Standing(MIDDLE, 0.9015)], field) == [False]


def test_a_tolerance_grants_nothing_to_what_has_not_finished() -> None:
    """Two that are as good must not stop each other."""
    here = [Standing(CHEAP, 0.9), Standing(CHEAP, 0.9)]
    assert SafeRule(0.1).stops(here, Field([Standing(CHEAP, 0.9)])) == [False, False]


def test_the_judge_knows_who_has_finished() -> None:
    """Only trainings that came to their end count as such."""
    for final, stopped in ((0.7, True), (None, False)):
        judge = Judge(SafeRule(0.05), 0.0)
        for here, end in STEADY:
            judge.remember(DEAR, {0.5: here}, end)
        judge.remember(CHEAP, {0.5: 0.6}, final)
        assert judge.stops(0.5, [Standing(MIDDLE, 0.62)]) == [stopped]


def test_trainings_of_one_stack_are_compared_with_each_other() -> None:
    """The better and cheaper stops the worse; equals stop nobody."""
    here = [Standing(CHEAP, 0.9), Standing(MIDDLE, 0.5), Standing(CHEAP, 0.9)]
    assert SafeRule().stops(here, Field(deviation=TENTH)) == [False, True, False]


def test_the_forecast_is_the_straight_line_through_what_finished() -> None:
    """Least squares; what ended beside it makes the deviation."""
    found = judge_of([(0.2, 0.9), (0.8, 0.96)] * 4).forecast(0.5)
    assert found is not None
    assert found.slope == pytest.approx(0.1)
    assert found.level == pytest.approx(0.88)
    assert found.deviation == pytest.approx(0.0, abs=1e-9)
    spread = judge_of([(0.5, 0.9), (0.5, 0.92)] * 4).forecast(0.5)
    assert spread is not None
    assert (spread.slope, spread.level) == (0.0, pytest.approx(0.91))
    assert spread.deviation == pytest.approx(0.01 * math.sqrt(8 / 6))


def test_who_stands_higher_is_never_forecast_to_end_lower() -> None:
    """A falling line, which only chance can draw, is taken for a level one."""
    found = judge_of([(0.5, 0.9), (0.6, 0.8)] * 4).forecast(0.5)
    assert found is not None
    assert found.slope == 0.0


def test_narrow_weights_that_win_their_loss_back_are_spared() -> None:
    """At 0.37 after quantizing, to end near 0.97: not far enough behind one forecast at 0.98."""
    judge = judge_of([(0.37, 0.965), (0.37, 0.975), (0.96, 0.98), (0.96, 0.99)] * 3)
    judge.remember(CHEAP, {0.0: 0.96}, None)
    assert judge.stops(0.0, [Standing(MIDDLE, 0.37)]) == [False]
    assert SafeRule().stops([Standing(MIDDLE, 0.37)], Field([Standing(CHEAP, 0.96)])) == [True]


def test_nothing_is_stopped_before_eight_trainings_have_finished() -> None:
    """What a rung says of the end is not known before; the floor holds from the first one on."""
    here = [Standing(MIDDLE, 0.3)]
    judge = judge_of(STEADY[:7])
    judge.remember(CHEAP, {0.5: 0.6}, None)
    assert judge.stops(0.5, here) == [False]
    judge.remember(DEAR, {0.5: 0.6}, 0.7)
    assert judge.stops(0.5, here) == [True]
    assert judge_of([], floor=0.4).stops(0.5, here) == [True]


def test_the_floor_spares_what_has_not_trained_yet() -> None:
    """Right after quantizing, two bits may know nothing and still learn."""
    judge = judge_of([], floor=0.3)
    assert judge.stops(0.0, [Standing(MIDDLE, 0.1)]) == [False]
    assert judge.stops(0.1, [Standing(MIDDLE, 0.1)]) == [True]


def test_trainings_that_were_stopped_still_stop_others() -> None:
    """What they reached at a rung was reached, at that cost."""
    judge = judge_of(STEADY)
    judge.remember(CHEAP, {0.5: 0.8}, None)
    assert judge.stops(0.5, [Standing(MIDDLE, 0.7)]) == [True]
    assert judge.stops(0.5, [Standing(MIDDLE, 0.8)]) == [False]


@given(
    st.lists(
        st.tuples(st.floats(0, 1), *(st.integers(1, 4).map(float),) * 3), min_size=1, max_size=20
    ),
    st.floats(0, 0.2),
)
def test_the_safe_rule_never_stops_the_front(
    rows: list[tuple[float, ...]], deviation: float
) -> None:
    """No training that is on the front at the rung is stopped, however forecasts scatter."""
    here = [Standing(costs, accuracy) for accuracy, *costs in rows for costs in [tuple(costs)]]
    losses = np.array([(-one.accuracy, *one.costs) for one in here])
    stopped = SafeRule().stops(here, Field(deviation=deviation))
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
    assert RankingRule(1 / 3).stops(here, Field()) == [False, False, True, True, True, True]


def test_the_default_floor_is_above_guessing() -> None:
    """A tenth of the way from guessing to no error."""
    assert default_floor(4) == pytest.approx(0.325)
    assert default_floor(2) == pytest.approx(0.55)
