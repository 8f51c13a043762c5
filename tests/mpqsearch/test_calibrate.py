# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch calibrate`, and studies that name what it writes."""

import json
from pathlib import Path

import pytest

from hardware.cost.figure import Origin
from hardware.cost.model import CostModel
from mpqsearch.errors import StudyError
from mpqsearch.study_file import find_study_file, read_study
from tests.commands import Command

HEADER = (
    "input_length,bits,chip,clock_source,divider,pipeline,load_clock_mhz,voltage_v,window,time_us"
)
ROW = "8-8-8-8,MAX78002,IPLL,1,true,50,1.1,inference"


def measured(folder: Path, *rows: tuple[int, str]) -> Path:
    path = folder / "measured.csv"
    lines = [f"{length},{ROW},{time}" for length, time in rows]
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    return path


def study_naming(folder: Path, calibration: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(find_study_file("indoor").read_text() + f"\ncalibration: {calibration}\n")
    return path


def test_a_study_rests_on_its_calibration(mpqsearch: Command, tmp_path: Path) -> None:
    """Two lengths measured, the calibration written, the study's costs calibrated and measured."""
    path = measured(tmp_path, (101, "134.001"), (5, "14.0"))
    out = tmp_path / "board.json"
    answer = mpqsearch("calibrate", path, "--study", "indoor", "--out", out, "--json")
    assert (answer.code, answer.err) == (0, "")
    said = json.loads(answer.out)
    assert said["fitted"] == ["line_stall_cycles", "start_us"]
    assert [residual["candidate"] for residual in said["residuals"]] == ["101 8-8-8-8", "5 8-8-8-8"]
    spec = read_study(study_naming(tmp_path, "board.json"))
    assert spec.resolved()["calibration"] == str(out)
    model = CostModel(spec.chip, spec.calibration)
    figures = [
        model.cost(spec.task.checked_network(length), (8, 8, 8, 8)).inference_us
        for length in (101, 51)
    ]
    assert [figure.origin for figure in figures] == [Origin.MEASURED, Origin.CALIBRATED]
    assert figures[1].value == pytest.approx(71.021, abs=1.0)


def test_residuals_are_printed(mpqsearch: Command, tmp_path: Path) -> None:
    """For people: each coefficient, each row, and what a fit without its length says."""
    path = measured(tmp_path, (101, "134.0"), (51, "71.0"), (5, "14.0"))
    answer = mpqsearch("calibrate", path, "--study", "indoor")
    assert answer.code == 0
    for words in ("start_us", "not determined", "51 8-8-8-8", "left out"):
        assert words in answer.out


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (((101, "-1"),), "row 2: time_us must be a number, not negative, but is '-1'"),
        (((101, "134"), (7000, "9")), "row 3: input length 7000 is not one of task indoor"),
    ],
)
def test_a_row_that_cannot_be_is_one_line(
    mpqsearch: Command, tmp_path: Path, rows: tuple[tuple[int, str], ...], words: str
) -> None:
    """Exit 2, and the line names the row."""
    answer = mpqsearch("calibrate", measured(tmp_path, *rows), "--study", "indoor")
    assert (answer.code, answer.out) == (2, "")
    assert words in answer.err
    assert answer.err.count("\n") == 1


def test_a_calibration_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The line names the study file and the key."""
    with pytest.raises(StudyError, match=r"mine\.yaml: 'calibration': .*none\.json cannot be read"):
        read_study(study_naming(tmp_path, "none.json"))


def test_a_calibration_of_another_chip_is_refused(mpqsearch: Command, tmp_path: Path) -> None:
    """It was measured on the MAX78002."""
    out = tmp_path / "board.json"
    path = measured(tmp_path, (101, "134.0"), (5, "14.0"))
    assert mpqsearch("calibrate", path, "--study", "indoor", "--out", out).code == 0
    study = study_naming(tmp_path, "board.json")
    study.write_text(study.read_text().replace("chip: MAX78002", "chip: MAX78000"))
    with pytest.raises(StudyError, match="is of chip MAX78002 but the study is of MAX78000"):
        read_study(study)
