# SPDX-License-Identifier: Apache-2.0
"""A quantized layer of a whole stack, as plain matrix products: one node of the gradient's graph.

Samples are the last axis: (members, channels, ..., batch). A convolution then is one product for
each place of its kernel, of weights (out, in) with the input shifted by that place, which along one
axis lies in memory as it is needed. A stack is a batched product, not a grouped convolution.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own convention)
from torch import Tensor

from hardware.integer import BIAS_SCALE
from objectives.quantizers import activation_gradient, round_activations


@dataclass(frozen=True)
class Rounding:
    """What becomes of a layer's accumulators.

    Attributes:
        wide: They stay as they are, times scale; otherwise they are rounded to int8.
        non_negative: A ReLU follows.
    """

    wide: bool = False
    non_negative: bool = False


class _QuantizedLayer(torch.autograd.Function):
    """round((sum(weight * input) + 128 bias) * scale); stride 1, zeros around."""

    @staticmethod
    def forward(  # noqa: PLR0917  (autograd passes arguments by place)
        ctx: Any,
        values: Tensor,
        weights: Tensor,
        biases: Tensor | None,
        scale: Tensor,
        padding: int,
        rounding: Rounding,
    ) -> Tensor:
        kernel = weights.shape[3:]
        padded = _padded(values, [padding] * len(kernel))
        size = [one - places + 1 for one, places in zip(padded.shape[2:-1], kernel, strict=True)]
        # Members that see the same input are rows of one product.
        rows = weights.flatten(0, 1).unsqueeze(0) if len(values) < len(weights) else weights
        sums = _sum_of_products(rows, padded, size).view(len(weights), weights.shape[1], -1)
        scales = scale[:, None, None]
        offset = 0 * scales if biases is None else (biases * BIAS_SCALE).unsqueeze(2) * scales
        shape = (*weights.shape[:2], *size, values.shape[-1])
        if rounding.wide:
            ctx.save_for_backward(padded, weights, scales)
            found = sums.mul_(scales).add_(offset)
        else:
            relu = rounding.non_negative
            found, shifted = round_activations(sums, scales, offset, non_negative=relu)
            ctx.save_for_backward(padded, weights, scales, shifted)
        ctx.padding, ctx.size, ctx.rounding = padding, size, rounding
        return found.view(shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        padded, weights, scales, *shifted = ctx.saved_tensors
        gradient = gradients[0].reshape(*weights.shape[:2], -1)
        if shifted:
            relu = ctx.rounding.non_negative
            gradient = activation_gradient(gradient, *shifted, non_negative=relu).mul_(scales)
        else:
            gradient = gradient * scales
        rows = gradient.reshape(len(padded), -1, gradient.shape[2])
        kernel = weights.shape[3:]
        found = [rows @ shifted.mT for shifted in _shifted(padded, kernel, ctx.size)]
        of_weights = found[0] if len(found) == 1 else torch.stack(found, -1)
        of_biases = gradient.sum(2).mul_(BIAS_SCALE) if ctx.needs_input_grad[2] else None
        of_values = None
        if ctx.needs_input_grad[0]:
            outer = gradient.view(*gradient.shape[:2], *ctx.size, padded.shape[-1])
            of_values = _of_values(outer, weights, ctx.padding)
        return of_values, of_weights.view(weights.shape), of_biases, None, None, None


def quantized_layer(
    values: Tensor,
    weights: Tensor,
    biases: Tensor | None,
    scale: Tensor,
    *,
    padding: int = 0,
    rounding: Rounding,
) -> Tensor:
    """A layer's outputs, (members, out, *size, batch).

    Args:
        values: (members, in, *size, batch), or (1, in, ...) where all members see the same: then
            without gradient, for that is the network's input.
        weights: (members, out, in, *kernel), integers.
        biases: (members, out), integers, or None.
        scale: (members,): 2^(S + 8 - b - 7), or for a wide layer what makes logits real.
        padding: Zeros on both sides of each axis of `size`.
        rounding: What becomes of the accumulators.
    """
    result: Tensor = _QuantizedLayer.apply(values, weights, biases, scale, padding, rounding)  # type: ignore[no-untyped-call]
    return result


def _of_values(gradient: Tensor, weights: Tensor, padding: int) -> Tensor:
    """The input's gradient: the output's, convolved with the kernel turned round."""
    kernel = weights.shape[3:]
    turned = weights.transpose(1, 2)
    if kernel:
        turned = turned.flip(tuple(range(3, weights.ndim)))
    around = [places - 1 - padding for places in kernel]
    size = [
        length + places - 1 - 2 * padding
        for length, places in zip(gradient.shape[2:-1], kernel, strict=True)
    ]
    sums = _sum_of_products(turned, _padded(gradient, around), size)
    return sums.view(len(weights), -1, *size, gradient.shape[-1])


def _sum_of_products(weights: Tensor, padded: Tensor, size: list[int]) -> Tensor:
    """(members, out, positions * batch), summed place by place of the kernel."""
    places = weights.flatten(3).unbind(3) if weights.ndim > 3 else [weights]
    inputs = _shifted(padded, weights.shape[3:], size)
    sums = places[0] @ next(inputs)
    for place, shifted in zip(places[1:], inputs, strict=True):
        sums.baddbmm_(place, shifted)
    return sums


def _shifted(padded: Tensor, kernel: Iterable[int], size: Iterable[int]) -> Iterator[Tensor]:
    """The input under each place of the kernel, (members, in, positions * batch).

    Along one axis that is a view, along two it is a copy.
    """
    for offsets in itertools.product(*(range(places) for places in kernel)):
        cut = padded
        for axis, (offset, length) in enumerate(zip(offsets, size, strict=True)):
            cut = cut.narrow(2 + axis, offset, length)
        yield cut.flatten(2)


def _padded(values: Tensor, padding: list[int]) -> Tensor:
    """Zeros on both sides of each axis between channels and batch; fewer than none cuts."""
    if not any(padding):
        return values
    sides = itertools.chain.from_iterable((zeros, zeros) for zeros in reversed(padding))
    return F.pad(values, [0, 0, *sides])
