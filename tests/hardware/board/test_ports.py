# SPDX-License-Identifier: Apache-2.0
"""Ports found by USB's numbers."""

from types import SimpleNamespace

import pytest
from serial.tools import list_ports

from hardware.board.link import LinkError
from hardware.board.ports import Device, Port, find_port, ports


def test_the_kits_devices_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Console, power monitor and debugger by vendor and product; a port without USB is none."""
    seen = [
        ("/dev/ttyUSB0", 0x0403, 0x6015, "D30A"),
        ("/dev/ttyACM1", 0x0B6A, 0x003C, None),
        ("/dev/ttyACM0", 0x0D28, 0x0204, "0444"),
        ("/dev/ttyS0", None, None, None),
        ("/dev/ttyUSB9", 0x0403, 0x6001, "A1"),
    ]

    class Seen(SimpleNamespace):
        def __lt__(self, other: "Seen") -> bool:
            return bool(self.device < other.device)

    names = ("device", "vid", "pid", "serial_number")
    listed = [Seen(**dict(zip(names, one, strict=True))) for one in seen]
    monkeypatch.setattr(list_ports, "comports", lambda: listed)
    assert ports() == [
        Port("/dev/ttyACM0", Device.DEBUGGER, "0444"),
        Port("/dev/ttyACM1", Device.POWER_MONITOR, None),
        Port("/dev/ttyS0", None, None),
        Port("/dev/ttyUSB0", Device.CONSOLE, "D30A"),
        Port("/dev/ttyUSB9", None, "A1"),
    ]


def test_this_machines_ports_can_be_listed() -> None:
    """Whatever they are."""
    assert all(port.name for port in ports())


def test_one_port_is_found_and_two_are_not_guessed_between() -> None:
    """None: others are named. Two: both, with the number that tells them apart."""
    one, two = Port("/dev/a", Device.CONSOLE, "X1"), Port("/dev/b", Device.CONSOLE, "X2")
    other = Port("/dev/c", None)
    assert find_port(Device.CONSOLE, [other, one]) == one
    with pytest.raises(LinkError, match=r"no power monitor 0B6A:003C is plugged in; .*: /dev/c$"):
        find_port(Device.POWER_MONITOR, [other, one])
    with pytest.raises(LinkError, match=r"no console 0403:6015 is plugged in$"):
        find_port(Device.CONSOLE, [])
    with pytest.raises(LinkError, match=r"2 ports are a console .*X1.*X2.*name the one you mean"):
        find_port(Device.CONSOLE, [one, two])
