# SPDX-License-Identifier: Apache-2.0
"""Reads what the izer wrote for the compiler: weights.h, sampledata.h and sampleoutput.h.

The known answer comes from the izer's simulator, which never sees weights.h. What the chip will be
given stands in these files alone, so they are read back and compared.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hardware.chips import Chip
from hardware.izer.addresses import PROCESSORS_PER_INSTANCE, address_map
from hardware.izer.toolchain import IzerError
from hardware.placement.limits import KERNEL_WORD_BITS

KERNEL_BYTES = KERNEL_WORD_BITS // 8
WORD_BYTES = 4
PIXELS_PER_WORD = 4
"""Of one channel, in CHW format."""

_DEFINE = re.compile(r"#define (\w+) \{([^}]*)\}")

KernelMemory = dict[tuple[int, int], bytes]
"""9 bytes for each (processor, word), in the order in which the accelerator reads them."""


def read_header(path: Path) -> dict[str, list[int]]:
    """Reads the arrays of a generated header, by their names.

    Raises:
        IzerError: where there is no such file, no array in it, or one of something else than
            32-bit words.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace").replace("\\\n", "")
    except OSError as error:
        raise IzerError(f"the izer left no {path.name}: {error.strerror}") from None
    found = {}
    for name, values in _DEFINE.findall(text):
        try:
            found[name] = [_word(value) for value in values.split(",")]
        except ValueError as error:
            raise IzerError(f"the izer's {path.name}: {name} holds no words: {error}") from None
    if not found:
        raise IzerError(f"the izer's {path.name} holds no array")
    return found


def read_array(path: Path, name: str) -> list[int]:
    """Reads one array of a generated header.

    Raises:
        IzerError: where it cannot be read, or is not there.
    """
    arrays = read_header(path)
    if name not in arrays:
        raise IzerError(f"the izer's {path.name} holds no {name}")
    return arrays[name]


def _word(written: str) -> int:
    word = int(written, 0)
    if not 0 <= word < 1 << 8 * WORD_BYTES:
        raise ValueError(f"{word} is not a 32-bit word")
    return word


def kernel_memory(kernels: list[int], chip: Chip) -> KernelMemory:
    """What loading `KERNELS` writes into weight memory.

    The array holds runs of an address, a number of words and the words; a zero ends it. Bytes come
    highest first, and within a kernel word the last one is read first.

    Raises:
        IzerError: where it ends before that, or an address is none of a word.
    """
    addresses = address_map(chip)
    found: KernelMemory = {}
    for (address,), words in _runs(kernels, "KERNELS", head=1):
        if address % WORD_BYTES:
            raise IzerError(f"the izer's KERNELS names 0x{address:08x}, which is no word's address")
        processor, word = addresses.kernel(address)
        content = np.array(words, ">u4").tobytes()
        for offset in range(0, len(content) - KERNEL_BYTES + 1, KERNEL_BYTES):
            found[processor, word] = content[offset : offset + KERNEL_BYTES][::-1]
            word += 1
    return found


def expected_output(sample_output: list[int]) -> dict[int, tuple[int, int]]:
    """Mask and value of each data memory word that the known-answer test compares, by address.

    Raises:
        IzerError: where the array ends too early.
    """
    found = {}
    for (address, mask), words in _runs(sample_output, "SAMPLE_OUTPUT", head=2):
        for index, word in enumerate(words):
            found[address + WORD_BYTES * index] = (mask, word)
    return found


def _runs(array: list[int], name: str, head: int) -> Iterator[tuple[list[int], list[int]]]:
    """Runs of a head (an address first), a number of words and the words, up to a zero."""
    start = 0
    while array[start : start + 1] != [0]:
        first = start + head + 1
        end = first + array[first - 1] if first <= len(array) else first
        if end >= len(array):  # the zero must follow
            raise IzerError(f"the izer's {name} ends within a run, after {len(array)} words")
        yield array[start : first - 1], array[first:end]
        start = end


def sample_values(
    arrays: dict[str, list[int]], shape: tuple[int, ...], *, chw: bool, passes: int
) -> NDArray[np.int8]:
    """The sample input that `sampledata.h` gives the accelerator, (channels, ...).

    Args:
        arrays: Its arrays: SAMPLE_INPUT_n for each group of 4 processors from processor n on.
        shape: Shape of the input.
        chw: Whether a word holds 4 pixels of one channel, or 4 channels of one pixel.
        passes: Rounds over the processors; in HWC, their words of one pixel follow each other.

    Raises:
        IzerError: where they hold more or fewer words than that takes.
    """
    channels, pixels = shape[0], int(np.prod(shape[1:]))
    groups = channels if chw else -(-channels // (PROCESSORS_PER_INSTANCE * passes))
    count = -(-pixels // PIXELS_PER_WORD) if chw else pixels * passes
    names = [f"SAMPLE_INPUT_{PROCESSORS_PER_INSTANCE * group}" for group in range(groups)]
    held = {name: len(array) for name, array in arrays.items() if name.startswith("SAMPLE_INPUT_")}
    if held != dict.fromkeys(names, count):
        raise IzerError(
            f"the izer's sample input holds words {held} but must hold {count} in each of"
            f" {', '.join(names)}"
        )
    bytes_of: list[NDArray[np.int8]] = [
        np.array(arrays[name], "<u4").view(np.int8) for name in names
    ]
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
