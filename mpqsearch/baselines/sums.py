# SPDX-License-Identifier: Apache-2.0
"""The front of two sums over layers: a loss and a size, each the sum of every layer's own."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LARGEST_FRONT = 4096
"""Partial sums that are kept; beyond it they are thinned evenly, and the front is approximate."""


def front_of_sums(
    widths: Sequence[Sequence[int]],
    losses: Sequence[Sequence[float]] | NDArray[np.float64],
    sizes: Sequence[Sequence[int]],
) -> list[tuple[int, ...]]:
    """Bit assignments that no other beats in both sums, largest first.

    Layer by layer: what is dominated among the sums of the first layers stays dominated whatever
    the others add, so only the front of partial sums goes on. Exact while no more than
    `LARGEST_FRONT` are on it, which 3^30 assignments of equal layers do not reach.

    Args:
        widths: Of each layer.
        losses: Of each layer at each width, finite.
        sizes: Of each layer at each width.
    """
    bits = np.zeros((1, 0), dtype=np.int64)
    loss, size = np.zeros(1), np.zeros(1, dtype=np.int64)
    for allowed, own_losses, own_sizes in zip(widths, losses, sizes, strict=True):
        loss = (loss[:, None] + np.asarray(own_losses)).ravel()
        size = (size[:, None] + np.asarray(own_sizes)).ravel()
        column = np.tile(np.asarray(allowed), len(bits))
        bits = np.column_stack([bits.repeat(len(allowed), axis=0), column])
        order = np.lexsort((loss, size))
        below = np.minimum.accumulate(loss[order])
        front = order[loss[order] < np.concatenate([[np.inf], below[:-1]])]
        if len(front) > LARGEST_FRONT:
            kept = np.linspace(0, len(front) - 1, LARGEST_FRONT).round().astype(np.int64)
            front = front[kept]
        bits, loss, size = bits[front], loss[front], size[front]
    return [tuple(row) for row in bits[::-1].tolist()]
