# SPDX-License-Identifier: Apache-2.0
"""A program's wall clock that jumps while it runs; its other clocks stay."""

import shutil
import struct
import sys
from pathlib import Path

import pytest

from tests.compilers import compile_library

DAY_S = 86_400


class JumpingClock:
    """A wall clock for programs that are started with its environment.

    Attributes:
        environment: Variables that have a program read this clock.
    """

    def __init__(self, folder: Path) -> None:
        if sys.platform != "linux" or shutil.which("cc") is None:
            pytest.skip("no compiler on Linux: no program's clock can be made to jump")
        source = Path(__file__).with_name("jumping_clock.c")
        library = compile_library(folder / "jumping_clock.so", source)
        self._file = folder / "jump"
        self._file.write_bytes(struct.pack("q", 0))
        self.environment = {"LD_PRELOAD": str(library), "JUMPING_CLOCK": str(self._file)}

    def set(self, seconds: int) -> None:
        """Has the clock go wrong by so much from now on."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("q", seconds))
