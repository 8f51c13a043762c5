# SPDX-License-Identifier: Apache-2.0
"""The cost model against published measurements: the tables of docs/cost-model.md.

Run from the repository root: `python -m benchmarks.cost_accuracy`. Each figure is measured /
predicted (error in %); "left out" is the error of a fit to the other networks and the prior.
"""

from hardware.candidate import Candidate
from hardware.chips import MAX78000, MAX78002
from hardware.cost.fitting import Case, calibrate, residuals
from hardware.cost.latency import START_CYCLES, layer_cycles
from hardware.cost.load_words import InputFormat
from hardware.cost.measurements import Measurement, Window
from hardware.cost.mode import Mode
from hardware.cost.model import CostModel
from tests.hardware.measured_networks import (
    cifar_network,
    indoor_network,
    kws_network,
    kws_v3_1_network,
    mnist_network,
)
from tests.hardware.measured_points import KEYWORDS_BY_CLOCK, POINTS, TABLE_4, published_cases

INDOOR_US = {101: 134.001, 51: 71.021, 5: 14.0}
INDOOR_BOTH = {
    91: ((8, 8, 2, 4), 127.7, 27.0),
    51: ((8, 8, 2, 4), 75.5, 15.6),
    101: ((8,) * 4, 141.7, 34.7),
}
"""Inference us; input and inference in us and uJ. Source: the indoor study."""


def against(measured: float, predicted: float) -> str:
    """Both figures, and the error of the prediction."""
    return f"{measured:g} / {predicted:.4g} ({100 * (predicted / measured - 1):+.1f})"


def print_rows(heading: str, names: list[str], rows: list[list[str]]) -> None:
    """Prints a table with columns as wide as they need."""
    print(f"\n{heading}")
    table = [names, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(names))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


def published() -> list[list[str]]:
    """The networks of AN7664, table 4."""
    left_out = {
        residual.case.name: residual
        for residual in residuals(published_cases())
        if residual.case.measurement.window is Window.INFERENCE
    }
    rows = []
    for point in POINTS:
        cost = CostModel(TABLE_4, input_format=point.input_format).cost(point.network, point.bits)
        residual = left_out[point.name]
        time_error = residual.left_out_us / 1e3 / point.inference_ms - 1
        energy_error = (residual.left_out_uj or 0.0) / point.inference_uj - 1
        rows.append(
            [
                point.name,
                against(point.weight_ms, cost.weight_load_us.value / 1e3),
                against(point.input_ms, cost.input_us.value / 1e3),
                against(point.inference_ms, cost.inference_us.value / 1e3),
                f"{100 * time_error:+.1f}",
                against(point.inference_uj, cost.inference_uj.value),
                f"{100 * energy_error:+.2f}",
            ]
        )
    return rows


def by_clock() -> list[list[str]]:
    """kws20_v3_1 by clock and voltage, AN7664, figures 6 to 11."""
    rows = []
    for (
        mode,
        weight_ms,
        weight_uj,
        input_ms,
        input_uj,
        inference_ms,
        inference_uj,
    ) in KEYWORDS_BY_CLOCK:
        cost = CostModel(mode, input_format=InputFormat.HWC).cost(kws_v3_1_network(), (8,) * 9)
        rows.append(
            [
                f"{mode.clock_source.value} {mode.clock_hz / 1e6:g}, {mode.voltage_v:g} V",
                against(weight_ms, cost.weight_load_us.value / 1e3),
                against(input_ms, cost.input_us.value / 1e3),
                against(inference_ms, cost.inference_us.value / 1e3),
                against(weight_uj, cost.weight_load_uj.value),
                against(input_uj, cost.input_uj.value),
                against(inference_uj, cost.inference_uj.value),
            ]
        )
    return rows


def by_cycles() -> list[list[str]]:
    """MAX78000 times by the cycle formula alone, and with the start."""
    measured = {"mnist": 1410.0, "kws20_v3": 1442.0, "cifar-10 NAS": 4555.0}
    networks = (mnist_network(), kws_network(), cifar_network())
    rows = []
    for (name, time_us), network in zip(measured.items(), networks, strict=True):
        cycles = START_CYCLES + sum(layer_cycles(layer) for layer in network.layers)
        cost = CostModel(MAX78000).cost(network, (8,) * len(network.layers))
        rows.append(
            [
                name,
                f"{cycles:,}",
                against(time_us, cycles / 50),
                against(time_us, cost.inference_us.value),
            ]
        )
    return rows


def indoor() -> list[list[str]]:
    """The indoor network, calibrated on its lengths 101 and 5 alone, and uncalibrated."""
    mode = Mode.default(MAX78002)
    cases = []
    for length in (101, 5):
        candidate = Candidate(length, (8,) * 4)
        row = Measurement(2, candidate, mode, Window.INFERENCE, INDOOR_US[length], None, 0.03)
        cases.append(Case(indoor_network(length), row, f"length {length}"))
    calibrated = CostModel(MAX78002, calibrate("indoor", cases))
    rows = []
    for length, time_us in INDOOR_US.items():
        found = calibrated.cost(indoor_network(length), (8,) * 4).inference_us.value
        rows.append([f"{length} inference, calibrated", against(time_us, found), "-"])
    for length, (bits, time_us, energy_uj) in INDOOR_BOTH.items():
        cost = CostModel(MAX78002).cost(indoor_network(length), bits)
        rows.append(
            [
                f"{length} input and inference",
                against(time_us, cost.latency_us.value),
                against(energy_uj, cost.energy_uj.value),
            ]
        )
    return rows


def main() -> None:
    """Prints the four tables."""
    loading = ["weights ms", "input ms", "inference ms"]
    energies = ["weights uJ", "input uJ", "inference uJ"]
    named = ["network", *loading, "left out", "inference uJ", "left out"]
    print_rows("MAX78002, 1.0 V, IPLL 200 MHz, loaded at 50 MHz", named, published())
    print_rows("kws20_v3_1 by clock", ["mode", *loading, *energies], by_clock())
    print_rows("MAX78000, 50 MHz", ["network", "cycles", "us by cycles", "us"], by_cycles())
    print_rows("Indoor network, MAX78002", ["length", "us", "uJ"], indoor())


if __name__ == "__main__":
    main()
