# SPDX-License-Identifier: Apache-2.0
"""What fits a chip, and by how much it does not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hardware.chips import Chip
from hardware.network import Layer, Network, Operation

KERNEL_WORD_BITS = 72
"""One weight memory word: 9 bytes. Source: izer kernels.py."""

FLATTEN_LIMIT = 256
"""Passes * pixels a flattening layer may have; beyond, a count field overflows into the weight
width and the chip computes something else, although the izer accepts it.

Source: register dump of a generated project (AI8X notes, trap 3).
"""


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
    """

    what: str
    where: str
    needed: int
    available: int

    @property
    def fits(self) -> bool:
        """Whether there is enough."""
        return self.needed <= self.available

    @property
    def excess(self) -> float:
        """Share by which the demand exceeds the limit; not positive where it fits."""
        return (self.needed - self.available) / max(self.available, 1)

    def __str__(self) -> str:
        return f"{self.where}: {self.what} is {self.needed} but the limit is {self.available}"


def passes(channels: int) -> int:
    """Rounds in which 64 processors take this many channels."""
    return math.ceil(channels / 64)


def processors_used(channels: int) -> int:
    """Processors that hold this many channels: all in one pass, or a multiple of 4 in several.

    **Source:** izer, "has N bits instead of the expected number"; AI8X notes, 4.2.
    """
    rounds = passes(channels)
    used = math.ceil(channels / rounds)
    return used if rounds == 1 else min(_round_up(used, 4), 64)


def kernel_words(layer: Layer, bits: int) -> int:
    """Weight memory words that a layer takes on each processor it uses.

    words = ceil((kc K b + (kc mod f) K (f - 1)) / 72), with kc kernels of K taps at b bits and
    f = 8 / b of them in a byte.

    **Source:** the izer's log on 570 layers (AI8X notes, 4.5).
    """
    if layer.flatten:
        kernels = layer.out_channels * passes(layer.in_channels) * math.prod(layer.in_size)
    else:
        kernels = (
            processors_used(layer.out_channels)
            * passes(layer.out_channels)
            * passes(layer.in_channels)
        )
    taps = math.prod(layer.kernel)
    packed = 8 // bits
    used_bits = kernels * taps * bits + (kernels % packed) * taps * (packed - 1)
    return math.ceil(used_bits / KERNEL_WORD_BITS)


def demands(network: Network, bits: Sequence[int], chip: Chip) -> list[Demand]:
    """Everything a network with these weight bits asks of the chip's limits.

    Counts packed processor maps from processor 0, tensors placed in turn at both ends of the data
    memory (ping-pong), the input in CHW format where it has up to 16 channels. Streaming (larger
    inputs through FIFOs) is not counted: such inputs are reported as too large.
    """
    network.check_bits(bits)
    found = [Demand("number of layers", "network", len(network.layers), chip.max_layers)]
    words = 0
    for layer, width in zip(network.layers, bits, strict=True):
        found += _layer_demands(layer, chip)
        words += _round_up(kernel_words(layer, width), 4)
    found.append(
        Demand("kernel words of the busiest processor", "network", words, chip.kernel_words)
    )
    found.append(
        Demand(
            "bias bytes",
            "network",
            network.bias_bytes,
            chip.bias_bytes_per_quadrant * chip.quadrants,
        )
    )
    found.append(
        Demand(
            "bytes of data memory of 4 processors",
            "network",
            _data_bytes(network),
            chip.data_instance_bytes,
        )
    )
    return found


def check_fit(network: Network, bits: Sequence[int], chip: Chip) -> None:
    """Raises DoesNotFit, naming the limit that is exceeded by the largest share."""
    worst = max(demands(network, bits, chip), key=lambda demand: demand.excess)
    if not worst.fits:
        raise DoesNotFit(f"does not fit the {chip.name}: {worst}")


def _layer_demands(layer: Layer, chip: Chip) -> list[Demand]:
    found = [
        Demand("channels in", layer.name, layer.in_channels, chip.max_channels),
        Demand("channels out", layer.name, layer.out_channels, chip.max_channels),
        Demand("rows or columns", layer.name, max(layer.in_size, default=1), chip.max_dimension),
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
    rounds = passes(layer.in_channels)
    if layer.flatten:
        pixels = math.prod(layer.in_size)
        found.append(
            Demand("flattened pixels times passes", layer.name, rounds * pixels, FLATTEN_LIMIT)
        )
        uneven = rounds > 1 and layer.in_channels != rounds * processors_used(layer.in_channels)
        if uneven:
            found.append(
                Demand(
                    "channels to flatten, uneven over the passes,",
                    layer.name,
                    layer.in_channels,
                    64,
                )
            )
        return found
    found.append(Demand("input passes", layer.name, rounds, chip.max_input_passes))
    if layer.operation is Operation.CONV1D:
        found.append(Demand("kernel size", layer.name, layer.kernel[0], 9))
        found.append(Demand("padding", layer.name, layer.padding, min(2, layer.kernel[0] - 1)))
        if rounds > 1 and not chip.padded_multipass_conv1d:
            found.append(
                Demand("padding of a conv1d with over 64 channels in", layer.name, layer.padding, 0)
            )
    if layer.operation is Operation.CONV2D:
        # The chip has 3x3 kernels and, as their centre, 1x1.
        found.append(Demand("kernel size", layer.name, layer.kernel[0], 3))
        if layer.kernel[0] == 2:
            found.append(Demand("kernel size (1 or 3)", layer.name, 2, 1))
        found.append(Demand("padding", layer.name, layer.padding, min(2, layer.kernel[0] - 1)))
    return found


def _data_bytes(network: Network) -> int:
    """Data memory of one group of 4 processors: the largest even tensor and the largest odd one."""
    first = network.layers[0]
    pixels = math.prod(first.in_size)
    tensors = [pixels if first.in_channels <= 16 else pixels * passes(first.in_channels) * 4]
    for layer in network.layers:
        size = layer.out_pixels * passes(layer.out_channels) * 4
        tensors.append(size * 4 if layer.wide else size)
    return _round_up(max(tensors[0::2]), 16) + max(tensors[1::2])


def _round_up(value: int, step: int) -> int:
    return math.ceil(value / step) * step
