# SPDX-License-Identifier: Apache-2.0
"""Fake quantization: the forward pass computes the chip's integers, gradients pass through.

Everything is counted in the chip's own units: activations -128..127, weights
-2^(b-1) .. 2^(b-1)-1, biases in 128ths of the accumulator. In float32 these are exact while an
accumulator stays below 2^24, and so the forward pass is the chip's function, not near it.

**Source:** the training forward pass of ai8x.py (AI8X notes, section 1).
"""

from typing import Any

import torch
from torch import Tensor

LARGEST_RANGE_SHIFT = 15
"""Bound of a layer's weight range exponent r. Source: ai8x.py, `clamp ... 15`."""

LARGEST_COUNT = 1 << 24
"""Counts below it are exact in float32."""
SAMPLE = 2048
"""Weights of a member that a first guess of its range is made from."""


class _RoundWeights(torch.autograd.Function):
    """clamp(floor(w scale + 1/2), low, high); the gradient is scale inside the range, 0 outside."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> Tensor:
        rounded = (weights * scale).add_(0.5).floor_()
        clamped = rounded.clamp(low, high)
        ctx.save_for_backward(rounded == clamped, scale)
        return clamped

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        inside, scale = ctx.saved_tensors
        return gradients[0] * scale * inside, None, None, None


class _RoundActivations(torch.autograd.Function):
    """clamp(floor(a scale + 1/2), low, 127); the gradient is scale inside the range, 0 outside."""

    @staticmethod
    def forward(ctx: Any, accumulator: Tensor, scale: Tensor, low: int) -> Tensor:
        rounded = (accumulator * scale).add_(0.5).floor_()
        # A ReLU stops the gradient where the accumulator is not positive, before any rounding.
        inside = (rounded <= 127) & ((accumulator > 0) if low == 0 else (rounded >= low))
        ctx.save_for_backward(inside, scale)
        return rounded.clamp_(low, 127)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        inside, scale = ctx.saved_tensors
        return gradients[0] * scale * inside, None, None


class _Truncate(torch.autograd.Function):
    """Cuts towards zero, as average pooling does; the gradient passes through."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ARG004  (autograd's signature)
        return values.trunc()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        return gradients[0]


def round_weights(weights: Tensor, exponent: Tensor, bits: Tensor) -> Tensor:
    """Weights as the chip's integers: clamp(floor(w 2^(b-1-r) + 1/2), -2^(b-1), 2^(b-1) - 1).

    Args:
        weights: (members, ...), in real terms.
        exponent: r, (members,): the range is +-2^r.
        bits: b, (members,): 1, 2, 4 or 8.
    """
    half = torch.exp2(bits - 1)
    shape = (-1, *(1,) * (weights.ndim - 1))
    scale = (half * torch.exp2(-exponent)).reshape(shape)
    result: Tensor = _RoundWeights.apply(
        weights, scale, -half.reshape(shape), (half - 1).reshape(shape)
    )  # type: ignore[no-untyped-call]
    return result


def round_biases(biases: Tensor, exponent: Tensor, bits: Tensor, bias_bits: Tensor) -> Tensor:
    """Biases as the chip's integers: as weights, but within the range of `bias_bits`."""
    limit = torch.exp2(bias_bits - 1)[:, None]
    scale = torch.exp2(bits - 1 - exponent)[:, None]
    result: Tensor = _RoundWeights.apply(biases, scale, -limit, limit - 1)  # type: ignore[no-untyped-call]
    return result


def round_activations(accumulator: Tensor, scale: Tensor, *, non_negative: bool) -> Tensor:
    """Activations as the chip's integers: clamp(floor(a scale + 1/2), low, 127).

    Args:
        accumulator: (batch, members, channels, ...) or anything that `scale` broadcasts to.
        scale: 2^(S + 8 - b - 7).
        non_negative: Whether a ReLU follows: low is 0 instead of -128.
    """
    result: Tensor = _RoundActivations.apply(accumulator, scale, 0 if non_negative else -128)  # type: ignore[no-untyped-call]
    return result


def truncate(values: Tensor) -> Tensor:
    """Cuts values towards zero; the gradient passes through."""
    result: Tensor = _Truncate.apply(values)  # type: ignore[no-untyped-call]
    return result


def range_exponent(weights: Tensor, biases: Tensor | None, quantile: float) -> Tensor:
    """Exponent r of each member's weight range: ceil(log2(quantile of |weights and biases|)).

    The quantile is interpolated linearly between order statistics, as `torch.quantile` does, and
    the logarithm is taken from the float's exponent, so that powers of two are exact.

    Args:
        weights: (members, ...).
        biases: (members, channels), or None.
        quantile: 0.5 to 1.

    Returns:
        (members,), in -15..15, without gradient.
    """
    with torch.no_grad():
        values = weights.flatten(1)
        if biases is not None:
            values = torch.cat([values, biases], dim=1)
        values = values.abs()
        counted = values.shape[1] < LARGEST_COUNT and not values.is_cuda
        found = _counted_exponent(values, quantile) if counted else None
        return _sorted_exponent(values, quantile) if found is None else found


def _sorted_exponent(values: Tensor, quantile: float) -> Tensor:
    """The exponent of `range_exponent`, from the two order statistics themselves."""
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


def _counted_exponent(values: Tensor, quantile: float) -> Tensor | None:
    """The same by counting values above powers of two, 1/30 of the time of sorting on a CPU.

    Where both order statistics lie in (2^(e-1), 2^e], so does what is interpolated between them,
    rounding included: their difference is exact, for neither is twice the other. Then r is e, and
    two counts prove it: at most `most` values lie above 2^e and more than `least` above 2^(e-1).
    A sample says which e to try first.

    Returns:
        (members,); None where a power of two lies between the order statistics of a member.
    """
    size = values.shape[1]
    position = quantile * (size - 1)
    below = int(position)
    least = size - 1 - below
    most = size - 1 - min(below + 1, size - 1) if position > below else least
    found = _sorted_exponent(values[:, :: max(1, size // SAMPLE)], quantile)
    above = _count_above(values, found)
    while True:
        beyond = (above > most) & (found < LARGEST_RANGE_SHIFT)
        if (beyond & (above <= least)).any():
            return None
        if beyond.any():
            found = torch.where(beyond, found + 1, found)
            above = _count_above(values, found)
            continue
        under = _count_above(values, found - 1)
        short = (under <= least) & (found > -LARGEST_RANGE_SHIFT)
        if not short.any():
            return found
        found = torch.where(short, found - 1, found)
        above = torch.where(short, under, above)


def _count_above(values: Tensor, exponents: Tensor) -> Tensor:
    """How many values of each member lie above 2^exponent, (members,): float32, exact."""
    return torch.gt(values, torch.exp2(exponents)[:, None], out=torch.empty_like(values)).sum(1)
