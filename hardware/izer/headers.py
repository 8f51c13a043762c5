# SPDX-License-Identifier: Apache-2.0
"""Reads what the izer wrote for the compiler: weights.h, sampledata.h and sampleoutput.h.

The known answer comes from the izer's simulator, which never sees weights.h. What the chip will be
given stands in these files alone, so they are read back and compared.
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hardware.chips import Chip
from hardware.izer.addresses import PROCESSORS_PER_INSTANCE, address_map
from hardware.izer.toolchain import IzerError
from hardware.placement.limits import KERNEL_WORD_BITS

KERNEL_BYTES = KERNEL_WORD_BITS // 8
WORD_BYTES = 4

_DEFINE = re.compile(r"#define (\w+) \{([^}]*)\}")

KernelMemory = dict[tuple[int, int], bytes]
"""9 bytes for each (processor, word), in the order in which the accelerator reads them."""


def read_header(path: Path) -> dict[str, list[int]]:
    """Reads the arrays of a generated header, by their names.

    Raises:
        IzerError: where there is no such file, or no array in it.
    """
    try:
        text = path.read_text(encoding="utf-8").replace("\\\n", "")
    except OSError as error:
        raise IzerError(f"the izer left no {path.name}: {error.strerror}") from None
    found = {
        name: [int(value, 0) for value in values.split(",")]
        for name, values in _DEFINE.findall(text)
    }
    if not found:
        raise IzerError(f"the izer's {path.name} holds no array")
    return found


def kernel_memory(kernels: list[int], chip: Chip) -> KernelMemory:
    """What loading `KERNELS` writes into weight memory.

    The array holds runs of an address, a number of words and the words; a zero ends it. Bytes come
    highest first, and within a kernel word the last one is read first.
    """
    addresses = address_map(chip)
    found: KernelMemory = {}
    start = 0
    while kernels[start]:
        processor, word = addresses.kernel(kernels[start])
        first = start + 2
        start = first + kernels[start + 1]
        content = np.array(kernels[first:start], ">u4").tobytes()
        for offset in range(0, len(content) - KERNEL_BYTES + 1, KERNEL_BYTES):
            found[processor, word] = content[offset : offset + KERNEL_BYTES][::-1]
            word += 1
    return found


def expected_output(sample_output: list[int]) -> dict[int, tuple[int, int]]:
    """Mask and value of each data memory word that the known-answer test compares, by address."""
    found = {}
    start = 0
    while sample_output[start]:
        address, mask, count = sample_output[start : start + 3]
        for index in range(count):
            found[address + WORD_BYTES * index] = (mask, sample_output[start + 3 + index])
        start += 3 + count
    return found


def sample_values(
    arrays: dict[str, list[int]], shape: tuple[int, ...], *, chw: bool, passes: int
) -> NDArray[np.int8]:
    """The sample input that `sampledata.h` gives the accelerator, (channels, ...).

    Args:
        arrays: Its arrays: SAMPLE_INPUT_n for each group of 4 processors from processor n on.
        shape: Shape of the input.
        chw: Whether a word holds 4 pixels of one channel, or 4 channels of one pixel.
        passes: Rounds over the processors; in HWC, their words of one pixel follow each other.
    """
    bytes_of = [
        np.array(arrays[name], "<u4").view(np.int8)
        for name in sorted(arrays, key=lambda name: int(name.rpartition("_")[2]))
    ]
    channels, pixels = shape[0], int(np.prod(shape[1:]))
    if chw:
        return np.stack([one[:pixels] for one in bytes_of]).reshape(shape)
    # (groups, pixels, passes, 4) -> (passes, groups, 4, pixels): channels in order, each pass's
    # last group filled up to four
    words = np.stack([one.reshape(pixels, passes, PROCESSORS_PER_INSTANCE) for one in bytes_of])
    dealt = words.transpose(2, 0, 3, 1).reshape(passes, -1, pixels)
    in_pass = -(-channels // passes)
    if passes > 1:
        in_pass = min(-(-in_pass // 4) * 4, dealt.shape[1])
    return dealt[:, :in_pass].reshape(-1, pixels)[:channels].reshape(shape)
