# SPDX-License-Identifier: Apache-2.0
"""Calibrates the cost model with measurements of a study's networks."""

from pathlib import Path
from typing import Any

from hardware.cost.calibration import Calibration, CalibrationError
from hardware.cost.coefficients import ENERGY_NAMES, TIME_NAMES, prior
from hardware.cost.fitting import Case, Residual, calibrate, residuals
from hardware.cost.measurements import (
    Measurement,
    MeasurementError,
    read_measurements,
)
from hardware.layer import NetworkError
from hardware.network import Network
from mpqsearch.study_file import StudySpec
from mpqsearch.task_file import identity_of
from objectives.task import TaskError


def calibrate_study(
    spec: StudySpec, path: Path, *, simulated: bool = False
) -> tuple[Calibration, list[Residual]]:
    """Fits the cost model to a file of measurements of a study's networks.

    Raises:
        MeasurementError: where the file or one of its rows cannot be, by its row.
        CalibrationError: where they were measured on another chip than the study's.
    """
    rows = read_measurements(path, simulated=simulated)
    if rows[0].mode.chip != spec.chip.name:
        raise CalibrationError(
            f"{path}: measured on the {rows[0].mode.chip} but study {spec.name} is for the"
            f" {spec.chip.name}"
        )
    cases = [
        Case(_network(spec, path, row), row, f"length {row.candidate.input_length}") for row in rows
    ]
    return calibrate(identity_of(spec.task_name), cases), residuals(cases)


def _network(spec: StudySpec, path: Path, row: Measurement) -> Network:
    length = row.candidate.input_length
    if length > spec.task.full_length:
        raise MeasurementError(
            f"{path}, row {row.row}: input length {length} is not one of task {spec.task_name},"
            f" whose inputs are at most {spec.task.full_length} long"
        )
    try:
        network = spec.task.checked_network(length)
        network.check_bits(row.candidate.bits)
    except (NetworkError, TaskError) as error:
        raise MeasurementError(f"{path}, row {row.row}: {error}") from None
    return network


def calibration_json(
    calibration: Calibration, found: list[Residual], out: Path | None
) -> dict[str, Any]:
    """What `mpqsearch calibrate` prints, for programs."""
    return {
        "task": calibration.task,
        "mode": str(calibration.mode),
        "simulated": calibration.simulated,
        "fitted": sorted(calibration.fitted),
        "coefficients": {
            name: {
                "value": getattr(calibration.coefficients, name),
                "standard_deviation": _deviation(calibration, name),
                "prior": getattr(prior(calibration.mode), name),
            }
            for name in TIME_NAMES + ENERGY_NAMES
        },
        "residuals": [
            {
                "row": residual.case.measurement.row,
                "candidate": str(residual.case.measurement.candidate),
                "window": residual.case.measurement.window.value,
                "time_us": residual.case.measurement.time_us,
                "fitted_us": residual.time_us,
                "left_out_us": residual.left_out_us,
                "energy_uj": residual.case.measurement.energy_uj,
                "fitted_uj": residual.energy_uj,
                "left_out_uj": residual.left_out_uj,
            }
            for residual in found
        ],
        "file": None if out is None else str(out),
    }


def print_calibration(calibration: Calibration, found: list[Residual], out: Path | None) -> None:
    """Prints coefficients, residuals and leave-one-out errors."""
    from rich.table import Table

    from mpqsearch.terminal import out as console

    if calibration.simulated:
        console.print(
            "[bold yellow]SIMULATED[/]: fitted to rows that nobody measured; costs made with it say"
            " simulated",
            soft_wrap=True,
        )
    console.print(f"[bold]Calibration[/] of {calibration.task} on {calibration.mode}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("coefficient")
    for heading in ("value", "+-", "before"):
        table.add_column(heading, justify="right")
    table.add_column("")
    before = prior(calibration.mode)
    for name in TIME_NAMES + ENERGY_NAMES:
        table.add_row(
            name,
            f"{getattr(calibration.coefficients, name):.4g}",
            f"{_deviation(calibration, name):.2g}",
            f"{getattr(before, name):.4g}",
            "fitted" if name in calibration.fitted else "not determined",
        )
    console.print(table)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("row", "candidate", "window"):
        table.add_column(heading)
    for heading in ("us", "fit", "left out", "uJ", "fit", "left out"):
        table.add_column(heading, justify="right")
    for residual in found:
        table.add_row(*_residual_cells(residual))
    console.print(table)
    console.print(
        "fit: error of the fit; left out: error of a fit without every row of that length",
        soft_wrap=True,
    )
    if out is not None:
        console.print(f"written to {out}; name it in a study: calibration: {out}", soft_wrap=True)


def _residual_cells(residual: Residual) -> list[str]:
    row = residual.case.measurement
    cells = [
        str(row.row),
        str(row.candidate),
        row.window.value,
        f"{row.time_us:.1f}",
        f"{residual.time_us - row.time_us:+.2f}",
        f"{residual.left_out_us - row.time_us:+.2f}",
    ]
    if row.energy_uj is None or residual.energy_uj is None or residual.left_out_uj is None:
        return [*cells, "-", "-", "-"]
    errors = [
        predicted / row.energy_uj - 1 for predicted in (residual.energy_uj, residual.left_out_uj)
    ]
    return [*cells, f"{row.energy_uj:.4g}", *(f"{error:+.1%}" for error in errors)]


def _deviation(calibration: Calibration, name: str) -> float:
    numbers = calibration.coefficients
    if name in TIME_NAMES:
        index = TIME_NAMES.index(name)
        return float(numbers.time_covariance[index][index] ** 0.5)
    index = ENERGY_NAMES.index(name)
    return float(numbers.energy_covariance[index][index] ** 0.5)
