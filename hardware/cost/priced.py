# SPDX-License-Identifier: Apache-2.0
"""What a candidate costs: every figure with its mode, its interval and its origin."""

from dataclasses import dataclass

from hardware.cost.figure import Figure
from hardware.cost.mode import Mode
from hardware.placement.limits import Demand


@dataclass(frozen=True)
class Comparison:
    """One cost over another, in one mode: below 1 is less.

    Attributes:
        latency: Ratio of the latencies.
        energy: Ratio of the energies.
        size: Ratio of the sizes.
    """

    latency: float
    energy: float
    size: float


@dataclass(frozen=True)
class Cost:
    """What a candidate costs on a chip.

    Energies do not count idle power.

    Attributes:
        mode: How the chip is run; figures of another mode do not compare.
        latency_us: Copying one input and computing it, microseconds, weights already loaded.
        input_us: The copying's part of it.
        inference_us: The computing's part of it.
        energy_uj: Energy of the same window, microjoules.
        input_uj: The copying's part of it.
        inference_uj: The computing's part of it.
        weight_load_us: Loading all weights once, microseconds.
        weight_load_uj: Its energy, microjoules.
        preparation_us: The core's preparing of one input; in no latency.
        softmax_us: The core's softmax over the outputs; in no latency.
        size_bytes: Bytes of weights and biases on the chip.
        weight_bytes: The weights' part of it.
        weight_words: 32-bit words that loading the weights copies.
        macs: Multiply-accumulates of one inference.
        demands: What is asked of every limit of the chip.
    """

    mode: Mode
    latency_us: Figure
    input_us: Figure
    inference_us: Figure
    energy_uj: Figure
    input_uj: Figure
    inference_uj: Figure
    weight_load_us: Figure
    weight_load_uj: Figure
    preparation_us: Figure
    softmax_us: Figure
    size_bytes: Figure
    weight_bytes: int
    weight_words: int
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

    def amortised_us(self, inferences: int) -> float:
        """Time of one input, its share T_W/N of loading the weights for N of them included."""
        return self.latency_us.value + self.weight_load_us.value / inferences

    def amortised_uj(self, inferences: int) -> float:
        """Energy of one input, its share of loading the weights for so many of them included."""
        return self.energy_uj.value + self.weight_load_uj.value / inferences

    def over(self, other: "Cost") -> Comparison:
        """This cost over another.

        Raises:
            ModeError: where they are of different modes.
        """
        self.mode.check_same(other.mode, "cost over cost")
        return Comparison(
            self.latency_us.value / other.latency_us.value,
            self.energy_uj.value / other.energy_uj.value,
            self.size_bytes.value / other.size_bytes.value,
        )
