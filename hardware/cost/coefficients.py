# SPDX-License-Identifier: Apache-2.0
"""The few numbers that times and energies are made of: what is known before any measurement."""

from dataclasses import dataclass

from hardware.chips import chip_named
from hardware.cost.mode import ClockSource, InputCopy, Mode

TIME_NAMES = (
    "start_us",
    "line_stall_cycles",
    "plane_stall_cycles",
    "input_fixed_us",
    "input_word_us",
    "weight_word_us",
)
ENERGY_NAMES = ("weight_power_mw", "input_power_mw", "cycle_nj", "operation_pj")

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Coefficients:
    """The model's numbers in one mode; times and energies are linear in them.

    Attributes:
        start_us: Starting an inference and being told of its end, microseconds, by the core.
        line_stall_cycles: Cycles the pipeline adds for each pooled pixel and pass of a layer along
            one axis or a linear one.
        plane_stall_cycles: The same of a layer along two axes.
        input_fixed_us: Copying an input, whatever its length, microseconds.
        input_word_us: Copying each 32-bit word of an input, microseconds.
        weight_word_us: Copying each 32-bit word of weights, microseconds.
        weight_power_mw: Power while weights load, idle power not counted.
        input_power_mw: Power while an input is copied, idle power not counted.
        cycle_nj: Energy of each cycle of an inference at 8-bit weights.
        operation_pj: Energy of each output value and input channel at 8-bit weights.
        static_mw: Power of the switched-on accelerator during inference, whatever it computes.
        time_covariance: Of the first six, in the order of TIME_NAMES.
        energy_covariance: Of the next four, in the order of ENERGY_NAMES.
    """

    start_us: float
    line_stall_cycles: float
    plane_stall_cycles: float
    input_fixed_us: float
    input_word_us: float
    weight_word_us: float
    weight_power_mw: float
    input_power_mw: float
    cycle_nj: float
    operation_pj: float
    static_mw: float
    time_covariance: Matrix
    energy_covariance: Matrix

    @property
    def times(self) -> tuple[float, ...]:
        """Values in the order of TIME_NAMES."""
        return tuple(getattr(self, name) for name in TIME_NAMES)

    @property
    def energies(self) -> tuple[float, ...]:
        """Values in the order of ENERGY_NAMES."""
        return tuple(getattr(self, name) for name in ENERGY_NAMES)


START_US = {"MAX78002": (7.4, 1.0), "MAX78000": (6.5, 3.0)}
"""Start of an inference, and its standard deviation.

Source: MAX78002: 14.0 us measured for the indoor network at length 5, whose cycles and stalls take
6.6. MAX78000: 1,410 and 1,442 us measured (MSDK README) less 1,403.1 and 1,435.6 by the formula.
"""
STALL_CYCLES = ((8.0, 1.5), (10.5, 1.0))
"""Stalls of the MAX78002's pipeline along one and two axes, each with its standard deviation.

Source: one axis: the indoor network's 120.0 us between lengths 5 and 101. Two axes: AN7664, table
4, times taken from energy over power, which are printed finer: 10.4 mnist, 10.5 cifar-10, 10.5
aisegment_unet; 11.4 cats-dogs, whose time is known to 1.5 %. Kernel sizes make no difference.
"""
NO_STALL = ((0.0, 0.2), (0.0, 0.2))
"""Without pipeline the formula holds. Source: CHIPS notes, 2: within 1.3 %."""

# A word's time is so many cycles of the core and so many of the accelerator, the former from flash.
WEIGHT_WORD_CYCLES = (17.04, 6.85)
"""Source: AN7664: kws20_v3_1's 39,093 words in 6.9, 8.2, 10.9, 14.5, 23.6, 41.3 ms at 200 ... 7.5
MHz, four other networks at 50 MHz; residuals up to 0.8 %. Biases count within it."""
EXAMPLE_WORD_CYCLES = (15.84, 6.95)
"""Inputs of up to CACHED_WORDS. Source: AN7664: 1,024 words of cifar-100 in 0.1693, 0.2032, 0.3729
ms at 200, 100, 30 MHz; 0.2775 (cifar-10) and 0.0527 ms (mnist, 196 words) at 50 MHz."""
APPLICATION_WORD_CYCLES = (10.23, 6.95)
APPLICATION_FIXED_US = 1.3
"""Source of both: the indoor study, 1.3 us and 0.12 us a word at 200 MHz (CHIPS notes, 2); the
accelerator's share as in EXAMPLE_WORD_CYCLES."""
CACHED_WORDS = 4096
"""A constant input beyond the core's 16 KiB cache comes from flash, as weights do: 281 ns a word at
50 MHz for 16,384 and 27,648 words where 1,024 take 271. Source: AN7664, table 4."""

# (static mW, mW per MHz) of the accelerator, idle power not counted.
POWER_MW = {
    (True, 1.0): (9.9, 0.655),
    (True, 1.1): (17.2, 0.803),
    (False, 1.0): (6.4, 0.405),
    (False, 1.1): (13.0, 0.49),
    (False, 1.2): (15.5, 0.58),
}
"""By whether the PLL runs, and voltage.

Source: AN7664, loading: at 1.0 V 42.6 mW at 50 MHz, 140.8 at 200, 18.6 at 30 from IPO; at 1.1 V
57.3, 97.5, 177.8 at 50, 100, 200; 16.7, 20.4, 27.9 at 7.5, 15, 30 from IPO. The static part agrees
with inferences of one network at several clocks. 1.2 V (MAX78000): scaled by the voltage's square.
"""
CYCLE_NJ = 0.785
OPERATION_PJ = 18.6
"""Source of both: fit to seven measured MAX78002 networks at 1.0 V and 200 MHz (AN7664, table 4),
residuals -10 ... +14 %; 167 mW of which 9.9 are static. They grow with the voltage's square: 1.22
measured from 1.0 to 1.1 V."""


def prior(mode: Mode) -> Coefficients:
    """What the notes' measured networks say of this mode, with its uncertainty."""
    measured_chip = mode.chip == "MAX78002"
    stalls = STALL_CYCLES if mode.pipeline else NO_STALL
    example = mode.input_copy is InputCopy.EXAMPLE
    copy_cycles = EXAMPLE_WORD_CYCLES if example else APPLICATION_WORD_CYCLES
    input_word = _word_us(copy_cycles, mode, mode.input_hz)
    weight_word = _word_us(WEIGHT_WORD_CYCLES, mode, mode.load_hz)
    fixed = 0.0 if example else APPLICATION_FIXED_US
    spread = 1 if measured_chip else 5
    time_deviations = (
        START_US[mode.chip][1],
        stalls[0][1],
        stalls[1][1],
        0.1 if example else 0.5,
        input_word * (0.02 if example else 0.1) * spread,
        weight_word * 0.01 * spread,
    )
    static, per_mhz = POWER_MW[mode.clock_source is ClockSource.IPLL, mode.voltage_v]
    weight_power = static + per_mhz * mode.load_clock_mhz
    input_power = static + per_mhz * mode.input_hz / 1e6
    square = mode.voltage_v**2
    energies = (weight_power, input_power, CYCLE_NJ * square, OPERATION_PJ * square)
    shares = (0.05, 0.05, 0.08, 0.10) if measured_chip else (0.5, 0.5, 0.5, 0.5)
    return Coefficients(
        START_US[mode.chip][0],
        stalls[0][0],
        stalls[1][0],
        fixed,
        input_word,
        weight_word,
        *energies,
        static,
        _diagonal(time_deviations),
        _diagonal([value * share for value, share in zip(energies, shares, strict=True)]),
    )


def _word_us(cycles: tuple[float, float], mode: Mode, accelerator_hz: float) -> float:
    core, accelerator = cycles
    return (core / chip_named(mode.chip).core_clock_hz + accelerator / accelerator_hz) * 1e6


def _diagonal(deviations: tuple[float, ...] | list[float]) -> Matrix:
    return tuple(
        tuple(deviation**2 if row == column else 0.0 for column in range(len(deviations)))
        for row, deviation in enumerate(deviations)
    )
