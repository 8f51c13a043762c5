# SPDX-License-Identifier: Apache-2.0
"""Which port is the board's console, and which its power monitor: told by USB's numbers."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from serial.tools import list_ports

from hardware.board.link import LinkError


class Device(enum.Enum):
    """A device of the evaluation kits, by its vendor and product number.

    **Source:** CHIPS notes, 6 and 7 (power monitor; FTDI FT231X); FTDI's and Arm's own numbers.
    """

    CONSOLE = (0x0403, 0x6015)
    POWER_MONITOR = (0x0B6A, 0x003C)
    DEBUGGER = (0x0D28, 0x0204)

    @property
    def label(self) -> str:
        """What people call it, with its numbers."""
        vendor, product = self.value
        return f"{self.name.lower().replace('_', ' ')} {vendor:04X}:{product:04X}"


@dataclass(frozen=True)
class Port:
    """A serial port of this machine.

    Attributes:
        name: What it is opened by.
        device: Which of the kits' devices it is; None where it is none.
        serial_number: The device's, where it has one: two boards differ in it.
    """

    name: str
    device: Device | None
    serial_number: str | None = None


def ports() -> list[Port]:
    """The serial ports of this machine, those of the kits and others."""
    known = {device.value: device for device in Device}
    return [
        Port(one.device, known.get((one.vid, one.pid)), one.serial_number)
        for one in sorted(list_ports.comports())
    ]


def find_port(device: Device, found: Sequence[Port]) -> Port:
    """The one port of a device.

    Raises:
        LinkError: where there is none, or several.
    """
    matching = [port for port in found if port.device is device]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        others = ", ".join(port.name for port in found if port.device is None)
        raise LinkError(
            f"no {device.label} is plugged in" + (f"; other ports: {others}" if others else "")
        )
    names = ", ".join(f"{port.name} (serial number {port.serial_number})" for port in matching)
    raise LinkError(f"{len(matching)} ports are a {device.label}: {names}; name the one you mean")
