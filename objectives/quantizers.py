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

BELOW_ONE = 1 - 2.0**-24
BELOW_MINUS_ONE = -1 - 2.0**-23
BELOW_MINUS_128 = -128 - 2.0**-16
"""The float32 next below; `hardtanh_backward` of PyTorch counts its bounds as outside."""


class _RoundWeights(torch.autograd.Function):
    """clamp(floor(w scale + 1/2), -limit, limit - 1); its gradient is scale within, 0 outside.

    Worked in units of the range, u = (w scale + 1/2) / limit with -1 <= u < 1 inside: then the
    bounds are the same for every member, and each line is one pass over the weights.
    """

    @staticmethod
    def forward(ctx: Any, weights: Tensor, scale: Tensor, limit: Tensor) -> Tensor:
        units = (weights * (scale / limit)).add_(0.5 / limit)
        ctx.save_for_backward(units, scale)
        return units.clamp(-1, BELOW_ONE).mul_(limit).floor_()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        units, scale = ctx.saved_tensors
        inside = torch.ops.aten.hardtanh_backward(gradients[0], units, BELOW_MINUS_ONE, 1)
        return inside.mul_(scale), None, None


class _Truncate(torch.autograd.Function):
    """Cuts towards zero, as average pooling does; the gradient passes through."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ARG004  (autograd's signature)
        return values.trunc()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        return gradients[0]


def round_weights(weights: Tensor, scale: Tensor, limit: Tensor) -> Tensor:
    """Weights or biases as the chip's integers: clamp(floor(w scale + 1/2), -limit, limit - 1).

    Args:
        weights: (members, ...), in real terms.
        scale: 2^(b-1-r), (members,), for a width of b bits and a range of +-2^r.
        limit: 2^(b-1), (members,); of biases 128, whatever the weights' width, or as weights'.
    """
    shape = (-1, *(1,) * (weights.ndim - 1))
    result: Tensor = _RoundWeights.apply(weights, scale.reshape(shape), limit.reshape(shape))  # type: ignore[no-untyped-call]
    return result


def round_activations(
    sums: Tensor, scale: Tensor, offset: Tensor, *, non_negative: bool
) -> tuple[Tensor, Tensor]:
    """Activations as the chip's integers: clamp(floor(a scale + 1/2), low, 127).

    Args:
        sums: (members, channels, ..., batch), the accumulators without bias; overwritten.
        scale: 2^(S + 8 - b - 7), one a member.
        offset: Bias in units of the accumulator times scale, one a member and channel.
        non_negative: Whether a ReLU follows: low is 0 instead of -128.

    Returns:
        The activations, and a scale + 1/2, which `activation_gradient` takes.
    """
    shifted = sums.mul_(scale).add_(offset + 0.5)
    return shifted.floor().clamp_(0 if non_negative else -128, 127), shifted


def activation_gradient(gradient: Tensor, shifted: Tensor, *, non_negative: bool) -> Tensor:
    """The gradient with respect to a scale, in the place of `shifted`, which is overwritten.

    What was not clamped passes, the rest is 0. A ReLU stops it where the accumulator is not
    positive, before any rounding.
    """
    low = 0.5 if non_negative else BELOW_MINUS_128
    torch.ops.aten.hardtanh_backward.grad_input(gradient, shifted, low, 128, grad_input=shifted)
    return shifted


def truncate(values: Tensor) -> Tensor:
    """Cuts values towards zero; the gradient passes through."""
    result: Tensor = _Truncate.apply(values)  # type: ignore[no-untyped-call]
    return result
