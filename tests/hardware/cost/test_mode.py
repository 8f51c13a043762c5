# SPDX-License-Identifier: Apache-2.0
"""Modes: what a chip can be run at, and what does not compare."""

from dataclasses import replace
from typing import Any

import pytest

from hardware.chips import MAX78000, MAX78002
from hardware.cost.mode import ClockSource, InputCopy, Mode, ModeError

DEFAULT = Mode.default(MAX78002)


def test_defaults_are_what_generated_projects_set() -> None:
    """MAX78002: PLL 200 MHz, pipelined, weights at 50 MHz, 1.1 V. MAX78000: PCLK 50 MHz, 1.2 V."""
    assert str(DEFAULT) == "MAX78002, IPLL 200 MHz pipelined, load 50 MHz, 1.1 V"
    assert str(Mode.default("max78000")) == "MAX78000, PCLK 50 MHz, load 50 MHz, 1.2 V"
    assert Mode.default(MAX78000).clock_hz == 50e6
    assert DEFAULT.clock_hz == 200e6


def test_a_divider_divides_the_clock() -> None:
    """IPO 60 MHz over 2, 4 and 8: the application note's 30, 15 and 7.5 MHz."""
    for divider, mhz in ((2, 30.0), (4, 15.0), (8, 7.5)):
        slow = Mode("MAX78002", ClockSource.IPO, divider, False, mhz, 1.0)
        assert slow.clock_hz == mhz * 1e6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chip": "MAX32650"}, "chip must be one of MAX78000, MAX78002 but is 'MAX32650'"),
        ({"clock_source": ClockSource.PCLK}, "one of IPLL, IPO, ISO but is PCLK"),
        ({"divider": 3}, "divider must be one of 1, 2, 4, 8, 16 but is 3"),
        ({"pipeline": False}, "needs its pipeline above 50 MHz but it is off at 200 MHz"),
        ({"load_clock_mhz": 60.0}, r"200, 100, 50, 25, 12\.5 MHz, but is 60"),
        ({"voltage_v": 1.2}, r"one of 1\.1, 1 V but is 1\.2"),
    ],
)
def test_a_mode_the_chip_does_not_have_is_refused(change: dict[str, Any], message: str) -> None:
    """One line that says what was asked for and what there is."""
    with pytest.raises(ModeError, match=message) as error:
        replace(DEFAULT, **change)
    assert "\n" not in str(error.value)


def test_the_max78000_has_no_pipeline() -> None:
    """It runs at 60 MHz without one."""
    assert (
        replace(Mode.default(MAX78000), clock_source=ClockSource.ISO, load_clock_mhz=60.0).clock_hz
        == 60e6
    )
    with pytest.raises(ModeError, match="has no pipeline"):
        replace(Mode.default(MAX78000), pipeline=True)


def test_loading_fast_without_pipeline_is_refused() -> None:
    """The load clock obeys the same rule as the inference clock."""
    with pytest.raises(ModeError, match="off at 60 MHz"):
        Mode("MAX78002", ClockSource.IPO, 2, False, 60.0, 1.0)


def test_modes_that_differ_say_in_what() -> None:
    """A refused comparison names the fields and both values."""
    other = replace(DEFAULT, load_clock_mhz=200.0, voltage_v=1.0)
    with pytest.raises(ModeError, match=r"load_clock_mhz 50\.0 and 200\.0, voltage_v 1\.1 and 1"):
        DEFAULT.check_same(other, "costs")
    DEFAULT.check_same(Mode.default(MAX78002), "costs")


def test_inputs_come_at_the_load_clock_in_the_example_only() -> None:
    """The generated main.c switches clocks around every inference; an application does not."""
    assert DEFAULT.input_hz == 200e6
    example = DEFAULT.as_example()
    assert example.input_copy is InputCopy.EXAMPLE
    assert example.input_hz == 50e6
    assert example != DEFAULT
