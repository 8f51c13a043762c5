# SPDX-License-Identifier: Apache-2.0
"""Puts what was measured of a candidate in place of what was predicted."""

import math
from dataclasses import replace
from typing import Any

from hardware.candidate import Candidate
from hardware.cost.calibration import Calibration
from hardware.cost.figure import Figure, Origin
from hardware.cost.measurements import Window
from hardware.cost.priced import Cost

MEASURED_ENERGY_SHARE = 0.04
"""Standard deviation of a measured energy over the energy: boards spread by +-3.8 % (AN7664)."""


def measured_cost(priced: Cost, calibration: Calibration, candidate: Candidate) -> Cost:
    """A cost with what was measured of this candidate in place of what was predicted.

    A time measured with other bits replaces the prediction too, as calibrated: bits do not change
    it, and candidates of one length must not differ by where their times are from.
    """
    times = {
        window: _measured_time(figure, window, calibration, candidate)
        for window, figure in (
            (Window.WEIGHT_LOAD, priced.weight_load_us),
            (Window.INPUT_LOAD, priced.input_us),
            (Window.INFERENCE, priced.inference_us),
        )
    }
    energies = {
        window: _measured_energy(figure, window, calibration, candidate)
        for window, figure in (
            (Window.WEIGHT_LOAD, priced.weight_load_uj),
            (Window.INPUT_LOAD, priced.input_uj),
            (Window.INFERENCE, priced.inference_uj),
        )
    }
    both = Window.INPUT_AND_INFERENCE
    latency = _sum_of(times, priced.latency_us, priced.input_us, priced.inference_us)
    energy = _sum_of(energies, priced.energy_uj, priced.input_uj, priced.inference_uj)
    return replace(
        priced,
        weight_load_us=times[Window.WEIGHT_LOAD],
        input_us=times[Window.INPUT_LOAD],
        inference_us=times[Window.INFERENCE],
        latency_us=_measured_time(latency, both, calibration, candidate),
        weight_load_uj=energies[Window.WEIGHT_LOAD],
        input_uj=energies[Window.INPUT_LOAD],
        inference_uj=energies[Window.INFERENCE],
        energy_uj=_measured_energy(energy, both, calibration, candidate),
    )


def _sum_of(
    parts: dict[Window, Figure], predicted: Figure, copying: Figure, computing: Figure
) -> Figure:
    """Copying and computing together, shifted by what their measured parts say."""
    one, two = parts[Window.INPUT_LOAD], parts[Window.INFERENCE]
    if one == copying and two == computing:
        return predicted
    deviation = math.hypot((one.high - one.value) / 2, (two.high - two.value) / 2)
    alike = one.origin is two.origin
    origin = one.origin if alike else Origin.CALIBRATED
    return Figure.around(one.value + two.value, deviation, origin)


def _measured_time(
    figure: Figure, window: Window, calibration: Calibration, candidate: Candidate
) -> Figure:
    found, itself = calibration.measured_time(window, candidate)
    if found is None:
        return figure
    origin = Origin.MEASURED if itself else Origin.CALIBRATED
    return Figure.around(found.time_us, found.time_std_us, origin)


def _measured_energy(
    figure: Figure, window: Window, calibration: Calibration, candidate: Candidate
) -> Figure:
    energy = calibration.measured_energy_uj(window, candidate)
    if energy is None:
        return figure
    return Figure.around(energy, MEASURED_ENERGY_SHARE * energy, Origin.MEASURED)


def said_simulated(priced: Cost) -> Cost:
    """A cost whose calibrated and measured figures say that a simulated board gave the rows."""
    figures: dict[str, Any] = {
        name: replace(figure, origin=Origin.SIMULATED)
        for name, figure in vars(priced).items()
        if isinstance(figure, Figure) and figure.origin in (Origin.CALIBRATED, Origin.MEASURED)
    }
    return replace(priced, **figures)
