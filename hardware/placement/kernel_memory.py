# SPDX-License-Identifier: Apache-2.0
"""Where the izer puts each layer's weights, its oddities included.

**Source:** ai8x-synthesis, `izer/kernels.py`, `search_kernel_mem`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware.chips import Chip
from hardware.placement.processors import round_up

STEP = 4
"""Weights begin at a multiple of this many words."""


@dataclass(frozen=True)
class KernelPlaces:
    """Where weights lie in the memory of processor 0, which holds some of every layer.

    Attributes:
        offsets: First word of each layer, by its place in the network; 0 without weights.
        shared: Words up to the end of the layers that begin at 0.
        alone: Words from the first of the layers at the end of the memory to that end.
        overlaid: Layers whose weights the izer lays over another's: the network comes out wrong.
    """

    offsets: tuple[int, ...]
    shared: int
    alone: int
    overlaid: tuple[int, ...]


def place_kernels(words: Sequence[int], used: Sequence[int], chip: Chip) -> KernelPlaces:
    """Places the weights of layers whose maps are packed from processor 0.

    Layers on all processors come first, then the others in order, each behind the last. Those on
    processor 0 alone lie at the end of its memory where that is longer than the others', each
    before the last, but for two oddities: see `_from_the_end`.

    Args:
        words: Words that each layer's weights occupy in each processor; 0 where it has none.
        used: Processors that hold each layer's input.
        chip: On which chip; what does not fit its memory is for `demands` to say.
    """
    size = chip.first_processor_kernel_words
    offsets, overlaid = [0] * len(words), []
    taken = np.zeros(max(size, sum(words) + STEP * len(words)), dtype=bool)
    shared, top = 0, size
    for index in sorted(range(len(words)), key=lambda one: used[one] != chip.processors):
        if not words[index]:
            continue
        found = None
        if used[index] == 1 and size > chip.kernel_words:
            found = _from_the_end(taken[:size], words[index])
        if found is None:
            found = shared
            shared = round_up(shared + words[index], STEP)
        else:
            top = min(top, found)
        place = slice(found, found + words[index])
        if taken[place].any():
            overlaid.append(index)
        taken[place] = True
        offsets[index] = found
    return KernelPlaces(tuple(offsets), shared, size - top, tuple(overlaid))


def _from_the_end(taken: NDArray[np.bool_], words: int) -> int | None:
    """The place the izer finds at the end of the memory; None where it turns to the beginning.

    It looks for free words from the end down, and only then rounds the place down to a multiple of
    4, over words it did not look at: a layer of up to 3 words is laid over another one that ends
    less than 4 words from the end of the memory. And having met one word that is taken it gives up
    where what comes next is longer than what is left above.
    """
    last = len(taken) - 1
    while taken[last]:
        last -= STEP
        if last < 0:
            return None
    while last - words + 1 >= 0:
        met = np.flatnonzero(taken[last - words + 1 : last + 1])
        if not met.size:
            return (last - words + 1) // STEP * STEP
        last = (last - words + int(met[-1])) // STEP * STEP
        if last + words > len(taken):
            return None
    return None
