# SPDX-License-Identifier: Apache-2.0
"""Points far from each other."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def farthest(points: Floats, taken: Floats) -> int:
    """Index of the point (points, axes) whose nearest taken one (taken, axes) is farthest.

    The first point where none is taken, and of those equally far.
    """
    nearest = np.full(len(points), np.inf)
    for other in taken:
        nearest = np.minimum(nearest, ((points - other) ** 2).sum(axis=1))
    return int(np.argmax(nearest))


def farthest_next(points: Floats) -> list[int]:
    """Indices of all points (points, axes): the first, then always the one farthest from those."""
    order = [0]
    nearest = ((points - points[0]) ** 2).sum(axis=1)
    nearest[0] = -1.0
    while len(order) < len(points):
        chosen = int(np.argmax(nearest))
        nearest = np.minimum(nearest, ((points - points[chosen]) ** 2).sum(axis=1))
        nearest[chosen] = -1.0
        order.append(chosen)
    return order
