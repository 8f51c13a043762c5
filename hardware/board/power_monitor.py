# SPDX-License-Identifier: Apache-2.0
"""Reads the evaluation kit's power monitor while the board runs its windows."""

import contextlib
import logging
import time
from types import TracebackType
from typing import Self

import serial

from hardware.board.board import Board
from hardware.board.link import LinkError, LinkLost, open_port
from hardware.board.power_lines import PowerError, StageEnergy, numbers_of, stage_energies

CNN_MODE, SYSTEM_MODE, VOLTS, AMPERES, WATTS, VERSION = b"t", b"s", b"v", b"i", b"w", b"\x16"
"""Its commands: one character, no newline, no echo."""
RAILS = ("3V3", "CA", "CB", "1V8")
TRIES = 5
"""About one of ten of its samples fails: five in a row are one in 10^5."""
LINE_S = 5.0
"""After the last window it writes within a second; a line of rails comes every second."""
_SETTLE_S = 0.1

_LOG = logging.getLogger(__name__)


class PowerMonitor:
    """The power monitor behind its port."""

    def __init__(self, port: serial.Serial, name: str, line_s: float = LINE_S) -> None:
        self._port, self._name, self._line_s = port, name, line_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):
            self._port.close()

    def version(self) -> str:
        """What it says it is.

        Raises:
            LinkError: where it says nothing.
        """
        self._command(VERSION)
        return self._line()

    def rails(self, quantity: bytes = WATTS) -> dict[str, float]:
        """Volts, amperes or watts of its four rails.

        Raises:
            LinkError: where it says nothing.
            PowerError: where it says something else.
        """
        self._command(quantity)
        return dict(zip(RAILS, numbers_of(self._line(), len(RAILS)), strict=True))

    def measure(self, board: Board, window_us: int) -> tuple[StageEnergy, ...]:
        """Has the board run its windows until one reading of them holds.

        Raises:
            LinkError: where board or monitor do not answer, or no reading in several holds.
        """
        reason = ""
        for _ in range(TRIES):
            windows = board.power(window_us, lambda: self._command(CNN_MODE))
            try:
                return stage_energies(self._line(), windows)
            except PowerError as error:
                reason = str(error)
            except LinkLost:
                raise
            except LinkError as error:
                reason = str(error)
            _LOG.info("power monitor: measured again, since %s", reason)
        raise LinkError(
            f"{self._name}: none of {TRIES} readings of the power monitor holds, at last: {reason}"
        )

    def _command(self, command: bytes) -> None:
        """Sets a mode anew: whatever it was about to say is not of what comes now."""
        try:
            self._port.write(command)
            end = time.monotonic() + _SETTLE_S
            while time.monotonic() < end:
                self._port.read(4096)
            self._port.write(command)
        except (OSError, TypeError) as error:  # TypeError: pyserial, where its handle was closed
            raise LinkLost(f"{self._name}: the power monitor is gone ({error})") from None

    def _line(self) -> str:
        held, end = b"", time.monotonic() + self._line_s
        while time.monotonic() < end:
            try:
                held += self._port.read(max(1, self._port.in_waiting))
            except (OSError, TypeError) as error:
                raise LinkLost(f"{self._name}: the power monitor is gone ({error})") from None
            line, newline, held_back = held.partition(b"\n")
            if newline and line.strip():
                return line.decode("ascii", "replace").strip()
            held = held_back if newline else held
        raise LinkError(
            f"{self._name}: the power monitor says nothing; is it the port of 0B6A:003C, and are"
            " its trigger pins connected?"
        )


def open_power_monitor(port: str, line_s: float = LINE_S) -> PowerMonitor:
    """Opens the power monitor's port, alone.

    Raises:
        LinkError: where it is not there, may not be opened, or another program has it.
    """
    return PowerMonitor(open_port(port), port, line_s)
