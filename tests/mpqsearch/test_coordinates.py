# SPDX-License-Identifier: Apache-2.0
"""Losses: where they are 0 and 1, and what is refused."""

import numpy as np
import pytest

from mpqsearch.coordinates import Coordinates, CostAxis


def test_a_linear_axis_is_0_at_best_and_1_at_the_reference() -> None:
    """And in the middle between, a half."""
    axis = CostAxis(20.0, 140.0)
    assert axis.losses(np.array([20.0, 80.0, 140.0])).tolist() == [0.0, 0.5, 1.0]


def test_a_logarithmic_axis_compares_factors() -> None:
    """A tenth of the decades is a tenth of the loss."""
    axis = CostAxis(1.0, 1e4, logarithmic=True)
    assert axis.losses(np.array([1.0, 100.0, 1e4])) == pytest.approx([0.0, 0.5, 1.0])


def test_spanning_costs_lie_below_the_reference() -> None:
    """The worst cost is at 1 / 1.1: it can still add to the hypervolume."""
    costs = np.array([[10.0, 1.0, 7.0], [50.0, 1000.0, 7.0]])
    losses = Coordinates.spanning(costs).cost_losses(costs)
    assert losses[0].tolist() == [0.0, 0.0, 0.0]
    assert losses[1] == pytest.approx([1 / 1.1, 1 / 1.1, 0.0])


def test_costs_over_decades_are_spanned_by_factors() -> None:
    """More than a factor of ten is logarithmic, less is not."""
    axes = Coordinates.spanning(np.array([[10.0, 1.0], [50.0, 1000.0]])).axes
    assert [axis.logarithmic for axis in axes] == [False, True]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda: CostAxis(2.0, 1.0), "reference must be above", id="reversed"),
        pytest.param(lambda: CostAxis(0.0, 1.0, True), "must be above 0", id="log of zero"),
        pytest.param(lambda: Coordinates((), 0.0), r"must be in \(0, 1\]", id="error"),
    ],
)
def test_axes_that_mean_nothing_are_refused(make: object, message: str) -> None:
    """With the value and what is allowed."""
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]
