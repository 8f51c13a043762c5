# SPDX-License-Identifier: Apache-2.0
"""The cost of a candidate on a chip: known before anything is trained."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from hardware.chips import Chip
from hardware.energy import inference_uj, input_uj
from hardware.latency import inference_us, input_us
from hardware.network import Network
from hardware.placement import Demand, demands

LATENCY_UNCERTAINTY = 0.05
"""Relative half-width of a latency. Source: residuals over the measured networks of CHIPS notes."""
ENERGY_UNCERTAINTY = 0.20
"""Relative half-width of an energy. Source: residuals of the prior, and +-3.8 % between boards."""


class Origin(enum.Enum):
    """Where a figure comes from."""

    EXACT = "exact"
    ANALYTIC = "analytic"
    CALIBRATED = "calibrated"
    MEASURED = "measured"


@dataclass(frozen=True)
class Figure:
    """A value, the interval it lies in, and where it comes from."""

    value: float
    low: float
    high: float
    origin: Origin

    @classmethod
    def analytic(cls, value: float, uncertainty: float) -> "Figure":
        """A figure from a formula, with its relative uncertainty."""
        return cls(value, value * (1 - uncertainty), value * (1 + uncertainty), Origin.ANALYTIC)

    @classmethod
    def exact(cls, value: float) -> "Figure":
        """A figure that is counted, not estimated."""
        return cls(value, value, value, Origin.EXACT)


@dataclass(frozen=True)
class Mode:
    """What a time or energy depends on besides the network; costs compare within one mode only.

    Attributes:
        chip: Part name.
        clock_hz: Clock of the accelerator during inference.
        voltage_v: Voltage of the accelerator's rail.
    """

    chip: str
    clock_hz: int
    voltage_v: float

    def __str__(self) -> str:
        return f"{self.chip}, {self.clock_hz / 1e6:g} MHz, {self.voltage_v:g} V"


@dataclass(frozen=True)
class Cost:
    """What a candidate costs on a chip.

    Attributes:
        mode: Chip, clock and voltage the figures hold for.
        latency_us: Copying one input and computing it, microseconds, weights already loaded.
        input_us: The copying's part of it.
        inference_us: The computing's part of it.
        energy_uj: Energy of the same window, microjoules, idle power not counted.
        size_bytes: Bytes of weights and biases on the chip.
        weight_bytes: The weights' part of it.
        macs: Multiply-accumulates of one inference.
        demands: What is asked of every limit of the chip.
    """

    mode: Mode
    latency_us: Figure
    input_us: Figure
    inference_us: Figure
    energy_uj: Figure
    size_bytes: Figure
    weight_bytes: int
    macs: int
    demands: tuple[Demand, ...]

    @property
    def worst_demand(self) -> Demand:
        """The limit that is nearest, or exceeded by the largest share."""
        return max(self.demands, key=lambda demand: demand.excess)

    @property
    def fits(self) -> bool:
        """Whether the chip can hold and run it."""
        return self.worst_demand.fits

    @property
    def overflow(self) -> float:
        """Largest share by which a limit is exceeded; not positive where everything fits."""
        return self.worst_demand.excess


@dataclass(frozen=True)
class CostModel:
    """Prices networks on one chip, in the mode the generated code runs it in."""

    chip: Chip

    @property
    def mode(self) -> Mode:
        """Default clocks; 1.1 V (MAX78002EVKIT as shipped), 1.2 V (MAX78000). Source: AN7664."""
        voltage_v = 1.1 if self.chip.name == "MAX78002" else 1.2
        return Mode(self.chip.name, self.chip.clock_hz, voltage_v)

    def cost(self, network: Network, bits: Sequence[int]) -> Cost:
        """Prices a network with these weight bits, whether it fits or not.

        Raises:
            NetworkError: where the bits are not the network's.
        """
        weight_bytes = network.weight_bytes(bits)
        inference = inference_us(network, self.chip)
        copying = input_us(network)
        energy = inference_uj(network, bits, inference) + input_uj(copying)
        return Cost(
            mode=self.mode,
            latency_us=Figure.analytic(inference + copying, LATENCY_UNCERTAINTY),
            input_us=Figure.analytic(copying, LATENCY_UNCERTAINTY),
            inference_us=Figure.analytic(inference, LATENCY_UNCERTAINTY),
            energy_uj=Figure.analytic(energy, ENERGY_UNCERTAINTY),
            size_bytes=Figure.exact(weight_bytes + network.bias_bytes),
            weight_bytes=weight_bytes,
            macs=network.macs,
            demands=tuple(demands(network, bits, self.chip)),
        )
