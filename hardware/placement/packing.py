# SPDX-License-Identifier: Apache-2.0
"""What the izer takes but puts into weight memory out of place."""

from collections.abc import Sequence

from hardware.layer import WEIGHT_BITS, Layer
from hardware.network import Network
from hardware.placement.limits import DoesNotFit
from hardware.placement.processors import passes, processors_used, round_up, uneven


def sound_bits(network: Network, bits: Sequence[int]) -> tuple[int, ...]:
    """The narrowest widths, none under the given ones, at which the izer places all weights well.

    Weights held at a wider width than they need compute the same function.

    Raises:
        NetworkError: where there is not one of the chip's widths for every layer.
    """
    network.check_bits(bits)
    return tuple(
        next(
            held
            for held in WEIGHT_BITS
            if held >= width and (held == max(WEIGHT_BITS) or not _misplaced(layer, held))
        )
        for layer, width in zip(network.layers, bits, strict=True)
    )


def check_packing(network: Network, bits: Sequence[int]) -> None:
    """Refuses what the izer accepts and simulates but puts into weight memory out of place.

    Such a network fits and its known answer looks right, but the chip would use other weights.
    Holding the weights at `sound_bits`, or widening the layer in front with weights and biases of
    zero, gives the same function and heals it; `demands` does not count these cases, so call this
    before a project is written.

    **Source:** `izer/kernels.py`, and weights.h of generated projects, where the kernels of
    processors without a channel in the last pass are too short; not seen on a chip.

    Raises:
        DoesNotFit: for weights under 8 bits that take more than 64 channels unevenly over the
            passes, and 1-bit convolutions that give more than 64 channels, not in eights a pass.
    """
    network.check_bits(bits)
    for layer, width in zip(network.layers, bits, strict=True):
        misplaced = _misplaced(layer, width)
        if misplaced:
            raise DoesNotFit(f"{layer.name}: {misplaced}")


def _misplaced(layer: Layer, width: int) -> str:
    """Why the izer misplaces a layer's weights at a width, and what is safe; '' if it does not."""
    if layer.flatten or not layer.weight_shape:
        return ""
    channels, used = layer.in_channels, processors_used(layer.in_channels)
    if width < 8 and uneven(channels):
        return (
            f"the izer misplaces {width}-bit weights for {channels} channels in; 8 bits or"
            f" {passes(channels) * used} channels are safe"
        )
    channels, used = layer.out_channels, processors_used(layer.out_channels)
    if width == 1 and channels > 64 and used % 8:
        return (
            f"the izer misplaces 1-bit weights for {channels} channels out; 2 bits or"
            f" {passes(channels) * round_up(used, 8)} channels are safe"
        )
    return ""
