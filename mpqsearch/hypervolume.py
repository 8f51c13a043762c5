# SPDX-License-Identifier: Apache-2.0
"""Hypervolume, and the boxes a further candidate could add to it, exactly.

Points are losses: an error and known costs, all to be minimized, with the reference point at 1 in
each. A candidate's costs are known, so what it adds is a function of its error alone. At an error
level t, it newly dominates that part of its cost orthant {k >= costs} that no point of error <= t
dominates. That part only shrinks where t passes a point's error, so the improvement is piecewise
linear in the candidate's error, and an integral over t of (volume of the part at t).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class FreeBoxes:
    """The part of the space below the reference point that no point dominates, as disjoint boxes.

    Attributes:
        low: Lower corners in the costs, (boxes, costs); -inf where nothing bounds them.
        high: Upper corners in the costs, (boxes, costs); at most 1.
        begin: Index into `levels` of the error at which each box begins, (boxes,).
        end: Index into `levels` of the error at which it ends, (boxes,).
        levels: Errors in ascending order, (levels,); the first is -inf, the last 1.
    """

    low: Floats
    high: Floats
    begin: Integers
    end: Integers
    levels: Floats

    def gains_by_level(self, costs: Floats) -> Floats:
        """Cost volume that candidates would newly dominate between two errors.

        Args:
            costs: The candidates' costs, (candidates, costs).

        Returns:
            (candidates, levels - 1): for errors from `levels[i]` to `levels[i + 1]`.
        """
        volume = np.ones((len(costs), len(self.low)))
        for axis in range(costs.shape[1]):
            start = np.maximum(self.low[:, axis], costs[:, axis, None])
            volume *= np.maximum(self.high[:, axis] - start, 0.0)
        steps = np.zeros((len(self.low), len(self.levels)))
        rows = np.arange(len(self.low))
        steps[rows, self.begin] = 1.0
        steps[rows, self.end] = -1.0
        return np.asarray(volume @ np.cumsum(steps, axis=1)[:, :-1])

    def improvement(self, errors: Floats, costs: Floats) -> Floats:
        """Hypervolume that each candidate alone would add, (candidates,).

        Args:
            errors: Their errors, (candidates,), finite.
            costs: Their costs, (candidates, costs), finite.
        """
        bounds = np.maximum(self.levels, errors[:, None])
        return np.asarray((self.gains_by_level(costs) * np.diff(bounds, axis=1)).sum(axis=1))


def free_boxes(errors: Floats, costs: Floats) -> FreeBoxes:
    """Divides what no point dominates into boxes.

    Points are taken in order of their error; each takes its cost orthant out of the free cost
    region from its error on. That region is the union of the orthants below its local upper bounds,
    each of which is defined by one point an axis; their defining points tell disjoint boxes.

    **Source:** Lacour, Klamroth, Fonseca, "A box decomposition algorithm to compute the hypervolume
    indicator", Computers & Operations Research 79 (2017).

    Args:
        errors: Errors of the points, (points,); those at 1 or more count for nothing.
        costs: Their costs, (points, costs).
    """
    inside = (errors < 1.0) & (costs < 1.0).all(axis=1)
    order = np.lexsort((*costs[inside].T, errors[inside]))
    errors, costs = errors[inside][order], costs[inside][order]
    levels = np.concatenate([[-np.inf], errors, [1.0]])
    axes = costs.shape[1]
    bounds = np.ones((1, axes))  # local upper bounds, (bounds, axes)
    points = np.where(np.eye(axes), 1.0, -np.inf)[None]  # that define them, (bounds, axes, axes)
    begin = np.zeros(1, dtype=np.int64)
    done: list[tuple[Floats, Floats, Integers, Integers]] = []
    for at, point in enumerate(costs, start=1):
        hit = (bounds > point).all(axis=1)
        if not hit.any():
            continue
        low = _low_corners(points[hit])
        done.append((low, bounds[hit], begin[hit], np.full(len(low), at)))
        new_bounds, new_points = _lowered(bounds[hit], points[hit], point)
        bounds = np.concatenate([bounds[~hit], new_bounds])
        points = np.concatenate([points[~hit], new_points])
        begin = np.concatenate([begin[~hit], np.full(len(new_bounds), at)])
    done.append((_low_corners(points), bounds, begin, np.full(len(bounds), len(levels) - 1)))
    low, high, begin, end = (np.concatenate(column) for column in zip(*done, strict=True))
    full = (low < high).all(axis=1)
    return FreeBoxes(low[full], high[full], begin[full], end[full], levels)


def _low_corners(points: Floats) -> Floats:
    """Low corners of the boxes below local upper bounds, from their points (bounds, axes, axes)."""
    low = np.full(points.shape[:2], -np.inf)
    for axis in range(1, points.shape[1]):
        low[:, axis] = points[:, :axis, axis].max(axis=1)
    return low


def _lowered(bounds: Floats, points: Floats, point: Floats) -> tuple[Floats, Floats]:
    """Local upper bounds in place of those above a new point, and the points that define them."""
    all_bounds, all_points = [], []
    for axis, edge in enumerate(point):
        others = np.delete(points[:, :, axis], axis, axis=1)
        kept = (edge >= others).all(axis=1)
        new_bounds, new_points = bounds[kept].copy(), points[kept].copy()
        new_bounds[:, axis] = edge
        new_points[:, axis] = point
        all_bounds.append(new_bounds)
        all_points.append(new_points)
    return np.concatenate(all_bounds), np.concatenate(all_points)


def front_mask(losses: Floats) -> NDArray[np.bool_]:
    """Which points (points, losses) no other one dominates; of equal ones, all."""
    kept = np.ones(len(losses), dtype=bool)
    for at, loss in enumerate(losses):
        kept[at] = not ((losses <= loss).all(axis=1) & (losses < loss).any(axis=1)).any()
    return kept


def hypervolume(errors: Floats, costs: Floats) -> float:
    """Volume that points dominate, bounded by the reference point 1 in each loss.

    Args:
        errors: Their errors, (points,).
        costs: Their costs, (points, costs).
    """
    if not len(errors):
        return 0.0
    # A point that dominates all others adds their whole box; what stays free is taken off again.
    corner = costs.min(axis=0, keepdims=True)
    lowest = errors.min(keepdims=True)
    if lowest[0] >= 1 or (corner >= 1).any():
        return 0.0
    whole = float((1.0 - lowest[0]) * np.prod(1.0 - corner))
    return whole - float(free_boxes(errors, costs).improvement(lowest, corner)[0])
