# SPDX-License-Identifier: Apache-2.0
"""A calibration: the model's coefficients as measurements correct them, kept in a file."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hardware.candidate import Candidate
from hardware.cost.coefficients import ENERGY_NAMES, TIME_NAMES, Coefficients
from hardware.cost.measurements import Measurement, Window
from hardware.cost.mode import ClockSource, InputCopy, Mode

FORMAT = 2
"""Version of the file's layout."""

DETERMINED = 0.9
"""A coefficient is calibrated where measurements shrink its standard deviation below this share of
the prior's; otherwise it still is the prior's."""


class CalibrationError(ValueError):
    """A calibration that cannot be read, or does not belong to what it is used for."""


@dataclass(frozen=True)
class Measured:
    """What a candidate's window was measured at: the mean over its repeats.

    Attributes:
        candidate: Input length and bits.
        window: What was measured.
        time_us: Time of one operation.
        time_std_us: Its standard deviation, the timer's resolution included.
        energy_uj: Energy of one operation, idle power not counted; None where not measured.
    """

    candidate: Candidate
    window: Window
    time_us: float
    time_std_us: float
    energy_uj: float | None


@dataclass(frozen=True)
class Calibration:
    """Coefficients fitted to measurements of one task's networks in one mode.

    Attributes:
        task: The task whose networks were measured.
        mode: How the chip was run.
        coefficients: The fitted numbers and their covariance.
        fitted: Names of the coefficients that the measurements determined.
        measured: What was measured, which replaces what the model says of it.
        rows_hash: SHA-256 of the measurements, in hexadecimal.
        versions: Of the programs that made it.
        simulated: Whether any of the measurements came from a simulated board.
    """

    task: str
    mode: Mode
    coefficients: Coefficients
    fitted: frozenset[str]
    measured: tuple[Measured, ...]
    rows_hash: str
    versions: tuple[tuple[str, str], ...] = ()
    simulated: bool = False

    def measured_time(self, window: Window, candidate: Candidate) -> tuple[Measured | None, bool]:
        """Time of a window, and whether this very candidate was measured.

        Bits do not change a time, so that another candidate's of the same length holds as well,
        except for loading weights.
        """
        same = [found for found in self.measured if found.window is window]
        for found in same:
            if found.candidate == candidate:
                return found, True
        if window is not Window.WEIGHT_LOAD:
            for found in same:
                if found.candidate.input_length == candidate.input_length:
                    return found, False
        return None, False

    def measured_energy_uj(self, window: Window, candidate: Candidate) -> float | None:
        """Energy of a window, where this very candidate was measured."""
        for found in self.measured:
            if (found.window, found.candidate) == (window, candidate):
                return found.energy_uj
        return None

    def save(self, path: Path) -> None:
        """Writes the calibration as JSON.

        Raises:
            CalibrationError: where it cannot be written.
        """
        try:
            path.write_text(json.dumps(_as_json(self), indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise CalibrationError(f"calibration {path} cannot be written: {error}") from error


def mean_measurements(rows: Sequence[Measurement]) -> tuple[Measured, ...]:
    """One entry for each candidate and window, repeats averaged by their standard deviations."""
    groups: dict[tuple[Candidate, Window], list[Measurement]] = {}
    for row in rows:
        groups.setdefault((row.candidate, row.window), []).append(row)
    found = []
    for (candidate, window), repeats in groups.items():
        weights = [row.time_deviation_us**-2 for row in repeats]
        total = sum(weights)
        time_us = sum(w * row.time_us for w, row in zip(weights, repeats, strict=True)) / total
        energies = [row.energy_uj for row in repeats if row.energy_uj is not None]
        energy = sum(energies) / len(energies) if energies else None
        found.append(Measured(candidate, window, time_us, total**-0.5, energy))
    return tuple(found)


def hash_of_rows(rows: Sequence[Measurement]) -> str:
    """SHA-256 over what the rows say, not over how the file writes it."""
    said = [
        dataclasses.asdict(row) | {"row": 0, "mode": str(row.mode), "window": row.window.value}
        for row in rows
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def read_calibration(path: Path) -> Calibration:
    """Reads what `Calibration.save` wrote.

    Raises:
        CalibrationError: where it is missing, damaged, or of another version.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CalibrationError(
            f"calibration {path} cannot be read: {error}; `mpqsearch calibrate` writes one"
        ) from error
    try:
        kept = json.loads(text)
        if not isinstance(kept, dict) or kept.get("format") != FORMAT:
            raise ValueError(f"it is no calibration of format {FORMAT}")
        return _from_json(kept)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CalibrationError(
            f"calibration {path} is damaged: {type(error).__name__}: {error}; make it again with"
            " `mpqsearch calibrate`"
        ) from error


def _as_json(calibration: Calibration) -> dict[str, Any]:
    mode = {
        name: getattr(value, "value", value) for name, value in calibration.mode.__dict__.items()
    }
    coefficients = dataclasses.asdict(calibration.coefficients)
    deviations: dict[str, float] = {}
    for names, covariance in (
        (TIME_NAMES, calibration.coefficients.time_covariance),
        (ENERGY_NAMES, calibration.coefficients.energy_covariance),
    ):
        deviations |= {name: math.sqrt(covariance[i][i]) for i, name in enumerate(names)}
    return {
        "format": FORMAT,
        "task": calibration.task,
        "mode": mode,
        "coefficients": coefficients,
        "standard_deviations": deviations,
        "fitted": sorted(calibration.fitted),
        "measured": [
            {
                "input_length": found.candidate.input_length,
                "bits": found.candidate.bits_text,
                "window": found.window.value,
                "time_us": found.time_us,
                "time_std_us": found.time_std_us,
                "energy_uj": found.energy_uj,
            }
            for found in calibration.measured
        ],
        "rows_sha256": calibration.rows_hash,
        "simulated": calibration.simulated,
        "versions": dict(calibration.versions),
    }


def _from_json(kept: dict[str, Any]) -> Calibration:
    mode = dict(kept["mode"])
    mode["clock_source"] = ClockSource(mode["clock_source"])
    mode["input_copy"] = InputCopy(mode["input_copy"])
    numbers = dict(kept["coefficients"])
    sizes = {"time_covariance": len(TIME_NAMES), "energy_covariance": len(ENERGY_NAMES)}
    for name, size in sizes.items():
        rows = tuple(tuple(float(cell) for cell in row) for row in numbers[name])
        if [len(row) for row in rows] != [size] * size:
            raise ValueError(f"{name} is not {size} by {size}")
        numbers[name] = rows
    for name in set(numbers) - set(sizes):
        numbers[name] = float(numbers[name])
        if not math.isfinite(numbers[name]) or numbers[name] < 0:
            raise ValueError(f"{name} is {numbers[name]}")
    measured = tuple(
        Measured(
            Candidate.parse(int(found["input_length"]), found["bits"]),
            Window(found["window"]),
            float(found["time_us"]),
            float(found["time_std_us"]),
            None if found["energy_uj"] is None else float(found["energy_uj"]),
        )
        for found in kept["measured"]
    )
    return Calibration(
        task=str(kept["task"]),
        mode=Mode(**mode),
        coefficients=Coefficients(**numbers),
        fitted=frozenset(kept["fitted"]),
        measured=measured,
        rows_hash=str(kept["rows_sha256"]),
        versions=tuple(sorted(kept["versions"].items())),
        simulated=bool(kept["simulated"]),
    )
