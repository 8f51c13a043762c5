# SPDX-License-Identifier: Apache-2.0
"""Published measurements, as small tables.

Source: application note AN7664, "Developing Power-Optimized Applications on the MAX78002": table 4
(POINTS) and figures 6 to 11 (KEYWORDS_BY_CLOCK).
"""

from dataclasses import dataclass

from hardware.candidate import Candidate
from hardware.cost.fitting import Case
from hardware.cost.load_words import InputFormat
from hardware.cost.measurements import Measurement, Window
from hardware.cost.mode import ClockSource, InputCopy, Mode
from hardware.network import Network
from tests.hardware.measured_networks import (
    aisegment_network,
    cats_dogs_network,
    cifar_network,
    kws_v3_1_network,
    mnist_network,
)


@dataclass(frozen=True)
class Point:
    """A network of table 4, 1.0 V, 200 MHz, loaded at 50 MHz: times in ms, net energies in uJ."""

    name: str
    network: Network
    input_format: InputFormat
    weight_ms: float
    weight_uj: float
    input_ms: float
    input_uj: float
    inference_ms: float
    inference_uj: float

    @property
    def bits(self) -> tuple[int, ...]:
        return (8,) * len(self.network.layers)


CHW, HWC = InputFormat.CHW, InputFormat.HWC
POINTS = (
    Point("aisegment_unet", aisegment_network(), HWC, 19.9, 839, 7.8, 327, 8.20, 2604),
    Point("cats-dogs", cats_dogs_network(), HWC, 4.1, 176, 4.6, 197, 3.90, 751),
    Point("cifar-10", cifar_network(), HWC, 21.4, 911, 0.2775, 12, 1.32, 397),
    Point("kws20_v3_1", kws_v3_1_network(), HWC, 10.9, 467, 1.1, 47, 0.40, 149),
    Point("mnist", mnist_network(), CHW, 5.0, 212, 0.0527, 2, 0.41, 99),
)
TABLE_4 = Mode("MAX78002", ClockSource.IPLL, 1, True, 50.0, 1.0, InputCopy.EXAMPLE)


def _mode(source: ClockSource, divider: int, load_mhz: float, voltage_v: float) -> Mode:
    pipeline = source is ClockSource.IPLL
    return Mode("MAX78002", source, divider, pipeline, load_mhz, voltage_v, InputCopy.EXAMPLE)


IPLL, IPO = ClockSource.IPLL, ClockSource.IPO
KEYWORDS_BY_CLOCK = (
    # mode, then ms and uJ of loading weights, of the input, of the inference
    (_mode(IPLL, 1, 200.0, 1.1), 6.9, 1220, 0.6834, 121, 0.42, 186),
    (_mode(IPLL, 2, 100.0, 1.1), 8.2, 792, 0.8193, 79, 0.78, 197),
    (_mode(IPO, 2, 30.0, 1.1), 14.5, 390, 1.5, 39, 2.30, 211),
    (_mode(IPO, 4, 15.0, 1.1), 23.6, 481, 2.4, 49, 4.70, 242),
    (_mode(IPO, 8, 7.5, 1.1), 41.3, 689, 4.3, 72, 9.30, 301),
    (_mode(IPLL, 1, 200.0, 1.0), 6.9, 971, 0.6834, 96, 0.42, 155),
    (_mode(IPO, 2, 30.0, 1.0), 14.5, 268, 1.5, 26, 2.30, 167),
)
"""kws20_v3_1 by clock and voltage. An inference is what a window with the input took more than the
input; such a window is printed to 0.1 ms from 1 ms on, which is all an inference is known to."""


def published_cases() -> list[Case]:
    """Table 4 as cases to fit: times known to what they are printed to."""
    found = []
    for point in POINTS:
        candidate = Candidate(point.network.input_shape[1], point.bits)
        for window, time_ms, energy_uj in (
            (Window.WEIGHT_LOAD, point.weight_ms, point.weight_uj),
            (Window.INPUT_LOAD, point.input_ms, point.input_uj),
            (Window.INFERENCE, point.inference_ms, point.inference_uj),
        ):
            rounding_us = 0.05 if time_ms < 0.3 else 29.0  # printed to 0.1 ms beyond
            measured = Measurement(
                2, candidate, TABLE_4, window, time_ms * 1e3, energy_uj, rounding_us
            )
            found.append(Case(point.network, measured, point.name, point.input_format))
    return found
