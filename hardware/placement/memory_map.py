# SPDX-License-Identifier: Apache-2.0
"""Where tensors lie in the data memory that 4 processors share."""

import math
from dataclasses import dataclass

from hardware.network import Network
from hardware.placement.processors import PROCESSORS, passes, round_up, takes_chw

ALIGNMENT_BYTES = 16
WORD_BYTES = 4


@dataclass(frozen=True)
class Tensor:
    """One tensor's place in the data memory of each group of 4 processors.

    Attributes:
        offset: First byte.
        size: Bytes from the first to the last, those in gaps included.
        gap: Words after each of its own that belong to other operands of the same combination.
    """

    offset: int
    size: int
    gap: int = 0

    @property
    def end(self) -> int:
        """First byte after it."""
        return self.offset + self.size


@dataclass(frozen=True)
class Block:
    """Tensors that begin together, because one layer takes them together.

    Attributes:
        tensors: Which, in the order in which it takes them; 0 is the network's input.
        in_turn: Whether they lie word by word in turn, in the same processors; else they lie at one
            offset in processors of their own.
    """

    tensors: tuple[int, ...]
    in_turn: bool


def map_tensors(network: Network) -> tuple[Tensor, ...]:
    """Places the network's input and every layer's output, so that no two in use overlap.

    A chain goes back and forth between two halves: even tensors at 0, odd ones behind the largest
    even one. Other networks take for each tensor the lowest place that is free while it is in use.
    Operands that are combined element by element lie word by word in turn, in one block, as do
    concatenated tensors of together more than 64 channels; of up to 64, they lie in different
    processors.

    Returns:
        The input first, then one tensor a layer.

    **Source:** footprint and overlap rules of the izer (AI8X notes, 4.3); interleaved operands as
    in its networks/cifar100-ressimplenet.yaml and networks/ai87-cifar100-mobilenet-v2-0.75.yaml.
    """
    sizes = _sizes(network)
    if not any(layer.sources for layer in network.layers):
        half = round_up(max(sizes[0::2]), ALIGNMENT_BYTES)
        return tuple(Tensor(half * (index % 2), size) for index, size in enumerate(sizes))
    blocks = blocks_of(network)
    last = _last_uses(network)
    placed: dict[Block, Tensor] = {}
    found = []
    for index, size in enumerate(sizes):
        block = blocks.get(index) or Block((index,), in_turn=False)
        count = len(block.tensors) if block.in_turn else 1
        if block not in placed:
            live = [
                held
                for earlier, held in placed.items()
                if max(last[member] for member in earlier.tensors) >= index
            ]
            whole = max(sizes[member] for member in block.tensors) * count
            placed[block] = Tensor(_lowest_free(live, whole), whole)
        turn = WORD_BYTES * block.tensors.index(index) if block.in_turn else 0
        span = size * count - WORD_BYTES * (count - 1)
        found.append(Tensor(placed[block].offset + turn, span, count - 1))
    return tuple(found)


def blocks_of(network: Network) -> dict[int, Block]:
    """The block in which each tensor (0 is the input) lies with others.

    Not in it are the network's input, and tensors that a layer takes twice or that another layer
    has taken already together with others: such layers cannot be placed.
    """
    found: dict[int, Block] = {}
    for layer in network.layers:
        tensors = tuple(source + 1 for source in layer.sources)
        taken = 0 in tensors or len(set(tensors)) < len(tensors)
        if len(tensors) < 2 or taken or any(one in found for one in tensors):
            continue
        if layer.operands > 1:
            found.update(dict.fromkeys(tensors, Block(tensors, in_turn=True)))
            continue
        channels = [network.layers[one - 1].out_channels for one in tensors]
        alone = passes(layer.in_channels) == 1
        if alone or (max(channels) <= PROCESSORS and passes(layer.in_channels) == len(tensors)):
            found.update(dict.fromkeys(tensors, Block(tensors, in_turn=not alone)))
    return found


def data_bytes(network: Network) -> int:
    """Data memory that the network needs in each group of 4 processors, in bytes."""
    return max(tensor.end for tensor in map_tensors(network))


def _sizes(network: Network) -> list[int]:
    """Bytes of each tensor in one group of 4 processors: 4 a pixel and pass, wide ones 16.

    The network's input takes 1 byte a pixel in CHW format; where it streams in, nothing.
    """
    first = network.layers[0]
    pixels = math.prod(first.in_size)
    sizes = [pixels if takes_chw(first) else pixels * passes(first.in_channels) * 4]
    if first.streaming:
        sizes[0] = 0
    for layer in network.layers:
        size = layer.out_pixels * passes(layer.out_channels) * 4
        sizes.append(size * 4 if layer.wide else size)
    for index, layer in enumerate(network.layers):
        if layer.streaming and index:
            sizes[index] = 0
    return sizes


def _last_uses(network: Network) -> list[int]:
    """The last tensor that is written while each is still needed."""
    found = list(range(len(network.layers) + 1))
    for index in range(len(network.layers)):
        for source in network.sources(index):
            found[source + 1] = max(found[source + 1], index + 1)
    return found


def _lowest_free(live: list[Tensor], size: int) -> int:
    offset = 0
    for tensor in sorted(live, key=lambda one: one.offset):
        if offset + size <= tensor.offset:
            break
        offset = max(offset, round_up(tensor.end, ALIGNMENT_BYTES))
    return offset
