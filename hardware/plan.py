# SPDX-License-Identifier: Apache-2.0
"""Where everything of a chain lies on the chip: processors, data memory, weights, biases."""

from collections.abc import Sequence
from dataclasses import dataclass

from hardware.chips import Chip
from hardware.memory_map import Tensor, map_tensors
from hardware.network import Network
from hardware.placement import DoesNotFit, biases_by_quadrant, check_fit, kernel_words
from hardware.processors import input_map, packed_map, round_up


@dataclass(frozen=True)
class LayerPlace:
    """Where one layer lies.

    Attributes:
        processors: Mask of the processors that hold its input; bit n is processor n.
        output_processors: Mask of those that take its output.
        read: Its input in the data memory of each group of 4 processors.
        write: Its output there.
        kernel_offset: First word of its weights in each processor it uses.
        kernel_words: Words of its weights in each.
        bias_quadrant: Quadrant that holds its biases; None without.
    """

    processors: int
    output_processors: int
    read: Tensor
    write: Tensor
    kernel_offset: int
    kernel_words: int
    bias_quadrant: int | None


def place(network: Network, bits: Sequence[int], chip: Chip) -> tuple[LayerPlace, ...]:
    """Places a chain: maps packed from processor 0, tensors in turn in two halves.

    Weights are placed in network order, save that layers using all 64 processors come first, and
    one with a single input channel at the end of processor 0's memory. **Source:** the izer's
    allocation, `izer/kernels.py` and `izer/kbias.py`.

    Raises:
        DoesNotFit: where a limit of the chip is exceeded, or the network is not a chain.
    """
    check_fit(network, bits, chip)
    if any(layer.sources for layer in network.layers):
        raise DoesNotFit(
            "networks whose layers take several, or other than the layer before, are priced but not"
            " placed: their operands must be interleaved in the data memory by hand"
        )
    tensors = map_tensors(network)
    kernels = _kernel_offsets(network, bits, chip)
    quadrants = biases_by_quadrant(network, chip)
    found = []
    for index, layer in enumerate(network.layers):
        chw = not index and not layer.flatten
        maps = input_map(layer.in_channels) if chw else packed_map(layer.in_channels)
        found.append(
            LayerPlace(
                processors=maps,
                output_processors=packed_map(layer.out_channels),
                read=tensors[index],
                write=tensors[index + 1],
                kernel_offset=kernels[index],
                kernel_words=kernel_words(layer, bits[index]),
                bias_quadrant=quadrants.get(index),
            )
        )
    return tuple(found)


def _kernel_offsets(network: Network, bits: Sequence[int], chip: Chip) -> list[int]:
    """First weight memory word of each layer."""
    offsets = [0] * len(network.layers)
    full = (1 << chip.processors) - 1
    order = sorted(
        range(len(network.layers)),
        key=lambda index: packed_map(network.layers[index].in_channels) != full,
    )
    bottom, top = 0, chip.first_processor_kernel_words
    for index in order:
        words = kernel_words(network.layers[index], bits[index])
        alone = network.layers[index].in_channels == 1
        if alone and chip.first_processor_kernel_words > chip.kernel_words:
            top = (top - words) // 4 * 4
            offsets[index] = top
        else:
            offsets[index] = bottom
            bottom = round_up(bottom + words, 4)
    return offsets
