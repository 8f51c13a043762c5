# SPDX-License-Identifier: Apache-2.0
"""How a chip is run: what a time or an energy depends on besides the network."""

import enum
from dataclasses import dataclass, replace
from typing import Self

from hardware.chips import Chip, chip_named

DIVIDERS = (1, 2, 4, 8, 16)
"""Dividers of the accelerator's clock. Source: izer, `--clock-divider`."""

UNPIPELINED_HZ = 50_000_000
"""Fastest clock without the pipeline. Source: AN7664; izer `--no-pipeline`."""


class ModeError(ValueError):
    """A mode the chip does not have, or two modes that were to be compared."""


class ClockSource(enum.Enum):
    """Where the accelerator's clock comes from, by the vendor's names."""

    IPLL = "IPLL"
    IPO = "IPO"
    ISO = "ISO"
    PCLK = "PCLK"


class InputCopy(enum.Enum):
    """How one input comes into the accelerator's memory.

    EXAMPLE is the izer's generated `main.c`: a constant array, at the load clock. APPLICATION is a
    loop over live data: from the core's memory, at the inference clock, which nobody would switch
    for every input. They differ by a factor of two, so a mode says which it means.
    """

    EXAMPLE = "example"
    APPLICATION = "application"


CLOCKS_HZ: dict[str, dict[ClockSource, int]] = {
    "MAX78000": {ClockSource.PCLK: 50_000_000, ClockSource.ISO: 60_000_000},
    "MAX78002": {
        ClockSource.IPLL: 200_000_000,
        ClockSource.IPO: 60_000_000,
        ClockSource.ISO: 60_000_000,
    },
}
"""Clock sources of each chip before the divider, the default first. IPO is half of the 120 MHz
oscillator. Source: izer README; AN7664."""

VOLTAGES_V: dict[str, tuple[float, ...]] = {"MAX78000": (1.2,), "MAX78002": (1.1, 1.0)}
"""Voltages of the accelerator's rail, the default first: 1.1 V on the EVKIT as shipped. Source:
AN7664 (MAX78002), board documentation (MAX78000)."""

DEFAULT_LOAD_HZ = 50_000_000
"""While loading, generated projects run the PLL at a quarter. Source: izer README, main.c."""


@dataclass(frozen=True)
class Mode:
    """A chip, its clocks and its voltage; costs compare within one mode only.

    Raises:
        ModeError: where the chip has no such mode; the message says what it has.

    Attributes:
        chip: Part name.
        clock_source: Source of the accelerator's clock.
        divider: The source's divider during inference.
        pipeline: Whether the accelerator's pipeline is on; the MAX78000 has none.
        load_clock_mhz: Clock while weights load; inputs too where `input_copy` is EXAMPLE.
        voltage_v: Voltage of the accelerator's rail.
        input_copy: How inputs come in.
    """

    chip: str
    clock_source: ClockSource
    divider: int
    pipeline: bool
    load_clock_mhz: float
    voltage_v: float
    input_copy: InputCopy = InputCopy.APPLICATION

    def __post_init__(self) -> None:
        sources = CLOCKS_HZ.get(self.chip)
        if sources is None:
            raise ModeError(f"chip must be one of {', '.join(CLOCKS_HZ)} but is {self.chip!r}")
        if self.clock_source not in sources:
            known = ", ".join(source.value for source in sources)
            raise ModeError(
                f"clock source of the {self.chip} must be one of {known} but is"
                f" {self.clock_source.value}"
            )
        if self.divider not in DIVIDERS:
            raise ModeError(f"divider must be one of 1, 2, 4, 8, 16 but is {self.divider}")
        self._check_pipeline()
        allowed = [sources[self.clock_source] / step / 1e6 for step in DIVIDERS]
        if self.load_clock_mhz not in allowed:
            raise ModeError(
                f"load clock must be {self.clock_source.value} divided by 1, 2, 4, 8 or 16:"
                f" {', '.join(f'{mhz:g}' for mhz in allowed)} MHz, but is {self.load_clock_mhz:g}"
            )
        if self.voltage_v not in VOLTAGES_V[self.chip]:
            known = ", ".join(f"{volts:g}" for volts in VOLTAGES_V[self.chip])
            raise ModeError(
                f"voltage of the {self.chip} must be one of {known} V but is {self.voltage_v:g}"
            )

    def _check_pipeline(self) -> None:
        if self.pipeline and self.chip == "MAX78000":
            raise ModeError("the MAX78000 has no pipeline: set it off")
        fastest = max(self.clock_hz, self.load_hz)
        if not self.pipeline and self.chip == "MAX78002" and fastest > UNPIPELINED_HZ:
            raise ModeError(
                f"the MAX78002 needs its pipeline above 50 MHz but it is off at {fastest / 1e6:g}"
                " MHz: set it on, or divide the clock"
            )

    @property
    def clock_hz(self) -> float:
        """Clock of the accelerator during inference."""
        return CLOCKS_HZ[self.chip][self.clock_source] / self.divider

    @property
    def load_hz(self) -> float:
        """Clock of the accelerator while weights load."""
        return self.load_clock_mhz * 1e6

    @property
    def input_hz(self) -> float:
        """Clock of the accelerator while an input is copied."""
        return self.load_hz if self.input_copy is InputCopy.EXAMPLE else self.clock_hz

    @classmethod
    def default(cls, chip: Chip | str) -> Self:
        """The clocks generated projects use, at the boards' voltage, in a loop over inputs.

        MAX78002: PLL at 200 MHz, weights loaded at 50, pipeline, 1.1 V. MAX78000: PCLK 50 MHz,
        1.2 V.
        """
        found = chip_named(chip) if isinstance(chip, str) else chip
        source = next(iter(CLOCKS_HZ[found.name]))
        return cls(
            chip=found.name,
            clock_source=source,
            divider=1,
            pipeline=found.name == "MAX78002",
            load_clock_mhz=DEFAULT_LOAD_HZ / 1e6,
            voltage_v=VOLTAGES_V[found.name][0],
        )

    def as_example(self) -> Self:
        """The same with inputs copied as the izer's generated example does."""
        return replace(self, input_copy=InputCopy.EXAMPLE)

    def differences(self, other: "Mode") -> list[str]:
        """What differs, in words; nothing where both are one mode."""
        found = []
        for name in self.__dataclass_fields__:
            mine, its = (_plain(getattr(mode, name)) for mode in (self, other))
            if mine != its:
                found.append(f"{name} {mine} and {its}")
        return found

    def check_same(self, other: "Mode", what: str) -> None:
        """Raises ModeError where costs of the two were to be compared: `what` says which."""
        if self != other:
            raise ModeError(
                f"{what}: figures of two modes do not compare; they differ in"
                f" {', '.join(self.differences(other))}"
            )

    def __str__(self) -> str:
        source = f"{self.clock_source.value} {self.clock_hz / 1e6:g} MHz"
        pipeline = "" if self.chip == "MAX78000" else " pipelined" * self.pipeline or " unpipelined"
        inputs = "" if self.input_copy is InputCopy.APPLICATION else ", inputs as in the example"
        return (
            f"{self.chip}, {source}{pipeline}, load {self.load_clock_mhz:g} MHz,"
            f" {self.voltage_v:g} V{inputs}"
        )


def _plain(value: object) -> object:
    return value.value if isinstance(value, enum.Enum) else value
