# SPDX-License-Identifier: Apache-2.0
"""How many more seeds would do: against SciPy's own t, and at the ends."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from mpqsearch.more_seeds import MOST_SEEDS, more_seeds


@given(st.floats(0.001, 0.1), st.floats(0.001, 0.1), st.integers(1, 20), st.floats(0.6, 0.99))
def test_so_many_do_and_one_fewer_does_not(
    lead: float, deviation: float, seeds: int, sure: float
) -> None:
    """At the seeds it gives, the lead reaches the quantile; with one fewer it does not."""
    more = more_seeds(lead, deviation / math.sqrt(seeds), seeds, sure)

    def reached(count: int) -> float:
        quantile = t.ppf(sure, max(count - 1, 4))
        return float(lead * math.sqrt(count) / (quantile * deviation))

    if more is None:
        assert reached(MOST_SEEDS) < 1.001
        return
    assert reached(seeds + more) > 0.999
    if more:
        assert reached(seeds + more - 1) < 1.001


def test_the_sign_does_not_matter() -> None:
    """Who trails needs as many seeds as who leads."""
    assert more_seeds(-0.01, 0.01, 5, 0.95) == more_seeds(0.01, 0.01, 5, 0.95) != 0


@pytest.mark.parametrize(("lead", "error", "wanted"), [(0.1, 0, 0), (0, 0, None), (0, 0.1, None)])
def test_without_noise_or_lead(lead: float, error: float, wanted: int | None) -> None:
    """Without noise a lead is settled; without a lead nothing ever is."""
    assert more_seeds(lead, error, 5, 0.95) == wanted
