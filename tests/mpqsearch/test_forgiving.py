# SPDX-License-Identifier: Apache-2.0
"""The forgiving factor weighs accuracy against cost as AutoQKeras does."""

import math
from typing import Any

import pytest

from mpqsearch.errors import StudyError
from mpqsearch.forgiving import forgiving_score


@pytest.mark.parametrize(
    ("cost", "score"),
    [
        (1000.0, 0.9),  # the reference itself
        (500.0, 0.9 * 1.08),  # half: 8 % more
        (250.0, 0.9 * 1.16),  # a quarter: 16 %
        (2000.0, 0.9 * 0.92),  # twice: 8 % less
    ],
)
def test_each_halving_counts_eight_percent(cost: float, score: float) -> None:
    """By AutoQKeras' own defaults, relative to the accuracy."""
    assert forgiving_score(0.9, cost, 1000.0) == pytest.approx(score, rel=1e-12)


def test_each_side_has_its_own_percent() -> None:
    """delta_p rewards what is cheaper, delta_n punishes what is dearer; stress moves the border."""
    found = [
        forgiving_score(1.0, cost, 100.0, delta_p=5.0, delta_n=20.0, rate=10.0, stress=0.1)
        for cost in (1.0, 10.0, 100.0)
    ]
    assert found == pytest.approx([1.05, 1.0, 0.8], rel=1e-12)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"accuracy": 99.2}, "accuracy must be in [0, 1] but is 99.2"),
        ({"accuracy": math.nan}, "accuracy must be in [0, 1] but is nan"),
        ({"cost": 0.0}, "cost must be a number above 0 but is 0"),
        ({"cost": math.inf}, "cost must be a number above 0 but is inf"),
        ({"reference_cost": -1.0}, "reference_cost must be a number above 0 but is -1"),
        ({"rate": 1.0}, "rate must be a number above 1 but is 1"),
        ({"stress": math.nan}, "stress must be a number above 0 but is nan"),
        ({"delta_p": -8.0}, "delta_p must be at least 0 but is -8"),
        ({"delta_n": math.inf}, "delta_n must be at least 0 but is inf"),
    ],
)
def test_numbers_out_of_range_are_refused(changes: dict[str, Any], said: str) -> None:
    """In one line that names the number and its range."""
    given = {"accuracy": 0.9, "cost": 500.0, "reference_cost": 1000.0, **changes}
    with pytest.raises(StudyError) as caught:
        forgiving_score(**given)
    assert str(caught.value) == f"forgiving factor: {said}"
