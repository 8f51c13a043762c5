# SPDX-License-Identifier: Apache-2.0
"""Lines of the power monitor, with its known faults corrected or refused."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.board.board import PowerWindow
from hardware.board.power_lines import (
    OVERFLOW_S,
    PowerError,
    numbers_of,
    stage_energies,
    system_energy_uj,
)
from hardware.board.simulated_power import Powers, cnn_line

WINDOWS = (
    PowerWindow("idle", 1, 1.0),
    PowerWindow("weight_load", 70, 1.0),
    PowerWindow("input_load", 80_000, 1.0),
    PowerWindow("input_and_inference", 7_800, 1.0),
)
LINE = (
    "0.000512,0.00995,0.01080,0.06230,0.000500,0.00995,0.01080,0.06110,"
    "0.002000,0.00995,0.01080,0.21180"
)
"""An idle core at 10.8 mW; windows of 1 s, seen 0.5 % short and divided by 100."""


def test_energies_are_powers_times_the_chips_own_time() -> None:
    """(A - I) * length / repeats; the monitor's E has a short time base and a fixed divisor."""
    loading, copying, both = stage_energies(LINE, WINDOWS)
    assert loading.energy_uj == pytest.approx((62.3 - 10.8) * 1e3 / 70)
    assert copying.energy_uj == pytest.approx((61.1 - 10.8) * 1e3 / 80_000)
    assert both.energy_uj == pytest.approx((211.8 - 10.8) * 1e3 / 7_800)
    assert (both.idle_mw, both.active_mw, both.repeats) == (10.8, pytest.approx(211.8), 7_800)
    # as its line has it, for a hundred repeats: 0.5 % less, and of another number of operations
    assert both.energy_uj == pytest.approx(2000 * 100 / 7_800, rel=0.006)


def changed(column: int, text: str) -> str:
    cells = LINE.split(",")
    cells[column] = text
    return ",".join(cells)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "must have 12 numbers but is ''"),
        (LINE[:-10], "must have 12 numbers"),
        (LINE[: LINE.rfind(",")], "must have 12 numbers"),
        (f"{LINE},1", "must have 12 numbers"),
        (changed(0, "nan"), "wrote 'nan', no number"),
        (changed(3, "inf"), "wrote 'inf', no number"),
        (changed(3, "0.0.6"), "wrote '0.0.6', no number"),
        (changed(3, "0x1"), "no number"),
        (changed(3, "1_0"), "no number"),
        (changed(3, "-0.0623"), "weight_load: the power monitor's A is -0.0623"),
        (changed(7, "0.0108"), "input_load: 0.0108 W active is not above 0.0108 W idle"),
        (changed(1, "0.00895"), "weight_load: the power monitor saw 0.895 s but the chip 1 s"),
        (changed(9, "0.01050"), "input_and_inference: the power monitor saw 1.05 s"),
        (changed(9, "0.45734"), "input_and_inference: the power monitor saw 45.73 s"),
        (changed(8, "0.003000"), "0.003 J are not"),
        (changed(8, "0.000000"), "0 J are not"),
        (",".join(["0"] * 12), "is not above"),
    ],
)
def test_a_sample_that_failed_is_refused(line: str, message: str) -> None:
    """Cut off, no number, idle above active, of other windows, wrong in itself."""
    with pytest.raises(PowerError, match=message):
        stage_energies(line, WINDOWS)


def test_windows_must_be_those_of_the_board() -> None:
    """In their order, and of a length the monitor measures."""
    with pytest.raises(PowerError, match="the windows must be idle, weight_load"):
        stage_energies(LINE, WINDOWS[::-1])
    for length_s in (0.05, 21.0):
        short = tuple(dataclasses.replace(one, length_s=length_s) for one in WINDOWS)
        with pytest.raises(PowerError, match=r"must be 0.1 to 20 s long but idle took"):
            stage_energies(LINE, short)


@settings(max_examples=100)
@given(
    idle=st.floats(0.005, 0.02),
    net=st.tuples(*[st.floats(0.01, 0.5)] * 3),
    lengths=st.tuples(*[st.floats(0.2, 19.9)] * 3),
    repeats=st.tuples(*[st.integers(10, 1_000_000)] * 3),
)
def test_what_the_twin_writes_is_what_was_spent(
    idle: float,
    net: tuple[float, ...],
    lengths: tuple[float, ...],
    repeats: tuple[int, ...],
) -> None:
    """Its short time base and its fixed divisor are undone, at every length and repeat count."""
    powers = Powers(idle, tuple(idle + one for one in net))  # type: ignore[arg-type]
    windows = (
        WINDOWS[0],
        *(
            PowerWindow(one.name, count, length_s)
            for one, count, length_s in zip(WINDOWS[1:], repeats, lengths, strict=True)
        ),
    )
    found = stage_energies(cnn_line(powers, lengths), windows)
    for one, power, length_s, count in zip(found, net, lengths, repeats, strict=True):
        assert one.energy_uj == pytest.approx(1e6 * power * length_s / count, rel=1e-6)


@pytest.mark.parametrize("length_s", [0.5, 5.0, 44.0, 60.0, 89.0])
def test_a_stale_overflow_is_left_out(length_s: float) -> None:
    """System mode: 44.739 s too many in T, and in E with it; P is right."""
    seen = 0.995 * length_s
    clean = f"{0.1 * seen:.6f},{seen:.6f},0.100000"
    stale = f"{0.1 * (seen + OVERFLOW_S):.6f},{seen + OVERFLOW_S:.6f},0.100000"
    for line in (clean, stale):
        assert system_energy_uj(line, length_s, 1000) == pytest.approx(100 * length_s)


@pytest.mark.parametrize(
    ("line", "length_s", "message"),
    [
        ("1.0,10.0", 10.0, "must have 3 numbers"),
        ("1.0,10.0,0.1", 90.0, r"windows over 89.5 s wrap, but this took 90 s"),
        ("0.5,5.0,0.1", 94.5, "wrap"),
        ("1.0,10.0,0.1", 0.01, "wrap"),
        ("0.9,9.0,0.1", 10.0, "saw 9 s but the chip 10 s"),
        ("2.0,9.95,0.1", 10.0, "2 J are not 0.1 W for 9.95 s"),
        ("0,9.95,0", 10.0, "0 J are not 0 W"),
    ],
)
def test_a_system_line_that_cannot_be_is_refused(line: str, length_s: float, message: str) -> None:
    """Of another window, wrapped, or wrong in itself."""
    with pytest.raises(PowerError, match=message):
        system_energy_uj(line, length_s, 100)


def test_rails_are_four_numbers() -> None:
    """With commas, spaces or both between them, and exponents."""
    assert numbers_of("3.30, 1.10,1.0e0  1.8\r", 4) == [3.3, 1.1, 1.0, 1.8]
