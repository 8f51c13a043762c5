# SPDX-License-Identifier: Apache-2.0
"""Rows of measurements: whole, on the disk at once, and never lost without a word."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from hardware.board.rows import COLUMNS, Row, RowFile, RowsError
from hardware.candidate import Candidate
from hardware.cost.measurements import MeasurementError, Window, read_measurements
from hardware.cost.mode import Mode
from tests.full_disk import full_at

ROW = Row(
    candidate=Candidate(21, (8, 4)),
    mode=Mode.default("MAX78002"),
    window=Window.INFERENCE,
    time_us=10.291666,
    time_std_us=0.0125,
    repeats=9717,
    source="max78002evkit",
    firmware="1.0",
    project="0123456789abcdef",
)


def test_rows_are_read_as_measurements(tmp_path: Path) -> None:
    """What is appended is what `calibrate` reads, energy and powers included."""
    path = tmp_path / "measurements.csv"
    rows = RowFile(path)
    rows.append(ROW)
    both = replace(
        ROW, window=Window.INPUT_AND_INFERENCE, energy_uj=1.25, idle_mw=10.8, active_mw=104.4
    )
    RowFile(path).append(both)
    first, second = read_measurements(path)
    assert (first.candidate, first.mode, first.window) == (ROW.candidate, ROW.mode, ROW.window)
    assert (first.time_us, first.time_std_us, first.repeats) == (10.2917, 0.0125, 9717)
    assert (first.energy_uj, second.energy_uj) == (None, 1.25)
    assert [row["project"] for row in rows.measured()] == [ROW.project] * 2


def test_a_simulated_row_is_refused_unless_asked_for(tmp_path: Path) -> None:
    """Whatever reads measurements refuses what nobody measured."""
    path = tmp_path / "measurements.csv"
    RowFile(path).append(replace(ROW, source="simulated host"))
    with pytest.raises(MeasurementError, match=r"row 2: is simulated .*; add --simulated"):
        read_measurements(path)
    assert len(read_measurements(path, simulated=True)) == 1


@pytest.mark.parametrize("room", [0, 1, 40, 100])
def test_a_full_disk_costs_no_row_without_a_word(tmp_path: Path, room: int) -> None:
    """The rows before stay, no half of one is left, and the message holds the one that is not."""
    path = tmp_path / "measurements.csv"
    rows = RowFile(path)
    rows.append(ROW)
    before = path.read_bytes()
    with (
        full_at(len(before) + room),
        pytest.raises(
            RowsError, match=r"make room; all rows before are kept, .*: 21,8-4,.*10.2917"
        ),
    ):
        rows.append(ROW)
    assert path.read_bytes() == before
    rows.append(ROW)
    assert len(read_measurements(path)) == 2


def test_a_row_that_was_cut_off_by_a_kill_is_gone(tmp_path: Path) -> None:
    """Its window is measured again; the rows before it stay."""
    path = tmp_path / "measurements.csv"
    RowFile(path).append(ROW)
    whole = path.read_bytes()
    for cut in range(1, 60, 7):
        path.write_bytes(whole + whole.splitlines()[1][:cut])
        assert len(RowFile(path).measured()) == 1
        assert path.read_bytes() == whole
    path.write_bytes(b"input_le")
    assert RowFile(path).measured() == []


def test_a_file_of_other_columns_is_left_alone(tmp_path: Path) -> None:
    """Somebody's own measurements are not appended to."""
    path = tmp_path / "mine.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(RowsError, match="has columns of its own; move it away"):
        RowFile(path)
    assert path.read_text() == "a,b\n1,2\n"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A missing folder, a folder in place of the file."""
    with pytest.raises(RowsError, match="cannot be written: No such file or directory"):
        RowFile(tmp_path / "no" / "measurements.csv")
    with pytest.raises(RowsError, match="cannot be written: Is a directory"):
        RowFile(tmp_path)
    assert os.listdir(tmp_path) == []


def test_columns_are_those_of_measurements(tmp_path: Path) -> None:
    """The header names them in order, each once."""
    RowFile(tmp_path / "measurements.csv")
    header = (tmp_path / "measurements.csv").read_text().strip().split(",")
    assert tuple(header) == COLUMNS
    assert {"firmware", "project", "source"} <= set(header)
