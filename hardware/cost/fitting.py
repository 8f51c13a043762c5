# SPDX-License-Identifier: Apache-2.0
"""Fits the model's coefficients to measurements, and says how well they predict.

Non-negative least squares, with the prior as further rows: each coefficient's prior value, weighted
by its standard deviation, stands beside the measurements, weighted by theirs. So what the
measurements determine, they decide; what they do not (two lengths of one network determine two
numbers) stays where it was. There are no terms to choose, and one row is as welcome as a hundred.
Plain non-negative least squares would set undetermined coefficients to zero. The covariance is
that of the rows, (J'J)^-1.
"""

import platform
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from hardware.chips import chip_named
from hardware.cost.calibration import (
    DETERMINED,
    Calibration,
    CalibrationError,
    hash_of_rows,
    mean_measurements,
)
from hardware.cost.coefficients import ENERGY_NAMES, TIME_NAMES, Coefficients, Matrix, prior
from hardware.cost.energy import bit_factor, energy_work_of
from hardware.cost.latency import inference_cycles, inference_us, input_us, time_terms, work_of
from hardware.cost.load_words import InputFormat, kernel_map, weight_words
from hardware.cost.measurements import Measurement, Window, says_simulated
from hardware.cost.mode import Mode
from hardware.network import Network

TIME_MODEL_SHARE = 0.005
"""Standard deviation of the model's times over the time, beside the measurement's own. Source:
residuals of docs/cost-model.md. It keeps long networks from deciding everything."""
ENERGY_MODEL_SHARE = 0.07
"""The same of energies. Source: the prior's residuals over seven networks, -10 ... +14 %."""


@dataclass(frozen=True)
class Case:
    """A measured network.

    Attributes:
        network: Its layers.
        measurement: What was measured of it.
        name: What residuals are told by; cases of one name are left out together.
        input_format: How its input lies in words; by its channels where not given.
    """

    network: Network
    measurement: Measurement
    name: str
    input_format: InputFormat | None = None


@dataclass(frozen=True)
class Residual:
    """What the fit says of one measurement.

    Attributes:
        case: The measured network.
        time_us: Predicted by the fit.
        left_out_us: Predicted by a fit without this network.
        energy_uj: Predicted by the fit; None where none was measured.
        left_out_uj: Predicted by a fit without this network.
    """

    case: Case
    time_us: float
    left_out_us: float
    energy_uj: float | None
    left_out_uj: float | None


def calibrate(task: str, cases: Sequence[Case]) -> Calibration:
    """Fits a mode's coefficients to measured networks.

    Raises:
        CalibrationError: where there are none.
        ModeError: where they were measured in different modes.
    """
    if not cases:
        raise CalibrationError("there is nothing to calibrate with")
    mode = cases[0].measurement.mode
    for case in cases:
        mode.check_same(case.measurement.mode, "calibration")
    coefficients = fit(mode, cases)
    before = prior(mode)
    fitted = {
        name
        for names, old, new in (
            (TIME_NAMES, before.time_covariance, coefficients.time_covariance),
            (ENERGY_NAMES, before.energy_covariance, coefficients.energy_covariance),
        )
        for i, name in enumerate(names)
        if new[i][i] < DETERMINED**2 * old[i][i]
    }
    rows = [case.measurement for case in cases]
    return Calibration(
        task=task,
        mode=mode,
        coefficients=coefficients,
        fitted=frozenset(fitted),
        measured=mean_measurements(rows),
        rows_hash=hash_of_rows(rows),
        versions=(("numpy", np.__version__), ("python", platform.python_version())),
        simulated=any(says_simulated(row.source) for row in rows),
    )


def fit(mode: Mode, cases: Sequence[Case]) -> Coefficients:
    """Coefficients that the prior and these cases agree on best; times first, then energies."""
    before = prior(mode)
    rows = [_time_row(case, mode) for case in cases]
    times, time_covariance = _solve(before.times, before.time_covariance, rows)
    timed = _replaced(before, TIME_NAMES, times, time_covariance, before.energy_covariance)
    rows = [_energy_row(case, timed) for case in cases if case.measurement.energy_uj is not None]
    energies, energy_covariance = _solve(before.energies, before.energy_covariance, rows)
    return _replaced(timed, ENERGY_NAMES, energies, time_covariance, energy_covariance)


def residuals(cases: Sequence[Case]) -> list[Residual]:
    """Every measurement as the fit predicts it, with its network and without it."""
    mode = cases[0].measurement.mode
    everything = fit(mode, cases)
    without = {
        name: fit(mode, [case for case in cases if case.name != name])
        for name in {case.name for case in cases}
    }
    found = []
    for case in cases:
        time_us, energy_uj = predict(case, everything)
        left_out_us, left_out_uj = predict(case, without[case.name])
        measured = case.measurement.energy_uj is not None
        found.append(
            Residual(
                case,
                time_us,
                left_out_us,
                energy_uj if measured else None,
                left_out_uj if measured else None,
            )
        )
    return found


def predict(case: Case, coefficients: Coefficients) -> tuple[float, float]:
    """Time and energy of a case's window with these coefficients."""
    terms, offset = _time_terms(case, case.measurement.mode)
    time_us = offset + _dot(terms, coefficients.times)
    by, static_uj = _energy_terms(case, coefficients)
    return time_us, static_uj + _dot(by, coefficients.energies)


_System = tuple[tuple[float, ...], float, float]
"""Terms, value and standard deviation of one row."""


def _time_row(case: Case, mode: Mode) -> _System:
    terms, offset = _time_terms(case, mode)
    measured = case.measurement
    deviation = np.hypot(measured.time_deviation_us, TIME_MODEL_SHARE * measured.time_us)
    return terms, measured.time_us - offset, float(deviation)


def _energy_row(case: Case, coefficients: Coefficients) -> _System:
    terms, static_uj = _energy_terms(case, coefficients)
    energy_uj = case.measurement.energy_uj or 0.0
    return terms, energy_uj - static_uj, max(ENERGY_MODEL_SHARE * energy_uj, 1e-6)


def _time_terms(case: Case, mode: Mode) -> tuple[tuple[float, ...], float]:
    """Terms of a window's time, and its part that no coefficient changes."""
    window = case.measurement.window
    if window is Window.WEIGHT_LOAD:
        placed = kernel_map(case.network, chip_named(mode.chip), case.input_format)
        words = weight_words(case.network, case.measurement.candidate.bits, placed)
        return (0.0, 0.0, 0.0, 0.0, 0.0, float(words)), 0.0
    work = work_of(case.network, case.input_format)
    inference, copying = time_terms(work, mode)
    cycles_us = work.cycles / mode.clock_hz * 1e6
    if window is Window.INPUT_LOAD:
        return copying, 0.0
    if window is Window.INFERENCE:
        return inference, cycles_us
    return tuple(one + two for one, two in zip(inference, copying, strict=True)), cycles_us


def _energy_terms(case: Case, coefficients: Coefficients) -> tuple[tuple[float, ...], float]:
    """Terms of a window's energy, and its part that no coefficient changes."""
    measured = case.measurement
    if measured.window is Window.WEIGHT_LOAD:
        terms, _ = _time_terms(case, measured.mode)
        return (_dot(terms, coefficients.times) / 1e3, 0.0, 0.0, 0.0), 0.0
    work = work_of(case.network, case.input_format)
    copying = 0.0
    if measured.window.has_input:
        copying = input_us(work, coefficients, measured.mode) / 1e3
    if measured.window is Window.INPUT_LOAD:
        return (0.0, copying, 0.0, 0.0), 0.0
    counts = energy_work_of(case.network)
    factor = bit_factor(counts, measured.candidate.bits)
    cycles = inference_cycles(work, coefficients)
    static_uj = coefficients.static_mw * inference_us(work, coefficients, measured.mode) / 1e3
    return (0.0, copying, factor * cycles / 1e3, factor * counts.operations / 1e6), static_uj


def _solve(
    before: Sequence[float], covariance: Matrix, rows: Sequence[_System]
) -> tuple[list[float], Matrix]:
    """Non-negative coefficients nearest to the prior and the rows, and their covariance."""
    deviations = np.sqrt(np.diag(np.array(covariance)))
    matrix = [np.diag(1 / deviations)]
    values = [np.array(before) / deviations]
    for terms, value, deviation in rows:
        matrix.append(np.array([terms]) / deviation)
        values.append(np.array([value / deviation]))
    whole: NDArray[np.float64] = np.vstack(matrix)
    # Columns of one size, so that the solver's tolerance means the same for each.
    scaled = whole * deviations
    found, _ = nnls(scaled, np.concatenate(values))
    inverse = np.linalg.inv(scaled.T @ scaled) * np.outer(deviations, deviations)
    return list(found * deviations), tuple(tuple(map(float, row)) for row in inverse)


def _replaced(
    before: Coefficients,
    names: Sequence[str],
    values: Sequence[float],
    time_covariance: Matrix,
    energy_covariance: Matrix,
) -> Coefficients:
    numbers = {name: getattr(before, name) for name in before.__dataclass_fields__}
    numbers |= dict(zip(names, map(float, values), strict=True))
    numbers |= {"time_covariance": time_covariance, "energy_covariance": energy_covariance}
    return Coefficients(**numbers)


def _dot(terms: Sequence[float], values: Sequence[float]) -> float:
    return sum(term * value for term, value in zip(terms, values, strict=True))
