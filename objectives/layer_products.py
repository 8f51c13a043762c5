# SPDX-License-Identifier: Apache-2.0
"""A quantized layer of a whole stack, as plain matrix products: one node of the gradient's graph.

Samples are the last axis: (members, channels, ..., batch). A convolution along one axis is one
product for each place of its kernel, of weights (out, in) with the input shifted by it, which
lies in memory as it is needed. A stack is a batched product, not a grouped convolution.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  (PyTorch's own convention)
from torch import Tensor

from hardware.integer import BIAS_SCALE
from objectives.quantizers import activation_gradient, round_activations
from objectives.short_products import add_product, product

UNFOLDED = 32
"""Inputs of one output up to which a first layer is one product, not one a place of the kernel."""


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
        size = [
            length + 2 * padding - places + 1
            for length, places in zip(values.shape[2:-1], weights.shape[3:], strict=True)
        ]
        weight_shape, shape = weights.shape, (*weights.shape[:2], *size, values.shape[-1])
        few = not ctx.needs_input_grad[0] and weights[0, 0].numel() <= UNFOLDED
        if few and weights.ndim > 3:
            values, weights = _unfolded(values, weights, padding, size), weights.flatten(2)
            size = []
        if len(size) > 1:
            values, sums = _convolved(values, weights, padding)
        else:
            # Members that see the same input are rows of one product.
            rows = weights.flatten(0, 1).unsqueeze(0) if len(values) < len(weights) else weights
            sums = _sum_of_products(rows, values, padding, size)
        sums = sums.view(*weights.shape[:2], -1)
        scales = scale[:, None, None]
        offset = 0 * scales if biases is None else biases.unsqueeze(2) * (BIAS_SCALE * scales)
        if rounding.wide:
            ctx.save_for_backward(values, weights, scales)
            found = sums.mul_(scales).add_(offset)
        else:
            relu = rounding.non_negative
            found, shifted = round_activations(sums, scales, offset, non_negative=relu)
            ctx.save_for_backward(values, weights, scales, shifted)
        ctx.weight_shape = weight_shape
        ctx.padding, ctx.size, ctx.rounding = padding, size, rounding
        return found.view(shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        values, weights, scales, *shifted = ctx.saved_tensors
        gradient = gradients[0].reshape(*weights.shape[:2], -1)
        if shifted:
            relu = ctx.rounding.non_negative
            gradient = activation_gradient(gradient, *shifted, non_negative=relu).mul_(scales)
        else:
            gradient = gradient * scales
        wanted = ctx.needs_input_grad[0]
        find = _convolution_gradients if len(ctx.size) > 1 else _product_gradients
        outer = gradient.view(*gradient.shape[:2], *ctx.size, -1)
        of_values, of_weights = find(outer, values, weights, ctx.padding, wanted)
        of_biases = gradient.sum(2).mul_(BIAS_SCALE) if ctx.needs_input_grad[2] else None
        return of_values, of_weights.view(ctx.weight_shape), of_biases, None, None, None


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


def _unfolded(values: Tensor, weights: Tensor, padding: int, size: list[int]) -> Tensor:
    """The input under all places of the kernel, (members, in * places, positions * batch)."""
    kernel = weights.shape[3:]
    padded = F.pad(values, [0, 0, *[padding] * (2 * len(kernel))])
    places = _places(padded, kernel, 0, size)
    return torch.stack([inputs for inputs, _, _ in places], 2).flatten(1, 2)


def _product_gradients(
    gradient: Tensor, values: Tensor, weights: Tensor, padding: int, wanted: bool
) -> tuple[Tensor | None, Tensor]:
    """Gradients of values, where wanted, and weights, from that of the sums."""
    kernel, size = weights.shape[3:], list(gradient.shape[2:-1])
    rows = gradient.reshape(len(values), -1, math.prod(size) * gradient.shape[-1])
    found = [
        product(rows[:, :, begin:end], inputs.mT)
        for inputs, begin, end in _places(values, kernel, padding, size)
    ]
    of_weights = found[0] if len(found) == 1 else torch.stack(found, -1)
    if not wanted:
        return None, of_weights
    # The input's gradient is the output's, convolved with the kernel turned round.
    turned = weights.transpose(1, 2)
    around = 0
    if kernel:
        turned, around = turned.flip(3), kernel[0] - 1 - padding
    sums = _sum_of_products(turned, gradient, around, list(values.shape[2:-1]))
    return sums.view(values.shape), of_weights


def _convolved(values: Tensor, weights: Tensor, padding: int) -> tuple[Tensor, Tensor]:
    """The input with the batch in front, members and channels as one, and the sums.

    Along two axes PyTorch's own convolution is faster, what it takes to turn the data included.
    """
    turned = values.movedim(-1, 0).flatten(1, 2).contiguous()
    groups = len(values)
    sums = F.conv2d(turned, weights.flatten(0, 1), padding=padding, groups=groups)
    return turned, sums.movedim(0, -1).contiguous()


def _convolution_gradients(
    gradient: Tensor, turned: Tensor, weights: Tensor, padding: int, wanted: bool
) -> tuple[Tensor | None, Tensor]:
    """Gradients of values, where wanted, and weights; `turned` is what `_convolved` gave."""
    outer = gradient.flatten(0, 1).movedim(-1, 0).contiguous()
    groups = turned.shape[1] // weights.shape[2]
    of_values, of_weights, _ = torch.ops.aten.convolution_backward(
        outer,
        turned,
        weights.flatten(0, 1),
        None,
        [1, 1],
        [padding, padding],
        [1, 1],
        False,
        [0, 0],
        groups,
        [wanted, True, False],
    )
    if not wanted:
        return None, of_weights
    unturned = of_values.movedim(0, -1).contiguous()
    return unturned.view(groups, weights.shape[2], *unturned.shape[1:]), of_weights


def _sum_of_products(weights: Tensor, values: Tensor, padding: int, size: list[int]) -> Tensor:
    """(members, out, positions * batch), summed place by place of the kernel."""
    kernel = weights.shape[3:]
    parts = weights.flatten(3).unbind(3) if kernel else [weights]
    places = list(zip(parts, _places(values, kernel, padding, size), strict=True))
    length = math.prod(size) * values.shape[-1]
    # The place that meets every output comes first: its product needs no zeros to be added to.
    places.sort(key=lambda place: place[1][1] - place[1][2])
    (part, (inputs, begin, end)), *others = places
    if (begin, end) == (0, length):
        sums = product(part, inputs)
    else:
        sums, others = values.new_zeros(*weights.shape[:2], length), places
    for part, (inputs, begin, end) in others:
        add_product(sums[:, :, begin:end], part, inputs)
    return sums


def _places(
    values: Tensor, kernel: Sequence[int], padding: int, size: list[int]
) -> Iterator[tuple[Tensor, int, int]]:
    """For each place of the kernel the input under it, and the outputs that it reaches.

    Along one axis the input is a view, without the zeros around it; along two it is a copy.

    Yields:
        (members, in, reached), and the first of the reached and the first no more reached, among
        positions * batch.
    """
    batch = values.shape[-1]
    if len(kernel) == 1:
        for place in range(kernel[0]):
            shift = place - padding
            begin = min(max(0, -shift), size[0])
            end = max(begin, min(size[0], values.shape[2] - shift))
            start = begin + shift if end > begin else 0
            yield values.narrow(2, start, end - begin).flatten(2), begin * batch, end * batch
        return
    for offsets in itertools.product(*(range(places) for places in kernel)):
        cut = F.pad(values, [0, 0, *[padding] * (2 * len(kernel))]) if padding else values
        for axis, (offset, length) in enumerate(zip(offsets, size, strict=True)):
            cut = cut.narrow(2 + axis, offset, length)
        yield cut.flatten(2), 0, math.prod(size) * batch
