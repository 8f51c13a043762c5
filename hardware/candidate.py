# SPDX-License-Identifier: Apache-2.0
"""A point of the search space."""

import re
from dataclasses import dataclass
from typing import Self

from hardware.layer import WEIGHT_BITS, NetworkError
from hardware.network import format_bits

_WRITTEN_BITS = re.compile(r"[0-9]{1,2}(-[0-9]{1,2})*")
"""Digits of ASCII only: int() would also read `8_8`, ` 8` and the digits of other scripts."""


@dataclass(frozen=True, order=True)
class Candidate:
    """An input length and the weight bits of each layer, in layer order.

    Attributes:
        input_length: Samples along each spatial axis of the input.
        bits: Weight width of each layer: 1, 2, 4 or 8.
    """

    input_length: int
    bits: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.input_length < 1:
            raise NetworkError(f"input length must be at least 1 but is {self.input_length}")
        if not self.bits:
            raise NetworkError("a candidate must have bits for at least one layer")
        for width in self.bits:
            if width not in WEIGHT_BITS:
                raise NetworkError(f"bits must be 1, 2, 4 or 8 but are {format_bits(self.bits)}")

    @classmethod
    def parse(cls, input_length: int, bits: str) -> Self:
        """Reads bits written as `8-8-2-4`.

        Raises:
            NetworkError: where they are written in another way or are not the chip's.
        """
        if not _WRITTEN_BITS.fullmatch(bits):
            raise NetworkError(
                f"bits must be written like 8-8-2-4, one width a layer, but are {bits!r}"
            )
        return cls(input_length, tuple(int(width) for width in bits.split("-")))

    @property
    def bits_text(self) -> str:
        """The bits as written everywhere: `8-8-2-4`."""
        return format_bits(self.bits)

    def __str__(self) -> str:
        return f"{self.input_length} {self.bits_text}"
