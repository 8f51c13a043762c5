# SPDX-License-Identifier: Apache-2.0
"""What a board gave for a candidate, kept beside what was predicted."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class BoardFigures:
    """One candidate on one chip in one mode, measured or simulated.

    Attributes:
        chip: Part name.
        mode: Clocks and voltage, in words.
        board_latency_us: Copying one input and computing it, weights loaded: the window that
            `latency_us` predicts.
        board_energy_uj: Energy of the same, idle power not counted; None where no power monitor
            took part.
        board_weights_us: Loading all weights once.
        board_accuracy: Share of inputs of the validation split that the board classified rightly,
            0 to 1; None where none were sent.
        samples: How many inputs were sent.
        held_bits: The widths at which the weights are held on the chip.
        firmware: Version of the firmware.
        project: Checksum of the project on the board.
        simulated: Whether no board took part.
    """

    chip: str
    mode: str
    board_latency_us: float
    board_energy_uj: float | None
    board_weights_us: float
    board_accuracy: float | None
    samples: int
    held_bits: str
    firmware: str
    project: str
    simulated: bool


def in_mode(figures: Sequence[BoardFigures], mode: str) -> BoardFigures | None:
    """The figures of a mode; simulated ones only where nothing was measured."""
    found = [one for one in figures if one.mode == mode]
    return min(found, key=lambda one: one.simulated, default=None)
