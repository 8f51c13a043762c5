# SPDX-License-Identifier: Apache-2.0
"""The chips' constants against the vendor's figures."""

import pytest

from hardware.chips import CHIPS, MAX78000, MAX78002, Chip, ChipError, chip_named


def test_weight_memory_is_what_the_processors_hold() -> None:
    """The vendor's 442,368 and 2,396,160 bytes are 64 memories of 9-byte words.

    On the MAX78002, processors 0, 16, 32 and 48 hold 5,120 words, the others 4,096.
    """
    for chip in CHIPS.values():
        larger = chip.quadrants * chip.first_processor_kernel_words
        others = (chip.processors - chip.quadrants) * chip.kernel_words
        assert 9 * (larger + others) == chip.weight_memory_bytes


@pytest.mark.parametrize(("chip", "kib"), [(MAX78000, 512), (MAX78002, 1280)])
def test_data_memory_is_the_vendors(chip: Chip, kib: int) -> None:
    """16 groups of 4 processors share 512 KiB on the MAX78000 and 1,280 KiB on the MAX78002."""
    instances = chip.processors // 4
    assert instances * chip.data_instance_bytes == kib * 1024


@pytest.mark.parametrize(("chip", "total"), [(MAX78000, 2048), (MAX78002, 8192)])
def test_bias_memory_is_the_vendors(chip: Chip, total: int) -> None:
    """The izer prints 2,048 and 8,192 bytes of bias memory."""
    assert chip.quadrants * chip.bias_bytes_per_quadrant == total


def test_the_accelerators_run_at_50_and_200_mhz() -> None:
    """These are the generated projects' clocks: PCLK, and the PLL."""
    assert (MAX78000.clock_hz, MAX78002.clock_hz) == (50_000_000, 200_000_000)


@pytest.mark.parametrize("name", ["MAX78002", "max78002", "Max78002"])
def test_a_chip_is_found_in_any_case(name: str) -> None:
    """People write part names in small letters."""
    assert chip_named(name) is MAX78002


def test_an_unknown_chip_is_refused_with_the_nearest() -> None:
    """The message lists the chips, gives the name and what it may have meant, in one line."""
    with pytest.raises(ChipError, match=r"one of MAX78000, MAX78002 but is 'max7802'") as error:
        chip_named("max7802")
    assert str(error.value).endswith("; did you mean MAX78002?")
    assert "\n" not in str(error.value)
