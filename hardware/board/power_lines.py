# SPDX-License-Identifier: Apache-2.0
"""What the evaluation kit's power monitor writes, and its known faults: corrected, or refused.

**Source:** CHIPS notes, 6: a MAX32625 with a MAX34417, firmware max78000-powermonitor 2.0.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from hardware.board.board import WINDOWS, PowerWindow

DIVISOR = 100
"""The monitor divides windows by 100, whatever the number of repeats in them."""
OVERFLOW_S = 2**31 / 48e6
"""44.739 s: what a stale overflow of its timer adds."""
WRAP_S = 2 * OVERFLOW_S
"""Windows longer than this wrap."""
WINDOW_S = (0.1, 20.0)
"""Windows that it measures well."""
TIME_BASE = (0.985, 1.005)
"""Its seconds over the chip's: 0.4 to 0.55 % short, and room for its resolution."""
_AGREES = 0.02
"""Energy over power times time in one of its lines; more is a line gone wrong."""
_COLUMNS = ("E", "T", "I", "A")


class PowerError(ValueError):
    """A line of the power monitor that cannot be: measure again."""


@dataclass(frozen=True)
class StageEnergy:
    """Energy of one operation.

    Attributes:
        stage: Name of the window.
        energy_uj: Microjoules, idle power not counted.
        idle_mw: Mean power of the idle window.
        active_mw: Mean power of the stage's window; None where it had none of its own.
        repeats: Operations in the window.
    """

    stage: str
    energy_uj: float
    idle_mw: float
    active_mw: float | None
    repeats: int


@dataclass(frozen=True)
class _Printed:
    """A number as it was printed, and half of its last digit."""

    value: float
    resolution: float


def numbers_of(line: str, count: int) -> list[float]:
    """A line of numbers parted by commas or spaces.

    Raises:
        PowerError: where there are more or fewer, or one is none.
    """
    return [one.value for one in _printed(line, count)]


def _printed(line: str, count: int) -> list[_Printed]:
    cells = [cell for cell in re.split(r"[,\s]+", line.strip()) if cell]
    if len(cells) != count:
        raise PowerError(f"the power monitor's line must have {count} numbers but is {line!r}")
    found = []
    for cell in cells:
        match = re.fullmatch(r"[+-]?\d+(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?", cell)
        value = float(cell) if match else math.nan
        if match is None or not math.isfinite(value):
            raise PowerError(f"the power monitor wrote {cell!r}, no number, in {line!r}")
        places = len(match[1] or "") - int(match[2] or 0)
        found.append(_Printed(value, 0.5 * 10.0**-places))
    return found


def stage_energies(line: str, windows: Sequence[PowerWindow]) -> tuple[StageEnergy, ...]:
    """Energies from a line of CNN mode: `E, T, I, A` of weights, input, input and inference.

    Powers are the monitor's, times and repeats the chip's own:
    energy = (active - idle) * length / repeats. The monitor's own E and T, per hundredth of a
    window, only have to agree.

    Args:
        line: The line: J, s, W, W, three times.
        windows: The four windows as the board reports them.

    Raises:
        PowerError: where the line is of other windows, or wrong in itself.
    """
    if tuple(window.name for window in windows) != WINDOWS:
        raise PowerError(f"the windows must be {', '.join(WINDOWS)}")
    for window in windows:
        if not WINDOW_S[0] <= window.length_s <= WINDOW_S[1]:
            raise PowerError(
                f"windows must be {WINDOW_S[0]:g} to {WINDOW_S[1]:g} s long but {window.name} took"
                f" {window.length_s:.3g} s; ask for another length"
            )
    cells = _printed(line, 3 * len(_COLUMNS))
    return tuple(
        _stage_energy(window, cells[4 * index : 4 * index + 4])
        for index, window in enumerate(windows[1:])
    )


def _stage_energy(window: PowerWindow, cells: Sequence[_Printed]) -> StageEnergy:
    energy, time, idle, active = cells
    for name, cell in zip(_COLUMNS, cells, strict=True):
        if cell.value < 0:
            raise PowerError(f"{window.name}: the power monitor's {name} is {cell.value:g}")
    if active.value <= idle.value:
        raise PowerError(
            f"{window.name}: {active.value:g} W active is not above {idle.value:g} W idle"
        )
    _check_length(window.name, time, DIVISOR, window.length_s)
    net = active.value - idle.value
    slack = energy.resolution + net * time.resolution
    slack += (active.resolution + idle.resolution) * time.value
    if abs(energy.value - net * time.value) > slack + _AGREES * net * time.value:
        raise PowerError(
            f"{window.name}: {energy.value:g} J are not ({active.value:g} - {idle.value:g}) W for"
            f" {time.value:g} s"
        )
    return StageEnergy(
        stage=window.name,
        energy_uj=1e6 * net * window.length_s / window.repeats,
        idle_mw=1e3 * idle.value,
        active_mw=1e3 * active.value,
        repeats=window.repeats,
    )


def _check_length(name: str, time: _Printed, divisor: int, length_s: float) -> None:
    seconds, slack = divisor * time.value, divisor * time.resolution
    if not TIME_BASE[0] * length_s - slack <= seconds <= TIME_BASE[1] * length_s + slack:
        raise PowerError(
            f"{name}: the power monitor saw {seconds:.4g} s but the chip {length_s:.4g} s; its line"
            " is of other windows"
        )


def system_energy_uj(line: str, length_s: float, repeats: int) -> float:
    """Energy of one operation from a line of system mode: `E, T, P` of one window, idle counted.

    A stale overflow in T, and with it in E, is found by the chip's own time and left out:
    energy = P * length / repeats.

    Raises:
        PowerError: where the line is of another window, or wrong in itself.
    """
    energy, time, power = _printed(line, 3)
    if not WINDOW_S[0] <= length_s < WRAP_S:
        raise PowerError(f"windows over {WRAP_S:.1f} s wrap, but this took {length_s:.3g} s")
    if time.value > length_s + OVERFLOW_S / 2:
        time = _Printed(time.value - OVERFLOW_S, time.resolution)
        energy = _Printed(power.value * time.value, energy.resolution)
    _check_length("system", time, 1, length_s)
    slack = energy.resolution + power.resolution * time.value + power.value * time.resolution
    wanted = power.value * time.value
    if power.value <= 0 or abs(energy.value - wanted) > slack + _AGREES * wanted:
        raise PowerError(
            f"{energy.value:g} J are not {power.value:g} W for {time.value:g} s: {line!r}"
        )
    return 1e6 * power.value * length_s / repeats
