# SPDX-License-Identifier: Apache-2.0
"""What the izer takes but puts into weight memory out of place."""

from collections.abc import Sequence

from hardware.network import Network
from hardware.placement.limits import DoesNotFit
from hardware.placement.processors import passes, processors_used, round_up, uneven


def check_packing(network: Network, bits: Sequence[int]) -> None:
    """Refuses what the izer accepts and simulates but puts into weight memory out of place.

    Such a network fits and its known answer looks right, but the chip would use other weights.
    Widening the layer in front, with weights and biases of zero, gives the same function and heals
    it; `demands` does not count these cases, so call this before a project is written.

    **Source:** `izer/kernels.py`, and weights.h of generated projects, where the kernels of
    processors without a channel in the last pass are too short; not seen on a chip.

    Raises:
        DoesNotFit: for weights under 8 bits that take more than 64 channels unevenly over the
            passes, and 1-bit convolutions that give more than 64 channels, not in eights a pass.
    """
    network.check_bits(bits)
    for layer, width in zip(network.layers, bits, strict=True):
        if layer.flatten:
            continue
        channels, used = layer.in_channels, processors_used(layer.in_channels)
        if width < 8 and uneven(channels):
            raise DoesNotFit(
                f"{layer.name}: the izer misplaces {width}-bit weights for {channels} channels in;"
                f" 8 bits or {passes(channels) * used} channels are safe"
            )
        channels, used = layer.out_channels, processors_used(layer.out_channels)
        if width == 1 and channels > 64 and used % 8:
            raise DoesNotFit(
                f"{layer.name}: the izer misplaces 1-bit weights for {channels} channels out;"
                f" 2 bits or {passes(channels) * round_up(used, 8)} channels are safe"
            )
