# SPDX-License-Identifier: Apache-2.0
"""How many 32-bit words the core writes: weights, biases and input, as the izer stores them."""

import enum
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hardware.chips import Chip
from hardware.network import Network
from hardware.placement.limits import kernel_words
from hardware.placement.processors import CHW_CHANNELS, input_map, packed_map, round_up

BLOCK_WORDS = 2
"""Words in front of each run of kernels: its address and its length. Source: izer apbaccess.py."""


class InputFormat(enum.Enum):
    """How an input lies in words, by the izer's names.

    CHW: four pixels of one channel a word. HWC: four channels of one pixel.
    """

    CHW = "CHW"
    HWC = "HWC"


def input_words(network: Network, input_format: InputFormat | None = None) -> int:
    """32-bit words of one input; by channel (CHW) up to 16 channels where nothing is said."""
    channels, *size = network.input_shape
    pixels = math.prod(size)
    if input_format is None:
        input_format = InputFormat.CHW if channels <= CHW_CHANNELS else InputFormat.HWC
    if input_format is InputFormat.CHW:
        return channels * math.ceil(pixels / 4)
    return math.ceil(channels / 4) * pixels


@dataclass(frozen=True)
class KernelMap:
    """Which processors hold which layers; it does not depend on the bits.

    Attributes:
        order: Layers with weights, in the order in which their kernels are placed.
        alone: Those of processor 0 alone, which lie at the end of its memory.
        groups: Processors that hold the same layers: how many, and those layers in order.
    """

    order: tuple[int, ...]
    alone: tuple[int, ...]
    groups: tuple[tuple[int, tuple[int, ...]], ...]


def kernel_map(network: Network, chip: Chip, input_format: InputFormat | None = None) -> KernelMap:
    """Finds which processors hold which layers, maps packed from processor 0."""
    layers = [i for i, layer in enumerate(network.layers) if layer.weight_shape]
    maps = {i: packed_map(network.layers[i].in_channels) for i in layers}
    if 0 in maps and input_format is not InputFormat.HWC:
        maps[0] = input_map(network.layers[0])
    full = (1 << chip.processors) - 1
    larger = chip.first_processor_kernel_words > chip.kernel_words
    order = sorted(layers, key=lambda i: maps[i] != full)
    alone = tuple(i for i in order if larger and maps[i] == 1)
    shared = tuple(i for i in order if i not in alone)
    held = Counter(tuple(i for i in shared if maps[i] >> p & 1) for p in range(chip.processors))
    groups = tuple((count, found) for found, count in held.items() if found)
    return KernelMap(shared, alone, groups)


def weight_words(network: Network, bits: Sequence[int], placed: KernelMap) -> int:
    """32-bit words of `KERNELS` in the generated `weights.h`, which the core copies.

    Each processor's kernels of 9 bytes come in runs of adjoining memory, each with its address and
    length and filled up to a word; a zero ends them. A layer lies in every processor it takes
    channels from, from a multiple of 4 kernels on. Counted for packed maps from processor 0;
    biases, a byte each, are not counted.

    **Source:** ai8x-synthesis, `izer/apbaccess.py` and `izer/kernels.py`.
    """
    sizes = {
        index: kernel_words(network.layers[index], bits[index])
        for index in placed.order + placed.alone
    }
    offsets, end = {}, 0
    for index in placed.order:
        offsets[index] = round_up(end, 4)
        end = offsets[index] + sizes[index]
    total = 1 + sum(_run_words(sizes[index]) for index in placed.alone)
    for count, held in placed.groups:
        begin = end = offsets[held[0]]
        words = 0
        for index in held:
            if offsets[index] != end:
                words += _run_words(end - begin)
                begin = offsets[index]
            end = offsets[index] + sizes[index]
        total += count * (words + _run_words(end - begin))
    return total


def _run_words(kernels: int) -> int:
    return BLOCK_WORDS + math.ceil(kernels * 9 / 4)
