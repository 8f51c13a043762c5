# SPDX-License-Identifier: Apache-2.0
"""What fits a chip, and by how much it does not."""

import functools
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from hardware.chips import Chip
from hardware.layer import WEIGHT_BITS, Layer, Operation, PoolKind
from hardware.network import Network
from hardware.placement.bias_memory import bias_bytes_by_quadrant
from hardware.placement.kernel_memory import STEP, place_kernels
from hardware.placement.memory_map import data_bytes
from hardware.placement.processors import passes, processors_used, round_up, uneven

KERNEL_WORD_BITS = 72
"""One weight memory word: 9 bytes. Source: izer kernels.py."""

FLATTEN_LIMIT = 256
"""Passes * pixels a flattening layer may have; beyond, a count field overflows into the weight
width and the chip computes something else, although the izer accepts it.

Source: register dump of a generated project (AI8X notes, trap 3).
"""


MAX_OPERANDS = 16
"""Source: izer, "`operands` has to be 2..16"."""


class DoesNotFit(ValueError):  # noqa: N818  (it is a finding about a network, not a fault)
    """A network that a chip cannot hold or run."""


@dataclass(frozen=True)
class Demand:
    """What a network asks of one limit of a chip.

    Attributes:
        what: The limit, in words: "kernel words of the busiest processor".
        where: The layer it is about, or "network".
        needed: What the network asks for.
        available: What the chip has.
        is_memory: Whether it is a memory that fills up, not a rule that is kept or broken.
    """

    what: str
    where: str
    needed: int
    available: int
    is_memory: bool = False

    @property
    def fits(self) -> bool:
        """Whether there is enough."""
        return self.needed <= self.available

    @property
    def excess(self) -> float:
        """Share by which the demand exceeds the limit; not positive where it fits."""
        return (self.needed - self.available) / max(self.available, 1)

    def __str__(self) -> str:
        said = f"{self.where}: {self.what} is {self.needed} but the limit is {self.available}"
        return f"{said}, {self.needed - self.available} too many" if self.is_memory else said


def kernel_words(layer: Layer, bits: int) -> int:
    """Weight memory words that a layer takes on each processor it uses.

    words = ceil((kc K b + (kc mod f) K (f - 1)) / 72), with kc kernels of K taps at b bits and
    f = 8 / b of them in a byte. Fewer bits never take more, save that 1 bit can take more than 2
    where the kernels do not fill whole bytes. A flattening layer at 8 bits holds one byte for each
    output slot it leaves empty.

    **Source:** the izer's log on 570 layers (AI8X notes, 4.5), and `izer/kernels.py`.
    """
    if layer.operation is Operation.PASSTHROUGH:
        return 0
    slots = processors_used(layer.out_channels) * passes(layer.out_channels)
    if layer.groups > 1:
        # Depthwise: each processor holds the kernels of its own channels.
        kernels = passes(layer.in_channels)
    elif layer.flatten:
        kernels = layer.out_channels * passes(layer.in_channels) * math.prod(layer.in_size)
        if bits == 8:
            kernels += slots - layer.out_channels
    else:
        kernels = slots * passes(layer.in_channels)
    taps = math.prod(layer.kernel)
    packed = 8 // bits
    used_bits = kernels * taps * bits + (kernels % packed) * taps * (packed - 1)
    return math.ceil(used_bits / KERNEL_WORD_BITS)


def occupied_words(layer: Layer, bits: int) -> int:
    """Weight memory words that a layer fills on each processor, the last ones perhaps with nothing.

    Mostly its `kernel_words`. Kernels of several passes are dealt out in bytes for f = 8 / b
    outputs at a time, so that where f does not divide the outputs there are zeros at the end:
    words = ceil(passes out * ceil(processors out / f) * passes in * K / 9).

    **Source:** `izer/kernels.py`, and the offsets it logs for 1-bit layers with 1,024 channels in.
    """
    words = kernel_words(layer, bits)
    if not layer.weight_shape or layer.flatten or layer.groups > 1:
        return words
    groups = math.ceil(processors_used(layer.out_channels) * bits / 8)
    filled = passes(layer.out_channels) * groups * passes(layer.in_channels)
    return max(words, math.ceil(8 * filled * math.prod(layer.kernel) / KERNEL_WORD_BITS))


def demands(network: Network, bits: Sequence[int], chip: Chip) -> list[Demand]:
    """Everything a network with these weight bits asks of the chip's limits.

    Counts packed processor maps from processor 0, tensors placed as `memory_map` places them, the
    input of convolutions in CHW format where it has up to 16 channels. A streaming layer's input
    counts nothing in the data memory; its FIFOs and buffers are not checked.

    Maps drawn by hand can hold more. The published svhn-tinierssd runs on the MAX78000, whereas
    here it needs 848 of 768 words and 49,296 of 32,768 bytes: it deals layers of 32 channels to
    processors 0..31 and 32..63 in turn, so that each half holds every other layer.
    """
    network.check_bits(bits)
    return [*_lasting_demands(network, chip), *_kernel_demands(network, bits, chip)]


@functools.lru_cache(maxsize=4096)
def _lasting_demands(network: Network, chip: Chip) -> tuple[Demand, ...]:
    """What does not depend on the bits."""
    found = [Demand("number of layers", "network", _layer_count(network, chip), chip.max_layers)]
    for layer in network.layers:
        found += _layer_demands(layer, chip)
        if layer.operands > 1:
            found += _combination_demands(layer, chip)
        if layer.flatten:
            found += _flatten_demands(layer)
        else:
            found += _convolution_demands(layer, chip)
    found.append(
        Demand(
            "bias bytes of the fullest quadrant",
            "network",
            max(bias_bytes_by_quadrant(network, chip)),
            chip.bias_bytes_per_quadrant,
            is_memory=True,
        )
    )
    found.append(
        Demand(
            "bytes of data memory of 4 processors",
            "network",
            data_bytes(network),
            chip.data_instance_bytes,
            is_memory=True,
        )
    )
    return tuple(found)


def _kernel_demands(network: Network, bits: Sequence[int], chip: Chip) -> list[Demand]:
    """Weight memory of processor 0, which holds every layer, each from a multiple of 4 words on.

    A layer with one input channel lies in processor 0 alone, from the end of its memory down.
    """
    room = _room(network)
    overlaid = 0
    larger = chip.first_processor_kernel_words
    if larger > chip.kernel_words and sum(single for single, _ in room) > 1:
        words = [known[width] for (_, known), width in zip(room, bits, strict=True)]
        used = [processors_used(layer.in_channels) for layer in network.layers]
        lain = place_kernels(words, used, chip)
        shared, alone, overlaid = lain.shared, lain.alone, len(lain.overlaid)
    else:
        shared = alone = 0
        for (single, known), width in zip(room, bits, strict=True):
            if single and larger > chip.kernel_words:
                alone += round_up(known[width], STEP)
            else:
                shared += round_up(known[width], STEP)
    what = "kernel words of the busiest processor"
    found = [Demand(what, "network", shared, chip.kernel_words, is_memory=True)]
    if alone:
        what = "kernel words of processor 0"
        found.append(Demand(what, "network", shared + alone, larger, is_memory=True))
    if overlaid:
        what = "layers of one channel in whose weights the izer lays over others'"
        found.append(Demand(what, "network", overlaid, 0))
    return found


@functools.lru_cache(maxsize=4096)
def _room(network: Network) -> tuple[tuple[bool, dict[int, int]], ...]:
    """Of each layer, whether it uses one processor alone, and its words there at each width."""
    return tuple(
        (
            processors_used(layer.in_channels) == 1,
            {width: occupied_words(layer, width) for width in WEIGHT_BITS},
        )
        for layer in network.layers
    )


def _layer_demands(layer: Layer, chip: Chip) -> list[Demand]:
    padding = layer.padding if chip.padding_counts else 0
    rows = max((*(size + 2 * padding for size in layer.in_size), *layer.out_size), default=1)
    found = [
        Demand("channels in", layer.name, layer.in_channels, chip.max_channels),
        Demand("channels out", layer.name, layer.out_channels, chip.max_channels),
        Demand("rows or columns", layer.name, rows, chip.max_dimension),
    ]
    if layer.bias:
        found.append(
            Demand(
                "bias bytes in one quadrant",
                layer.name,
                layer.out_channels,
                chip.bias_bytes_per_quadrant,
            )
        )
    if layer.pool is not None:
        found.append(Demand("pooling size", layer.name, layer.pool.size, 16))
        found.append(Demand("pooling stride", layer.name, layer.pool.stride, 16))
    return found


def _layer_count(network: Network, chip: Chip) -> int:
    """Layers of the chip: one more for each average pooling right after combined operands.

    **Source:** ai8x-synthesis, `izer/tornadocnn.py`, REQUIRE_PASSTHROUGH_AVGPOOL_AFTER_ELTWISE.
    """
    layers = network.layers
    if not chip.pool_reset:
        return len(layers)
    return len(layers) + sum(
        before.operands > 1 and layer.pool is not None and layer.pool.kind is PoolKind.AVERAGE
        for before, layer in itertools.pairwise(layers)
    )


def _combination_demands(layer: Layer, chip: Chip) -> list[Demand]:
    """Limits of layers that combine operands element by element.

    **Source:** ai8x-synthesis, `izer/backend/max7800x.py`: "Element-wise operations cannot be
    combined with Conv1d", "exceeds a multi-pass of 2", '"pool last" supports a maximum of',
    "must be in a separate layer from convolutions with bias"; flattening counts its channels wrong.
    """
    found = [Demand("operands", layer.name, layer.operands, MAX_OPERANDS)]
    if layer.operation is Operation.CONV1D:
        found.append(Demand("operands of a conv1d", layer.name, layer.operands, 1))
    if layer.flatten:
        found.append(Demand("operands to flatten", layer.name, layer.operands, 1))
    if layer.pool is not None and layer.pool.size > 1:
        found.append(Demand("operands to pool", layer.name, layer.operands, 2))
    rounds = passes(layer.in_channels)
    if rounds > 1 and (layer.weight_shape or layer.pool is not None):
        what = "operands times passes"
        found.append(Demand(what, layer.name, layer.operands * rounds, chip.adds_passes))
    if layer.bias and not chip.adds_with_bias:
        what = "operands of a layer with a bias"
        found.append(Demand(what, layer.name, layer.operands, 1))
    return found


def _flatten_demands(layer: Layer) -> list[Demand]:
    rounds = passes(layer.in_channels)
    pixels = math.prod(layer.in_size)
    found = [Demand("flattened pixels times passes", layer.name, rounds * pixels, FLATTEN_LIMIT)]
    if uneven(layer.in_channels):
        what = "channels to flatten, uneven over the passes,"
        found.append(Demand(what, layer.name, layer.in_channels, 64))
    return found


def _convolution_demands(layer: Layer, chip: Chip) -> list[Demand]:
    rounds = passes(layer.in_channels)
    found = [Demand("input passes", layer.name, rounds, chip.max_input_passes)]
    if layer.operation is Operation.PASSTHROUGH and _pools_to_several(layer):
        found.append(
            Demand("passes of pooling without weights", layer.name, rounds, chip.pools_passes)
        )
    if not layer.kernel:
        return found
    if layer.groups not in (1, layer.in_channels) or (layer.groups > 1 and not chip.depthwise):
        allowed = layer.in_channels if chip.depthwise else 1
        found.append(Demand("groups of channels", layer.name, layer.groups, allowed))
    largest = max(layer.kernel)
    if layer.operation is Operation.CONV1D:
        found.append(Demand("kernel size", layer.name, largest, 9))
        if rounds > 1 and not chip.padded_multipass_conv1d:
            found.append(
                Demand("padding of a conv1d with over 64 channels in", layer.name, layer.padding, 0)
            )
    elif layer.kernel in ((1, 1), (3, 3)) or largest > 3:
        # The chip has 3x3 kernels and, as their centre, 1x1.
        found.append(Demand("kernel size", layer.name, largest, 3))
    else:
        found.append(Demand("kernel size (1x1 or 3x3)", layer.name, largest, 1))
    found.append(Demand("padding", layer.name, layer.padding, min(2, min(layer.kernel) - 1)))
    return found


def _pools_to_several(layer: Layer) -> bool:
    """Whether a layer pools windows of several values, and more than one window."""
    return layer.pool is not None and layer.pool.size > 1 and math.prod(layer.pooled_size) > 1
