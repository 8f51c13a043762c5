# SPDX-License-Identifier: Apache-2.0
"""Files of measurements: what is read, and which rows are refused."""

from pathlib import Path

import pytest

from hardware.cost.measurements import MeasurementError, Window, read_measurements
from hardware.cost.mode import InputCopy

HEADER = (
    "input_length,bits,chip,clock_source,divider,pipeline,load_clock_mhz,voltage_v,window,time_us,"
    "energy_uj,idle_mw,active_mw,repeats,time_std_us,source"
)
GOOD = "101,8-8-8-8,MAX78002,IPLL,1,true,50,1.1,inference,134.0,30.5,10.8,240,1000,0.03,board"


def written(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "measured.csv"
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def changed(**cells: str) -> str:
    values = dict(zip(HEADER.split(","), GOOD.split(","), strict=True))
    return ",".join((values | cells).values())


def test_a_row_says_candidate_mode_and_window(tmp_path: Path) -> None:
    """Every column arrives; rows count from the header's line 1."""
    (row,) = read_measurements(written(tmp_path, GOOD))
    assert str(row.candidate) == "101 8-8-8-8"
    assert str(row.mode) == "MAX78002, IPLL 200 MHz pipelined, load 50 MHz, 1.1 V"
    assert row.window is Window.INFERENCE
    assert (row.row, row.time_us, row.energy_uj, row.repeats) == (2, 134.0, 30.5, 1000)


def test_what_is_optional_may_be_empty_or_missing(tmp_path: Path) -> None:
    """Only the candidate, the mode, the window and its time are required."""
    header = ",".join(HEADER.split(",")[:10])
    path = written(tmp_path, ",".join(GOOD.split(",")[:10]), header=header)
    (row,) = read_measurements(path)
    assert (row.energy_uj, row.time_std_us, row.repeats) == (None, None, None)
    assert row.time_deviation_us > 1


def test_inputs_measured_by_themselves_are_the_examples(tmp_path: Path) -> None:
    """A file with input_load windows is of generated projects, whose inputs load at 50 MHz."""
    rows = (GOOD, changed(window="input_load", time_us="14.1", energy_uj="0.8"))
    for row in read_measurements(written(tmp_path, *rows)):
        assert row.mode.input_copy is InputCopy.EXAMPLE


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"time_us": "-3"}, "time_us must be a number, not negative, but is '-3'"),
        ({"time_us": "nan"}, "time_us must be a number, not negative, but is 'nan'"),
        ({"time_us": "inf"}, "but is 'inf'"),
        ({"time_us": "0"}, "time_us must be above 0"),
        ({"time_us": ""}, "time_us must be above 0 but is ''"),
        ({"energy_uj": "-1"}, "energy_uj must be a number"),
        ({"time_std_us": "nan"}, "time_std_us must be a number"),
        ({"idle_mw": "250"}, "idle_mw 250 is above active_mw 240"),
        ({"bits": "8-8-3-4"}, "bits must be 1, 2, 4 or 8"),
        ({"bits": "8/8"}, "written like 8-8-2-4"),
        ({"input_length": "0"}, "input_length must be a whole number from 1 on but is '0'"),
        ({"input_length": "51.5"}, "input_length must be a whole number"),
        ({"chip": "MAX78003"}, "chip must be one of"),
        ({"clock_source": "PLL"}, "did you mean IPLL"),
        ({"divider": "3"}, "divider must be one of 1, 2, 4, 8, 16"),
        ({"pipeline": "on"}, "pipeline must be true or false"),
        ({"pipeline": "false"}, "needs its pipeline above 50 MHz"),
        ({"voltage_v": "1.3"}, "voltage of the MAX78002"),
        ({"window": "infer"}, "window must be one of weight_load, input_load, inference"),
        ({"repeats": "many"}, "repeats must be a whole number"),
        ({"source": "Simulated board"}, "is simulated"),
        ({"source": "a,b"}, "more cells than the header"),
    ],
)
def test_a_row_that_cannot_be_is_named(tmp_path: Path, cells: dict[str, str], words: str) -> None:
    """The line names file, row, column and value."""
    path = written(tmp_path, GOOD, changed(**cells))
    with pytest.raises(MeasurementError) as error:
        read_measurements(path)
    assert str(error.value).startswith(f"{path}, row 3: ")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_rows_of_two_modes_are_refused(tmp_path: Path) -> None:
    """The message names the second row and what differs."""
    path = written(tmp_path, GOOD, changed(load_clock_mhz="200"))
    with pytest.raises(MeasurementError, match=r"row 3: .* row 2 \(load_clock_mhz 50\.0 and 200"):
        read_measurements(path)


def test_repeats_that_disagree_are_refused(tmp_path: Path) -> None:
    """Beyond three standard deviations and the timer's microsecond; closer is taken."""
    assert len(read_measurements(written(tmp_path, GOOD, changed(time_us="135.0")))) == 2
    with pytest.raises(MeasurementError, match="row 3: inference of 101 8-8-8-8 took 140 us but"):
        read_measurements(written(tmp_path, GOOD, changed(time_us="140")))
    with pytest.raises(MeasurementError, match=r"took 40 uJ but 30\.5 uJ in row 2"):
        read_measurements(written(tmp_path, GOOD, changed(energy_uj="40")))


def test_simulated_rows_are_taken_when_asked_for(tmp_path: Path) -> None:
    """They serve rehearsals without a board."""
    path = written(tmp_path, changed(source="simulated"))
    assert len(read_measurements(path, simulated=True)) == 1


def test_files_that_are_no_measurements_are_refused(tmp_path: Path) -> None:
    """Missing, empty, without a column, with an unknown one, binary."""
    with pytest.raises(MeasurementError, match="cannot be read"):
        read_measurements(tmp_path / "none.csv")
    with pytest.raises(MeasurementError, match="only a header"):
        read_measurements(written(tmp_path))
    with pytest.raises(MeasurementError, match="column 'bits' is missing"):
        read_measurements(written(tmp_path, header=HEADER.replace("bits,", "")))
    with pytest.raises(MeasurementError, match="unknown column 'energy'; did you mean energy_uj"):
        read_measurements(written(tmp_path, GOOD, header=HEADER.replace("energy_uj", "energy")))
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MeasurementError, match="cannot be read"):
        read_measurements(tmp_path / "binary.csv")
