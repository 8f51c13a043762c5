# SPDX-License-Identifier: Apache-2.0
"""Hypervolume and improvement against counting cells and against each other."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mpqsearch.hypervolume import free_boxes, front_mask, hypervolume

CELLS = 6
"""Coordinates are multiples of 1/6: the volume is then a number of cells, which can be counted."""

Points = NDArray[np.float64]


@st.composite
def gridded(draw: st.DrawFn) -> Points:
    axes = draw(st.integers(2, 4))
    place = st.integers(-1, CELLS + 1)
    rows = draw(st.lists(st.tuples(*[place] * axes), max_size=8))
    return np.array(rows, dtype=np.float64).reshape(-1, axes) / CELLS


def counted(points: Points) -> float:
    """Cells from -1/6 to 1 whose low corner some point is below."""
    axes = points.shape[1]
    corners = np.array(list(itertools.product(range(-1, CELLS), repeat=axes))) / CELLS
    reached = np.zeros(len(corners), dtype=bool)
    for point in points:
        reached |= (point <= corners + 1e-9).all(axis=1)
    return float(reached.sum()) / CELLS**axes


@given(gridded())
def test_hypervolume_is_the_volume_of_the_cells_dominated(points: Points) -> None:
    """In two to four losses, with equal, dominated and useless points."""
    assert hypervolume(points[:, 0], points[:, 1:]) == pytest.approx(counted(points))


@given(gridded(), st.integers(-1, CELLS + 1), st.data())
def test_improvement_is_the_difference_of_hypervolumes(
    points: Points, error: int, data: st.DataObject
) -> None:
    """What a further point adds, at any error and costs."""
    costs = [data.draw(st.integers(-1, CELLS + 1)) for _ in range(points.shape[1] - 1)]
    added = np.array([[error, *costs]]) / CELLS
    boxes = free_boxes(points[:, 0], points[:, 1:])
    found = boxes.improvement(added[:, 0], added[:, 1:])[0]
    assert found == pytest.approx(counted(np.vstack([points, added])) - counted(points))


def test_free_boxes_do_not_overlap() -> None:
    """Their volume within the unit cube and the hypervolume make the whole."""
    points = np.random.default_rng(0).random((40, 4))
    boxes = free_boxes(points[:, 0], points[:, 1:])
    levels = np.maximum(boxes.levels, 0.0)
    volumes = np.prod(boxes.high - np.maximum(boxes.low, 0.0), axis=1)
    free = (volumes * (levels[boxes.end] - levels[boxes.begin])).sum()
    assert free + hypervolume(points[:, 0], points[:, 1:]) == pytest.approx(1.0)


def test_improvement_is_piecewise_linear_in_the_error() -> None:
    """Between two errors of the front, the improvement at the middle is the mean of both ends."""
    points = np.random.default_rng(1).random((12, 3))
    boxes = free_boxes(points[:, 0], points[:, 1:])
    costs = np.array([[0.2, 0.3]])
    for low, high in itertools.pairwise([0.0, *boxes.levels[1:]]):
        ends = [boxes.improvement(np.array([error]), costs)[0] for error in (low, high)]
        middle = boxes.improvement(np.array([(low + high) / 2]), costs)[0]
        assert middle == pytest.approx(sum(ends) / 2)


def test_front_keeps_equal_points_and_drops_dominated_ones() -> None:
    """Of two equal points both stay; what is worse in one loss and better in none goes."""
    losses = np.array([[0.1, 0.5], [0.1, 0.5], [0.1, 0.6], [0.4, 0.2]])
    assert front_mask(losses).tolist() == [True, True, False, True]
