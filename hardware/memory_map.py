# SPDX-License-Identifier: Apache-2.0
"""Where tensors lie in the data memory that 4 processors share."""

import math
from dataclasses import dataclass

from hardware.network import Network
from hardware.processors import CHW_CHANNELS, passes, round_up

ALIGNMENT_BYTES = 16


@dataclass(frozen=True)
class Tensor:
    """One tensor's place in the data memory of each group of 4 processors.

    Attributes:
        offset: First byte.
        size: Bytes.
    """

    offset: int
    size: int

    @property
    def end(self) -> int:
        """First byte after it."""
        return self.offset + self.size


def map_tensors(network: Network) -> tuple[Tensor, ...]:
    """Places the network's input and every layer's output, so that no two in use overlap.

    A chain goes back and forth between two halves: even tensors at 0, odd ones behind the largest
    even one. Other networks take for each tensor the lowest place that is free while it is in use.

    Returns:
        The input first, then one tensor a layer.

    **Source:** footprint and overlap rules of the izer (AI8X notes, 4.3).
    """
    sizes = _sizes(network)
    if not any(layer.sources for layer in network.layers):
        half = round_up(max(sizes[0::2]), ALIGNMENT_BYTES)
        return tuple(Tensor(half * (index % 2), size) for index, size in enumerate(sizes))
    last_use = list(range(len(sizes)))
    for index in range(len(network.layers)):
        for source in network.sources(index):
            last_use[source + 1] = max(last_use[source + 1], index + 1)
    placed: list[Tensor] = []
    for index, size in enumerate(sizes):
        live = [tensor for before, tensor in enumerate(placed) if last_use[before] >= index]
        placed.append(Tensor(_lowest_free(live, size), size))
    return tuple(placed)


def data_bytes(network: Network) -> int:
    """Data memory that the network needs in each group of 4 processors, in bytes."""
    return max(tensor.end for tensor in map_tensors(network))


def _sizes(network: Network) -> list[int]:
    """Bytes of each tensor in one group of 4 processors: 4 a pixel and pass, wide ones 16.

    The network's input takes 1 byte a pixel in CHW format; where it streams in, nothing.
    """
    first = network.layers[0]
    pixels = math.prod(first.in_size)
    chw = first.in_channels <= CHW_CHANNELS
    sizes = [pixels if chw else pixels * passes(first.in_channels) * 4]
    if first.streaming:
        sizes[0] = 0
    for layer in network.layers:
        size = layer.out_pixels * passes(layer.out_channels) * 4
        sizes.append(size * 4 if layer.wide else size)
    for index, layer in enumerate(network.layers):
        if layer.streaming and index:
            sizes[index] = 0
    return sizes


def _lowest_free(live: list[Tensor], size: int) -> int:
    offset = 0
    for tensor in sorted(live, key=lambda one: one.offset):
        if offset + size <= tensor.offset:
            break
        offset = max(offset, round_up(tensor.end, ALIGNMENT_BYTES))
    return offset
