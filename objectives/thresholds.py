# SPDX-License-Identifier: Apache-2.0
"""Activation statistics: the power of two that each layer's outputs are scaled to.

**Source:** `pre_qat` of ai8x-training (AI8X notes, section 1). One difference: the histogram's
range is found in a pass of its own, so that bins are exact, not interpolated between batches.
"""

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BINS = 2048
SMALLER_RANGES = 4
"""Powers of two tried below the one that covers the largest output. Source: as above."""


def output_thresholds(
    batches: Callable[[], Iterable[Tensor]],
    outputs: Callable[[Tensor], Sequence[Tensor]],
    z_score: float,
) -> tuple[int, ...]:
    """Chooses t of every hidden layer: outputs then count in steps of 2^t / 128.

    Args:
        batches: Gives the training inputs, the same at each call.
        outputs: Gives the hidden layers' outputs for a batch, in real terms.
        z_score: Outputs further than this many standard deviations from the mean do not count.
    """
    lows: list[float] = []
    highs: list[float] = []
    for batch in batches():
        found = outputs(batch)
        lows = lows or [math.inf] * len(found)
        highs = highs or [-math.inf] * len(found)
        for index, values in enumerate(found):
            low, high = torch.aminmax(values)
            lows[index] = min(lows[index], float(low))
            highs[index] = max(highs[index], float(high))
    counts = [torch.zeros(BINS, dtype=torch.float64) for _ in lows]
    for batch in batches():
        for index, values in enumerate(outputs(batch)):
            if highs[index] > lows[index]:
                counted = torch.histc(values, BINS, lows[index], highs[index])
                counts[index] += counted.to("cpu", torch.float64)
    return tuple(
        _best_threshold(count.numpy(), low, high, z_score)
        for count, low, high in zip(counts, lows, highs, strict=True)
    )


def _best_threshold(counts: NDArray[np.float64], low: float, high: float, z_score: float) -> int:
    """The power of two with the smallest squared rounding error over a histogram of outputs."""
    if not counts.any():
        largest = max(abs(low), abs(high))
        return math.ceil(math.log2(largest)) if largest > 0 else 0
    edges = np.linspace(low, high, BINS + 1)
    centres, right = (edges[:-1] + edges[1:]) / 2, edges[1:]
    mean = np.average(centres, weights=counts)
    deviation = np.sqrt(np.average((centres - mean) ** 2, weights=counts)) or 1e-9
    kept = (np.abs(centres - mean) <= z_score * deviation) & (counts > 0)
    values, weights = (right[kept], counts[kept]) if kept.any() else (right, counts)
    largest = np.abs(values).max()
    if largest == 0:
        return 0
    highest = math.ceil(math.log2(largest))
    candidates = range(highest, highest - SMALLER_RANGES - 1, -1)
    errors = []
    for exponent in candidates:
        step = 2.0**exponent / 128
        rounded = np.clip(np.round(values / step), -128, 127) * step
        errors.append(float(np.sum(weights * (rounded - values) ** 2)))
    return candidates[int(np.argmin(errors))]
