# SPDX-License-Identifier: Apache-2.0
"""The integer reference: a network computed as the chip computes it, bit for bit, in NumPy.

**Source:** the izer's simulator (ai8x-synthesis, izer/simulate.py), as set down layer by layer in
the docstrings here; held to its published known answers by the tests.
"""

import dataclasses
import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware.layer import Activation, Combine, Layer, Operation, PoolKind
from hardware.network import Network

BIAS_SCALE = 128
"""A bias of 1 adds 128 to the accumulator, at every weight width. Source: izer BIAS_DIV."""

_CHUNK_VALUES = 1 << 24
"""Values of one unfolded block, which bounds the working memory to 128 MiB."""


_ELEMENTWISE = {
    Combine.ADD: np.add,
    Combine.SUBTRACT: np.subtract,
    Combine.XOR: np.bitwise_xor,
    Combine.OR: np.bitwise_or,
}


class IntegerNetworkError(ValueError):
    """Integer weights, biases, shifts or inputs outside what the chip can hold."""


def output_shift_range(bits: int) -> tuple[int, int]:
    """Lowest and highest output shift of a layer: those for which shift + 8 - bits is in +-15.

    **Source:** ai8x-synthesis, message "quantization supports an output_shift range of".
    """
    return bits - 23, bits + 7


@dataclass(frozen=True)
class IntegerLayer:
    """What the chip holds of one layer.

    Attributes:
        weights: int8, of the layer's `weight_shape`, in -2^(bits-1) ... 2^(bits-1) - 1; not looked
            at where the layer passes data through.
        bias: int8 of shape (out_channels,), counted in units of 128 of the accumulator; None
            where the layer has none.
        bits: Weight width.
        output_shift: S; the accumulator is scaled by 2^(S + 8 - bits) / 128. Without effect in a
            wide layer, but in the same range.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int8] | None
    bits: int
    output_shift: int


@dataclass(frozen=True)
class IntegerNetwork:
    """A network with its integers: the thing that is scored, exported and flashed.

    Attributes:
        network: The network's description.
        layers: One `IntegerLayer` for each of its layers.
        logit_exponent: One logit in real terms is accumulator * 2^logit_exponent; the order of
            the logits, and so the class, does not depend on it.

    Raises:
        IntegerNetworkError: where shapes, ranges or shifts are not the chip's.
        NetworkError: where there is not one of the chip's widths for every layer.
    """

    network: Network
    layers: tuple[IntegerLayer, ...]
    logit_exponent: int = 0

    def __post_init__(self) -> None:
        self.network.check_bits(self.bits)
        for layer, integers in zip(self.network.layers, self.layers, strict=True):
            _check_layer(layer, integers)

    @property
    def bits(self) -> tuple[int, ...]:
        """Weight width of each layer."""
        return tuple(layer.bits for layer in self.layers)

    def logits(self, inputs: NDArray[np.int8]) -> NDArray[np.int64]:
        """Computes the last layer's accumulators, (batch, classes).

        Args:
            inputs: (batch, channels, length) or (batch, channels, height, width), int8.
        """
        return np.concatenate([values[-1] for values in self._blocks(inputs)])

    def layer_outputs(self, inputs: NDArray[np.int8]) -> list[NDArray[np.int64]]:
        """Every layer's output, (batch, channels, ...): int8 values, the last one accumulators."""
        blocks = list(self._blocks(inputs))
        return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]

    def accuracy(self, inputs: NDArray[np.int8], labels: NDArray[np.int64]) -> float:
        """Share of the inputs whose largest logit (the first, on a tie) is the label's, 0 to 1."""
        return float(np.mean(self.logits(inputs).argmax(axis=1) == labels))

    def held_at(self, bits: Sequence[int]) -> "IntegerNetwork":
        """The same function with weights held at other, wider widths: the integers stay.

        The accumulators are the same, and shift + 8 - bits is kept, so every output is the same.

        Args:
            bits: One width a layer, at least its own.

        Raises:
            NetworkError: where there is not one of the chip's widths for every layer.
        """
        self.network.check_bits(bits)
        layers = tuple(
            dataclasses.replace(
                layer, bits=width, output_shift=layer.output_shift + width - layer.bits
            )
            for layer, width in zip(self.layers, bits, strict=True)
        )
        return dataclasses.replace(self, layers=layers)

    def _blocks(self, inputs: NDArray[np.int8]) -> Iterator[list[NDArray[np.int64]]]:
        if inputs.dtype != np.int8 or inputs.shape[1:] != self.network.input_shape:
            raise IntegerNetworkError(
                f"inputs must be int8 of shape (batch, *{self.network.input_shape}) but are"
                f" {inputs.dtype} of shape {inputs.shape}"
            )
        unfolded = max(
            layer.in_channels * math.prod(layer.kernel) * layer.out_pixels
            for layer in self.network.layers
        )
        step = max(1, _CHUNK_VALUES // unfolded)
        for start in range(0, max(1, len(inputs)), step):
            first: NDArray[np.int64] = inputs[start : start + step].astype(np.int64)
            outputs: list[NDArray[np.int64]] = []
            for index, layer in enumerate(self.network.layers):
                sources = [
                    first if source == -1 else outputs[source]
                    for source in self.network.sources(index)
                ]
                values = _combine(layer, sources)
                outputs.append(_compute_layer(layer, self.layers[index], values))
            yield outputs


def _check_layer(layer: Layer, integers: IntegerLayer) -> None:
    if layer.operation is Operation.CONVTRANSPOSE2D or layer.groups > 1:
        raise IntegerNetworkError(
            f"layer {layer.name!r}: transposed and grouped convolutions are priced but not computed"
        )
    if layer.operation is Operation.PASSTHROUGH:
        return
    if integers.weights.dtype != np.int8 or integers.weights.shape != layer.weight_shape:
        raise IntegerNetworkError(
            f"layer {layer.name!r}: weights must be int8 of shape {layer.weight_shape} but are"
            f" {integers.weights.dtype} of shape {integers.weights.shape}"
        )
    low, high = -(1 << integers.bits - 1), (1 << integers.bits - 1) - 1
    if integers.weights.min() < low or integers.weights.max() > high:
        raise IntegerNetworkError(
            f"layer {layer.name!r}: {integers.bits}-bit weights must lie in {low}..{high} but go"
            f" from {integers.weights.min()} to {integers.weights.max()}"
        )
    if (integers.bias is not None) != layer.bias:
        raise IntegerNetworkError(f"layer {layer.name!r}: bias given and bias described differ")
    if integers.bias is not None and (
        integers.bias.dtype != np.int8 or integers.bias.shape != (layer.out_channels,)
    ):
        raise IntegerNetworkError(
            f"layer {layer.name!r}: bias must be int8 of shape ({layer.out_channels},) but is"
            f" {integers.bias.dtype} of shape {integers.bias.shape}"
        )
    lowest, highest = output_shift_range(integers.bits)
    if not lowest <= integers.output_shift <= highest:
        raise IntegerNetworkError(
            f"layer {layer.name!r}: output shift at {integers.bits} bits must be in"
            f" {lowest}..{highest} but is {integers.output_shift}"
        )


def _compute_layer(
    layer: Layer, integers: IntegerLayer, values: NDArray[np.int64]
) -> NDArray[np.int64]:
    """One layer, in the chip's order: pool, operation, shift and round, saturate, activate.

    8-bit output: clip(floor(1/2 + acc * 2^(S + 8 - bits) / 128), -128, 127), where
    acc = sum(weight * input) + 128 * bias; ReLU and Abs then clip to 0..127.
    """
    if layer.pool is not None:
        values = _pool(layer, values)
    if layer.operation is Operation.PASSTHROUGH:
        return values
    accumulator = _accumulate(layer, integers, values)
    if integers.bias is not None:
        bias = integers.bias.astype(np.int64) * BIAS_SCALE
        accumulator += bias.reshape(-1, *(1,) * (accumulator.ndim - 2))
    if layer.wide:
        return accumulator
    right = 7 - (integers.output_shift + 8 - integers.bits)
    rounding = 1 << right - 1 if right > 0 else 0
    shifted = (accumulator << max(-right, 0)) + rounding >> max(right, 0)
    saturated = np.clip(shifted, -128, 127)
    if layer.activation is Activation.RELU:
        saturated = np.maximum(saturated, 0)
    elif layer.activation is Activation.ABS:
        saturated = np.minimum(np.abs(saturated), 127)
    return np.asarray(saturated)


def _combine(layer: Layer, sources: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Several sources as one input: side by side, or element by element and saturated to int8."""
    if layer.combine is Combine.CONCATENATE:
        return sources[0] if len(sources) == 1 else np.concatenate(sources, axis=1)
    combined = functools.reduce(_ELEMENTWISE[layer.combine], sources)
    return np.asarray(np.clip(combined, -128, 127))


def _pool(layer: Layer, values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Maximum, or the mean of each window cut towards zero (the izer's default rounding)."""
    assert layer.pool is not None  # noqa: S101  (the caller's condition, for the type checker)
    axes = tuple(range(2, values.ndim))
    windows = np.lib.stride_tricks.sliding_window_view(
        values, (layer.pool.size,) * len(axes), axis=axes
    )
    strided = (slice(None, None, layer.pool.stride),) * len(axes)
    windows = windows[(slice(None), slice(None), *strided)]
    inner = tuple(range(-len(axes), 0))
    if layer.pool.kind is PoolKind.MAX:
        pooled: NDArray[np.int64] = windows.max(axis=inner)
        return pooled
    total = windows.sum(axis=inner)
    return np.asarray(np.sign(total) * (np.abs(total) // layer.pool.size ** len(axes)))


def _accumulate(
    layer: Layer, integers: IntegerLayer, values: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Sum of weight * input, exact: the products are taken in floats too wide to round."""
    weights = integers.weights.reshape(layer.out_channels, -1)
    largest = weights.shape[1] * 128 << integers.bits - 1
    exact = np.float32 if largest < 1 << 24 else np.float64
    if layer.operation is Operation.LINEAR:
        columns = values.reshape(len(values), weights.shape[1])
    else:
        axes = tuple(range(2, values.ndim))
        pad = ((0, 0), (0, 0), *((layer.padding,) * 2,) * len(axes))
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(values.astype(exact), pad), layer.kernel, axis=axes
        )
        # (batch, channels, *out, *kernel) -> (batch, *out, channels, *kernel)
        columns = np.moveaxis(windows, 1, 1 + len(axes)).reshape(
            len(values), *layer.out_size, weights.shape[1]
        )
    products = columns.astype(exact, copy=False) @ weights.T.astype(exact)
    return np.asarray(np.moveaxis(products, -1, 1), dtype=np.int64)
