# SPDX-License-Identifier: Apache-2.0
"""Measured times and energies, as a CSV file gives them; what cannot be is refused by its row."""

import csv
import enum
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hardware.candidate import Candidate
from hardware.chips import ChipError, chip_named
from hardware.cost.mode import ClockSource, InputCopy, Mode, ModeError
from hardware.layer import NetworkError
from hardware.nearest import nearest_of

TIMER_US = 1.0
"""Resolution of the chip's timer. Source: generated projects print whole microseconds."""

UNSTATED_TIME_SHARE = 0.01
"""Standard deviation of a time that states none, over the time. An assumption."""

ENERGY_SHARE = 0.10
"""Two energies of one candidate and window that differ by more were not measured alike. Source:
8 boards spread by +-3.8 % (AN7664)."""


class MeasurementError(ValueError):
    """A file of measurements, or a row of it, that cannot be; the message says which."""


class Window(enum.Enum):
    """What was measured: one of the chip's three steps, or the last two together."""

    WEIGHT_LOAD = "weight_load"
    INPUT_LOAD = "input_load"
    INFERENCE = "inference"
    INPUT_AND_INFERENCE = "input_and_inference"

    @property
    def has_input(self) -> bool:
        """Whether an input is copied in it."""
        return self in (Window.INPUT_LOAD, Window.INPUT_AND_INFERENCE)


_Kind = TypeVar("_Kind", bound=enum.Enum)

REQUIRED = (
    "input_length",
    "bits",
    "chip",
    "clock_source",
    "divider",
    "pipeline",
    "load_clock_mhz",
    "voltage_v",
    "window",
    "time_us",
)
OPTIONAL = (
    "energy_uj",
    "idle_mw",
    "active_mw",
    "repeats",
    "time_std_us",
    "source",
    "input_copy",
    "firmware",
    "project",
)


@dataclass(frozen=True)
class Measurement:
    """One candidate, measured in one window.

    Attributes:
        row: Its line in the file; the header is line 1.
        candidate: Input length and bits.
        mode: How the chip was run.
        window: What was measured.
        time_us: Time of one operation, microseconds.
        energy_uj: Energy of one operation, microjoules, idle power not counted; None where only
            the time was measured.
        time_std_us: Standard deviation of the time; None where the file does not say.
        repeats: Operations the figures are means of; None where the file does not say.
        source: Where the figures are from, in the file's words.
    """

    row: int
    candidate: Candidate
    mode: Mode
    window: Window
    time_us: float
    energy_uj: float | None = None
    time_std_us: float | None = None
    repeats: int | None = None
    source: str = ""

    @property
    def time_deviation_us(self) -> float:
        """Standard deviation of the time, the timer's whole microseconds included."""
        stated = self.time_std_us
        spread = UNSTATED_TIME_SHARE * self.time_us if stated is None else stated
        return math.hypot(spread, TIMER_US / math.sqrt(12))


def read_measurements(path: Path, *, simulated: bool = False) -> tuple[Measurement, ...]:
    """Reads a file of measurements.

    Args:
        path: A CSV file with the columns of docs/cost-model.md.
        simulated: Whether rows whose source says they are simulated are taken.

    Raises:
        MeasurementError: where it cannot be read, lacks a column, or holds a row that cannot be.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restkey="", skipinitialspace=True)
            _check_header(path, reader.fieldnames or ())
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MeasurementError(f"{path}: cannot be read as a CSV file: {error}") from error
    if not rows:
        raise MeasurementError(f"{path}: holds no measurement, only a header")
    example = _copies_as_example(row for _, row in rows)
    found = [_measurement(path, number, row, example, simulated) for number, row in rows]
    check_together(path, found)
    return tuple(found)


def says_simulated(source: str) -> bool:
    """Whether a row's source says that nobody measured it."""
    return "simulat" in source.lower()


def check_together(path: Path, found: Sequence[Measurement]) -> None:
    """Raises MeasurementError where rows are of several modes, or repeats of one disagree."""
    for other in found[1:]:
        if other.mode != found[0].mode:
            differing = ", ".join(found[0].mode.differences(other.mode))
            raise MeasurementError(
                f"{path}, row {other.row}: measured in another mode than row {found[0].row}"
                f" ({differing}); keep one mode a file"
            )
    for one, two in itertools.combinations(found, 2):
        if (one.candidate, one.window) == (two.candidate, two.window):
            _check_repeat(path, one, two)


def _check_repeat(path: Path, one: Measurement, two: Measurement) -> None:
    allowed = TIMER_US + 3 * math.hypot(one.time_deviation_us, two.time_deviation_us)
    what = f"{path}, row {two.row}: {two.window.value} of {two.candidate}"
    if abs(one.time_us - two.time_us) > allowed:
        raise MeasurementError(
            f"{what} took {two.time_us:g} us but {one.time_us:g} us in row {one.row}; their"
            f" standard deviations allow {allowed:.2g} us"
        )
    if one.energy_uj is None or two.energy_uj is None:
        return
    if abs(one.energy_uj - two.energy_uj) > ENERGY_SHARE * max(one.energy_uj, two.energy_uj):
        raise MeasurementError(
            f"{what} took {two.energy_uj:g} uJ but {one.energy_uj:g} uJ in row {one.row}; repeats"
            " must agree within 10 %"
        )


def _check_header(path: Path, names: Sequence[str]) -> None:
    for name in REQUIRED:
        if name not in names:
            raise MeasurementError(
                f"{path}: column {name!r} is missing; a file needs {', '.join(REQUIRED)}"
            )
    for name in names:
        if name not in REQUIRED + OPTIONAL:
            hint = nearest_of(name, REQUIRED + OPTIONAL)
            raise MeasurementError(f"{path}: unknown column {name!r}{hint}")
        if list(names).count(name) > 1:
            raise MeasurementError(f"{path}: column {name!r} stands twice")


def _copies_as_example(rows: Iterable[dict[str, str]]) -> bool:
    """Whether inputs were copied at the load clock, where no row says how they were."""
    return any((row.get("window") or "").strip() == Window.INPUT_LOAD.value for row in rows)


def _measurement(
    path: Path, number: int, row: dict[str, str], example: bool, simulated: bool
) -> Measurement:
    where = f"{path}, row {number}"
    cells = _Row(where, row)
    try:
        candidate = Candidate.parse(cells.whole("input_length"), cells.text("bits"))
        mode = _mode(cells, example)
    except (NetworkError, ChipError, ModeError) as error:
        raise MeasurementError(f"{where}: {error}") from None
    source = cells.text("source")
    if says_simulated(source) and not simulated:
        raise MeasurementError(
            f"{where}: is simulated ({source!r}), not measured; add --simulated to take it anyway"
        )
    idle, active = cells.optional("idle_mw"), cells.optional("active_mw")
    if idle is not None and active is not None and idle > active:
        raise MeasurementError(
            f"{where}: idle_mw {idle:g} is above active_mw {active:g}; the columns may be swapped"
        )
    return Measurement(
        row=number,
        candidate=candidate,
        mode=mode,
        window=cells.choice("window", Window),
        time_us=cells.positive("time_us"),
        energy_uj=cells.optional("energy_uj"),
        time_std_us=cells.optional("time_std_us"),
        repeats=cells.whole("repeats") if cells.text("repeats") else None,
        source=source,
    )


def _mode(cells: "_Row", example: bool) -> Mode:
    default = InputCopy.EXAMPLE if example else InputCopy.APPLICATION
    return Mode(
        chip=chip_named(cells.text("chip")).name,
        clock_source=cells.choice("clock_source", ClockSource),
        divider=cells.whole("divider"),
        pipeline=cells.flag("pipeline"),
        load_clock_mhz=cells.positive("load_clock_mhz"),
        voltage_v=cells.positive("voltage_v"),
        input_copy=cells.choice("input_copy", InputCopy) if cells.text("input_copy") else default,
    )


@dataclass(frozen=True)
class _Row:
    """One row's cells, read with messages that name the row and the column."""

    where: str
    cells: dict[str, str]

    def text(self, name: str) -> str:
        if "" in self.cells:
            raise MeasurementError(f"{self.where}: has more cells than the header")
        return (self.cells.get(name) or "").strip()

    def choice(self, name: str, kind: type[_Kind]) -> _Kind:
        written = self.text(name)
        for member in kind:
            if member.value.lower() == written.lower():
                return member
        known = [str(member.value) for member in kind]
        raise MeasurementError(
            f"{self.where}: {name} must be one of {', '.join(known)} but is {written!r}"
            f"{nearest_of(written, known)}"
        )

    def flag(self, name: str) -> bool:
        written = self.text(name).lower()
        if written not in {"true", "false", "yes", "no", "1", "0"}:
            raise MeasurementError(f"{self.where}: {name} must be true or false but is {written!r}")
        return written in {"true", "yes", "1"}

    def whole(self, name: str) -> int:
        written = self.text(name)
        if not (written.isascii() and written.isdigit() and int(written) > 0):
            raise MeasurementError(
                f"{self.where}: {name} must be a whole number from 1 on but is {written!r}"
            )
        return int(written)

    def optional(self, name: str) -> float | None:
        """A number from 0 on, None where the cell is empty."""
        written = self.text(name)
        if not written:
            return None
        try:
            value = float(written)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            raise MeasurementError(
                f"{self.where}: {name} must be a number, not negative, but is {written!r}"
            )
        return value

    def positive(self, name: str) -> float:
        value = self.optional(name)
        if not value:
            written = self.text(name)
            raise MeasurementError(f"{self.where}: {name} must be above 0 but is {written!r}")
        return value
