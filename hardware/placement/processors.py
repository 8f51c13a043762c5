# SPDX-License-Identifier: Apache-2.0
"""How channels are dealt to the 64 processors."""

import math

from hardware.layer import Layer

CHW_CHANNELS = 16
"""Input channels up to which the input lies in CHW format: one channel in 4 processors.

Source: izer, "CHW input data: one channel per group of 4 processors" (AI8X notes, 4.2).
"""


PROCESSORS = 64


def passes(channels: int) -> int:
    """Rounds in which 64 processors take this many channels."""
    return math.ceil(channels / PROCESSORS)


def processors_used(channels: int) -> int:
    """Processors that hold this many channels: all in one pass, or a multiple of 4 in several.

    **Source:** izer, "has N bits instead of the expected number"; AI8X notes, 4.2.
    """
    rounds = passes(channels)
    used = math.ceil(channels / rounds)
    return used if rounds == 1 else min(round_up(used, 4), PROCESSORS)


def uneven(channels: int) -> bool:
    """Whether the passes over these channels do not all fill the same processors."""
    return passes(channels) > 1 and channels != passes(channels) * processors_used(channels)


def packed_map(channels: int) -> int:
    """Processor mask of this many channels, from processor 0 on: bit n is processor n."""
    return (1 << processors_used(channels)) - 1


def takes_chw(first: Layer) -> bool:
    """Whether a network's first layer takes its input in CHW format: a convolution of few channels.

    Passing data through deals them out of every fourth processor wrongly, and a linear layer's
    input is one pixel; both take HWC. **Source:** the izer refuses a passthrough of over 4 such
    channels; AI8X notes, 2: "pure MLP input: HWC".
    """
    return first.in_channels <= CHW_CHANNELS and bool(first.kernel)


def input_map(first: Layer) -> int:
    """Processor mask of the network's input: every fourth processor in CHW format, else packed."""
    if not takes_chw(first):
        return packed_map(first.in_channels)
    return sum(1 << 4 * channel for channel in range(first.in_channels))


def round_up(value: int, step: int) -> int:
    """The next multiple of a step."""
    return math.ceil(value / step) * step
