# SPDX-License-Identifier: Apache-2.0
"""Where the accelerator's memories lie in the microcontroller's address space."""

from dataclasses import dataclass

from hardware.chips import Chip

PROCESSORS_PER_QUADRANT = 16
PROCESSORS_PER_INSTANCE = 4
"""Processors that share one data memory instance."""


@dataclass(frozen=True)
class AddressMap:
    """Addresses of one chip's accelerator.

    **Source:** ai8x-synthesis, `izer/tornadocnn.py`: APB_BASE, C_SRAM_BASE, C_MRAM_BASE,
    C_GROUP_OFFS, INSTANCE_SIZE, MASK_OFFS.

    Attributes:
        data: First byte of data memory.
        weights: First byte of weight memory.
        quadrant_bytes: From one quadrant's memories to the next one's.
        instance_bytes: From the data memory of 4 processors to that of the next 4.
        processor_bytes: From one processor's weight memory to the next one's.
    """

    data: int
    weights: int
    quadrant_bytes: int
    instance_bytes: int
    processor_bytes: int

    def instance(self, group: int) -> int:
        """First byte of the data memory of a group of 4 processors."""
        groups = PROCESSORS_PER_QUADRANT // PROCESSORS_PER_INSTANCE
        quadrant, within = divmod(group, groups)
        return self.data + quadrant * self.quadrant_bytes + within * self.instance_bytes

    def kernel(self, address: int) -> tuple[int, int]:
        """The processor and the word of its weight memory that a loading address means.

        The express loader counts weight words of 72 bits in steps of 4 bytes.
        """
        quadrant, within = divmod(address - self.weights, self.quadrant_bytes)
        processor, offset = divmod(within, self.processor_bytes)
        return quadrant * PROCESSORS_PER_QUADRANT + processor, offset // 4


_MAPS = {
    "MAX78000": AddressMap(0x5040_0000, 0x5018_0000, 0x40_0000, 0x8000, 0x4000),
    "MAX78002": AddressMap(0x5180_0000, 0x5140_0000, 0x100_0000, 0x2_0000, 0x2_0000),
}


def address_map(chip: Chip) -> AddressMap:
    """The addresses of a chip."""
    return _MAPS[chip.name]
