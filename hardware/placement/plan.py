# SPDX-License-Identifier: Apache-2.0
"""Where everything of a network lies on the chip: processors, data memory, weights, biases."""

from collections.abc import Sequence
from dataclasses import dataclass

from hardware.chips import Chip
from hardware.layer import Layer
from hardware.network import Network
from hardware.placement.bias_memory import biases_by_quadrant
from hardware.placement.kernel_memory import place_kernels
from hardware.placement.limits import DoesNotFit, kernel_words, occupied_words
from hardware.placement.memory_map import Tensor, blocks_of, map_tensors
from hardware.placement.nearest_fit import check_fit
from hardware.placement.processors import (
    input_map,
    packed_map,
    passes,
    processors_used,
    takes_chw,
)


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
        chw: Whether its input lies in CHW format, 4 pixels of a channel in a word.
        read_gap: Words left out after each it reads, which are other operands of a combination.
        write_gap: Words left free after each it writes, for other operands of a combination.
    """

    processors: int
    output_processors: int
    read: Tensor
    write: Tensor
    kernel_offset: int
    kernel_words: int
    bias_quadrant: int | None
    chw: bool = False
    read_gap: int = 0
    write_gap: int = 0


def place(network: Network, bits: Sequence[int], chip: Chip) -> tuple[LayerPlace, ...]:
    """Places a network: maps packed from processor 0, tensors as `map_tensors` places them.

    Weights and biases lie where the izer's own allocation puts them.

    Raises:
        DoesNotFit: where a limit of the chip is exceeded, where layers are concatenated, or where
            operands of a combination cannot lie in turn in the data memory.
    """
    check_fit(network, bits, chip)
    _check_operands(network, chip)
    tensors = map_tensors(network)
    kernels = place_kernels(
        [occupied_words(layer, width) for layer, width in zip(network.layers, bits, strict=True)],
        [processors_used(layer.in_channels) for layer in network.layers],
        chip,
    )
    quadrants = biases_by_quadrant(network, chip)
    found = []
    for index, layer in enumerate(network.layers):
        sources = network.sources(index)
        found.append(
            LayerPlace(
                processors=packed_map(layer.in_channels) if index else input_map(layer),
                output_processors=packed_map(layer.out_channels),
                read=_read(network, index, tensors),
                write=tensors[index + 1],
                kernel_offset=kernels.offsets[index],
                kernel_words=kernel_words(layer, bits[index]),
                bias_quadrant=quadrants.get(index),
                chw=not index and takes_chw(layer),
                read_gap=tensors[sources[0] + 1].gap if len(sources) == 1 else 0,
                write_gap=tensors[index + 1].gap,
            )
        )
    return tuple(found)


def _read(network: Network, index: int, tensors: tuple[Tensor, ...]) -> Tensor:
    """What a layer reads: one tensor, or the whole block in which its operands lie in turn."""
    operands = [tensors[source + 1] for source in network.sources(index)]
    return Tensor(operands[0].offset, max(one.end for one in operands) - operands[0].offset)


def _check_operands(network: Network, chip: Chip) -> None:
    """Raises DoesNotFit for what has no place: concatenations, and operands that cannot lie so."""
    blocks = blocks_of(network)
    for index, layer in enumerate(network.layers):
        sources = network.sources(index)
        if layer.operands == 1 and len(sources) > 1:
            raise DoesNotFit(f"{layer.name}: concatenated layers are priced but not placed")
        block = tuple(source + 1 for source in sources)
        if layer.operands > 1 and (block[0] not in blocks or blocks[block[0]].tensors != block):
            raise DoesNotFit(
                f"{layer.name}: it combines the network's input, a layer twice, or one that another"
                " layer combines too; pass that through a layer of its own in between"
            )
        if layer.operands == 1 and block[0] in blocks:
            _check_gap(layer, network.names[sources[0]], chip)


def _check_gap(layer: Layer, source: str, chip: Chip) -> None:
    if not chip.read_gap or passes(layer.in_channels) > 1:
        reason = "with over 64 channels" if chip.read_gap else f"on the {chip.name}"
        raise DoesNotFit(
            f"{layer.name}: {source} lies in turn with other operands, out of which no layer"
            f" {reason} can read it alone; combine a copy of it, passed through a layer"
        )
