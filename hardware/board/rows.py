# SPDX-License-Identifier: Apache-2.0
"""Measurements as rows of a file: each is on the disk before the next one is taken."""

import csv
import dataclasses
import io
import os
from dataclasses import dataclass
from pathlib import Path

from hardware.candidate import Candidate
from hardware.cost.measurements import OPTIONAL, REQUIRED, Window
from hardware.cost.mode import Mode

COLUMNS = REQUIRED + OPTIONAL


class RowsError(OSError):
    """A file of measurements that cannot be written; the message holds what is not in it."""


@dataclass(frozen=True)
class Row:
    """One window of one project, measured.

    Attributes:
        candidate: Input length and bits, as held on the chip.
        mode: How the chip was run.
        window: What was measured.
        time_us: Mean time of one operation.
        time_std_us: Its standard deviation.
        repeats: Operations it is a mean of.
        source: Who measured, in words; `simulated ...` where nobody did.
        firmware: Version of the firmware.
        project: Checksum of the project on the board.
        energy_uj: Energy of one operation; None where no power monitor took part.
        idle_mw: Mean power of the idle window.
        active_mw: Mean power of this one.
    """

    candidate: Candidate
    mode: Mode
    window: Window
    time_us: float
    time_std_us: float
    repeats: int
    source: str
    firmware: str
    project: str
    energy_uj: float | None = None
    idle_mw: float | None = None
    active_mw: float | None = None

    def cells(self) -> dict[str, str]:
        """The row as the file has it, by column."""
        written: dict[str, object] = dataclasses.asdict(self) | dataclasses.asdict(self.mode)
        written |= {
            "input_length": self.candidate.input_length,
            "bits": self.candidate.bits_text,
            "clock_source": self.mode.clock_source.value,
            "pipeline": str(self.mode.pipeline).lower(),
            "input_copy": self.mode.input_copy.value,
            "window": self.window.value,
        }
        return {name: _text(written[name]) for name in COLUMNS}


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


class RowFile:
    """A CSV file that grows by whole rows.

    Args:
        path: The file; made where it is not there.

    Raises:
        RowsError: where it cannot be written, or is of other columns.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._open()
        except OSError as error:
            if isinstance(error, RowsError):
                raise
            raise RowsError(f"{path} cannot be written: {error.strerror}") from None

    def _open(self) -> None:
        there = self.path.read_bytes() if self.path.exists() else b""
        whole = there[: there.rfind(b"\n") + 1]
        if whole:
            header = next(csv.reader(io.StringIO(whole.decode("utf-8", "replace"))), [])
            if header != list(COLUMNS):
                raise RowsError(
                    f"{self.path} has columns of its own; move it away, or choose another file"
                )
        if whole != there:  # a row that was cut off is of a window that will be measured again
            os.truncate(self.path, len(whole))
        if not whole:
            self._write(dict(zip(COLUMNS, COLUMNS, strict=True)))

    def append(self, row: Row) -> None:
        """Writes a row, whole or not at all, and waits until it is on the disk.

        Raises:
            RowsError: where it cannot be; the message holds the row.
        """
        try:
            self._write(row.cells())
        except OSError as error:
            raise RowsError(
                f"{self.path} could not be written ({error.strerror}): make room; all rows before"
                f" are kept, this one is not: {','.join(row.cells().values())}"
            ) from None

    def _write(self, cells: dict[str, str]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(cells[name] for name in COLUMNS)
        content = text.getvalue().encode()
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            before = os.fstat(handle).st_size
            try:
                while content:
                    content = content[os.write(handle, content) :]
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, before)
                raise
        finally:
            os.close(handle)

    def measured(self) -> list[dict[str, str]]:
        """All rows that are there, by column.

        Raises:
            RowsError: where the file cannot be read.
        """
        try:
            with self.path.open(newline="", encoding="utf-8") as file:
                return [dict(row) for row in csv.DictReader(file)]
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise RowsError(f"{self.path} cannot be read: {error}") from None
