# SPDX-License-Identifier: Apache-2.0
"""The power of two that each layer's weights and biases are counted in.

**Source:** the shift quantile of ai8x.py (AI8X notes, section 1).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

LARGEST_RANGE_SHIFT = 15
"""Bound of a layer's weight range exponent r. Source: ai8x.py, `clamp ... 15`."""
LARGEST_COUNT = 1 << 24
"""Counts below it are exact in float32."""
SAMPLE = 2048
"""Weights of a member that a first guess of its range is made from."""


@torch.no_grad()
def range_exponents(
    weights: Sequence[Tensor],
    biases: Sequence[Tensor | None],
    quantile: float,
    guess: Tensor | None = None,
) -> Tensor:
    """Exponent r of each layer and member: ceil(log2(quantile of |weights and biases|)).

    The quantile is interpolated linearly between order statistics, as `torch.quantile` does, and
    the logarithm is taken from the float's exponent, so that powers of two are exact.

    Args:
        weights: One tensor a layer, (members, ...).
        biases: One tensor a layer, (members, channels), or None.
        quantile: 0.5 to 1.
        guess: What to try first, as returned: the result does not depend on it, the time does.

    Returns:
        (layers, members), in -15..15.
    """
    parts = [_magnitudes(*pair) for pair in zip(weights, biases, strict=True)]
    sizes = [sum(part.shape[1] for part in layer) for layer in parts]
    # On a GPU, asking for a count would wait for everything queued.
    if max(sizes) >= LARGEST_COUNT or weights[0].is_cuda:
        return torch.stack([_sorted_exponent(torch.cat(layer, 1), quantile) for layer in parts])
    if guess is None:
        guess = torch.stack([_sampled_exponent(layer, quantile) for layer in parts])
    found = _counted_exponents(parts, sizes, quantile, guess)
    for index in found.isnan().any(1).nonzero().flatten().tolist():
        found[index] = _sorted_exponent(torch.cat(parts[index], 1), quantile)
    return found


def _magnitudes(weights: Tensor, biases: Tensor | None) -> list[Tensor]:
    """|weights and biases| of a layer, (members, ...): in one tensor unless copying takes long."""
    flat = [one.flatten(1) for one in (weights, biases) if one is not None]
    if flat[0].shape[1] < SAMPLE:
        flat = [torch.cat(flat, 1)]
    return [one.abs() for one in flat]


def _sorted_exponent(values: Tensor, quantile: float) -> Tensor:
    """The exponents of one layer, (members,), from the two order statistics themselves."""
    position = quantile * (values.shape[1] - 1)
    below = int(position)
    above = min(below + 1, values.shape[1] - 1)
    # The largest few, sorted downwards, hold both neighbours of the position.
    largest = values.topk(values.shape[1] - below, dim=1, sorted=True).values
    low, high = largest[:, -1], largest[:, values.shape[1] - 1 - above]
    found = low + (high - low) * (position - below)
    mantissa, exponent = torch.frexp(found)
    result = exponent - (mantissa == 0.5).to(exponent.dtype)
    result = torch.where(found == 0, -LARGEST_RANGE_SHIFT, result)
    return result.clamp(-LARGEST_RANGE_SHIFT, LARGEST_RANGE_SHIFT).to(values.dtype)


def _sampled_exponent(layer: list[Tensor], quantile: float) -> Tensor:
    few = [part[:, :: max(1, part.shape[1] // SAMPLE)] for part in layer]
    return _sorted_exponent(torch.cat(few, 1), quantile)


def _counted_exponents(
    parts: list[list[Tensor]], sizes: list[int], quantile: float, guess: Tensor
) -> Tensor:
    """The exponents by counting values above powers of two, which needs no sorting.

    Where both order statistics lie in (2^(e-1), 2^e], so does what is interpolated between them,
    rounding included: their difference is exact, for neither is twice the other. Then r is e, and
    two counts prove it: at most `most` values lie above 2^e and more than `least` above 2^(e-1).

    Returns:
        (layers, members); nan where a power of two lies between the two order statistics.
    """
    positions = [quantile * (size - 1) for size in sizes]
    ranks = [size - 1 - int(position) for size, position in zip(sizes, positions, strict=True)]
    least = torch.tensor(ranks, dtype=torch.float32)[:, None]
    between = torch.tensor([position > int(position) for position in positions])[:, None]
    most = least - between.float()
    found = guess.clone()
    while True:
        under, above = _counts_above(parts, found)
        beyond = (above > most) & (found < LARGEST_RANGE_SHIFT)
        short = (under <= least) & (found > -LARGEST_RANGE_SHIFT)
        if not (beyond | short).any():
            return found
        split = (beyond & (above <= least)) | (short & (under > most))
        found = torch.where(split, torch.nan, found + beyond.float() - short.float())


def _counts_above(parts: list[list[Tensor]], exponents: Tensor) -> Tensor:
    """How many values of each layer and member lie above 2^(exponent - 1), and 2^exponent.

    Returns:
        (2, layers, members), float32, exact.
    """
    bounds = torch.exp2(torch.stack([exponents - 1, exponents]))[..., None]
    counts = []
    for layer, bound in zip(parts, bounds.unbind(1), strict=True):
        found = [torch.gt(part, bound, out=part.new_empty(2, *part.shape)).sum(2) for part in layer]
        counts.append(found[0] if len(found) == 1 else found[0] + found[1])
    return torch.stack(counts, 1)
