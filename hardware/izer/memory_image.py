# SPDX-License-Identifier: Apache-2.0
"""What an integer network must look like in the accelerator's memories, byte by byte."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hardware.chips import Chip
from hardware.integer import IntegerLayer, IntegerNetwork
from hardware.izer.addresses import PROCESSORS_PER_INSTANCE, address_map
from hardware.izer.headers import KERNEL_BYTES, WORD_BYTES, KernelMemory
from hardware.layer import Layer
from hardware.network import Network
from hardware.placement.bias_memory import biases_by_quadrant, quadrants_in_use
from hardware.placement.plan import LayerPlace
from hardware.placement.processors import passes, processors_used


def layer_kernels(
    layer: Layer, integers: IntegerLayer, place: LayerPlace
) -> Iterator[tuple[tuple[int, int], bytes]]:
    """The bytes that must lie at each (processor, word) for a layer; the last word may be short.

    A processor reads its kernels output by output, and within an output pass by pass. f = 8 / b
    kernels in a row share bytes, the first in the lowest bits; a byte holds one tap of each, the
    last tap first. A flattening layer has one value for each pixel instead, in each pass.

    **Source:** ai8x-synthesis, `izer/kernels.py`, as it packs 8-bit weights; see `packing` for
    where it packs narrower ones otherwise.
    """
    count = processors_used(layer.in_channels)
    held = [bit for bit in range(place.processors.bit_length()) if place.processors >> bit & 1]
    for channel, processor in enumerate(held[:count]):
        stream = _stream(layer, integers, channel, count)
        for start in range(0, len(stream), KERNEL_BYTES):
            word = place.kernel_offset + start // KERNEL_BYTES
            yield (processor, word), stream[start : start + KERNEL_BYTES]


def _stream(layer: Layer, integers: IntegerLayer, channel: int, count: int) -> bytes:
    """Bytes of one processor's kernels of a layer, in reading order."""
    rounds = passes(layer.in_channels)
    taps = math.prod(layer.kernel)
    # (out, in, pixels or taps), channels filled up to whole passes: (out, passes, count, values)
    weights = integers.weights.reshape(layer.out_channels, layer.in_channels, -1)
    filled = np.pad(weights, ((0, 0), (0, rounds * count - layer.in_channels), (0, 0)))
    own = filled.reshape(layer.out_channels, rounds, count, -1)[:, :, channel]
    packed = 8 // integers.bits
    if layer.flatten:  # each output's pixels, each pixel's passes
        own = own.transpose(0, 2, 1)
    kernels = own.reshape(-1, taps)
    kernels = np.pad(kernels, ((0, -len(kernels) % packed), (0, 0)))
    fields = (kernels.view(np.uint8) & (1 << integers.bits) - 1).reshape(-1, packed, taps)
    bits = np.arange(packed, dtype=np.uint8) * integers.bits
    joined = np.bitwise_or.reduce(fields << bits.reshape(1, -1, 1), axis=1).astype(np.uint8)
    return bytes(joined[:, ::-1].tobytes())


def first_misplaced(
    integers: IntegerNetwork, places: Sequence[LayerPlace], memory: KernelMemory
) -> str | None:
    """The first layer whose weights do not lie in weight memory as the accelerator reads them."""
    for layer, held, place in zip(integers.network.layers, integers.layers, places, strict=True):
        if not layer.weight_shape:
            continue
        for (processor, word), wanted in layer_kernels(layer, held, place):
            found = memory.get((processor, word), b"")
            if found[: len(wanted)] != wanted:
                return layer.name
    return None


def quadrant_biases(integers: IntegerNetwork, chip: Chip) -> list[bytes]:
    """The bytes of each bias memory in use; biases that are all zero are not stored."""
    network = integers.network
    stored = tuple(
        dataclasses.replace(layer, bias=held.bias is not None and bool(held.bias.any()))
        for layer, held in zip(network.layers, integers.layers, strict=True)
    )
    found = [b""] * quadrants_in_use(network, chip)
    for index, quadrant in biases_by_quadrant(Network(stored), chip).items():
        bias = integers.layers[index].bias
        assert bias is not None  # noqa: S101  (the layer says it has one)
        found[quadrant] += bias.tobytes()
    return found


def output_words(
    values: NDArray[np.int64], layer: Layer, place: LayerPlace, chip: Chip
) -> dict[int, tuple[int, int]]:
    """Mask and value of each data memory word that an output takes, by address.

    A word holds one pixel of 4 channels, those of 4 processors; a wide output has a word for each
    channel instead. Passes follow each other within a pixel.

    Args:
        values: The layer's output, (channels, ...).
        layer: The layer.
        place: Where it lies.
        chip: On which chip.

    **Source:** ai8x-synthesis, `izer/unload.py`.
    """
    rounds, used = passes(layer.out_channels), processors_used(layer.out_channels)
    flat = values.reshape(layer.out_channels, -1)
    size = WORD_BYTES if layer.wide else 1
    found: dict[int, tuple[int, int]] = {}
    for channel, pixels in enumerate(flat):
        turn, processor = divmod(channel, used)
        group, lane = divmod(processor, PROCESSORS_PER_INSTANCE)
        base = address_map(chip).instance(group) + place.write.offset
        for pixel, value in enumerate(pixels):
            word = (pixel * rounds + turn) * size * (place.write_gap + 1)
            if layer.wide:
                found[base + WORD_BYTES * (word + lane)] = (0xFFFF_FFFF, int(value) & 0xFFFF_FFFF)
                continue
            address = base + WORD_BYTES * word
            mask, before = found.get(address, (0, 0))
            shift = 8 * lane
            found[address] = (mask | 0xFF << shift, before | (int(value) & 0xFF) << shift)
    return found
