# SPDX-License-Identifier: Apache-2.0
"""Inputs as the words that the core copies into the accelerator's memory, and back."""

import math

import numpy as np
from numpy.typing import NDArray

from hardware.izer.addresses import PROCESSORS_PER_INSTANCE
from hardware.izer.headers import PIXELS_PER_WORD, sample_values
from hardware.network import Network
from hardware.placement.processors import passes, takes_chw


def pack_inputs(inputs: NDArray[np.int8], network: Network) -> NDArray[np.uint32]:
    """Inputs as words: one run for each group of processors, as the izer's `sampledata.h` has them.

    Args:
        inputs: (inputs, channels, ...), int8.
        network: Whose inputs they are.

    Returns:
        (inputs, words), the runs one after the other.
    """
    channels, *size = network.input_shape
    pixels = math.prod(size)
    flat = inputs.reshape(len(inputs), channels, pixels)
    if takes_chw(network.layers[0]):
        filled = -(-pixels // PIXELS_PER_WORD) * PIXELS_PER_WORD
        held = np.zeros((len(inputs), channels, filled), np.int8)
        held[:, :, :pixels] = flat
    else:
        held = _by_pixel(flat)
    return np.ascontiguousarray(held).reshape(len(inputs), -1).view("<u4").astype(np.uint32)


def _by_pixel(flat: NDArray[np.int8]) -> NDArray[np.int8]:
    """(inputs, channels, pixels) as (inputs, groups, pixels, passes, 4): see `sample_values`."""
    count, channels, pixels = flat.shape
    rounds = passes(channels)
    groups = -(-channels // (PROCESSORS_PER_INSTANCE * rounds))
    in_pass = -(-channels // rounds)
    if rounds > 1:
        in_pass = min(-(-in_pass // 4) * 4, groups * PROCESSORS_PER_INSTANCE)
    dealt = np.zeros((count, rounds, groups * PROCESSORS_PER_INSTANCE, pixels), np.int8)
    for one in range(rounds):
        part = flat[:, one * in_pass : (one + 1) * in_pass]
        dealt[:, one, : part.shape[1]] = part
    parted = dealt.reshape(count, rounds, groups, PROCESSORS_PER_INSTANCE, pixels)
    return parted.transpose(0, 2, 4, 1, 3)


def unpack_input(words: NDArray[np.uint32], network: Network) -> NDArray[np.int8]:
    """What `pack_inputs` made of one input, (channels, ...).

    Raises:
        IzerError: where there are more or fewer words than one input has.
    """
    first, rounds = network.layers[0], passes(network.input_shape[0])
    chw = takes_chw(first)
    channels = network.input_shape[0]
    groups = channels if chw else -(-channels // (PROCESSORS_PER_INSTANCE * rounds))
    runs = {
        f"SAMPLE_INPUT_{PROCESSORS_PER_INSTANCE * group}": part.tolist()
        for group, part in enumerate(np.array_split(words, groups))
    }
    return sample_values(runs, network.input_shape, chw=chw, passes=rounds)
