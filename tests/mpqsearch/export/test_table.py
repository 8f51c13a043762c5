# SPDX-License-Identifier: Apache-2.0
"""The table of exported picks: predicted, counted by the izer, measured, and what to know."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from hardware.candidate import Candidate
from hardware.chips import MAX78002
from hardware.cost.measurements import Measurement, Window
from hardware.cost.mode import Mode
from mpqsearch.errors import StudyError
from mpqsearch.export.export import Exported
from mpqsearch.export.manifest import Proof, Score, write_manifest
from mpqsearch.export.table import (
    board_measurements,
    exports_json,
    print_exports,
    read_exports,
)
from tests.mpqsearch.exports import chip_cost, izer_project, manifest

SAME = manifest().score
HEADINGS = ["pick", "chip", "val", "%", "us", "uJ", "B", "B", "MACs", "us", "uJ", "proof"]
MODE = Mode.default(MAX78002)
MEASURED = Measurement(
    2, Candidate.parse(91, "4-8-2-4"), MODE, Window.INPUT_AND_INFERENCE, 1236.7, 125.67
)


def shown(
    capsys: pytest.CaptureFixture[str], *measured: Measurement, folder: Path, **changes: Any
) -> list[str]:
    print_exports([Exported(folder, manifest(**changes))], measured)
    return capsys.readouterr().out.splitlines()


def test_the_table_fits_a_page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """100 columns, with every column and figures of a network larger than the indoor one."""
    costs = (chip_cost("MAX78000"), chip_cost(mode=str(MODE)))
    lines = shown(capsys, MEASURED, folder=tmp_path, costs=costs)
    assert max(map(len, lines[:4])) <= 100
    assert lines[1].split() == HEADINGS
    assert lines[2].split()[-4:] == ["1,234,567", "-", "-", "bit-exact"]
    assert lines[3].split()[-4:] == ["1,234,567", "1236.7", "125.67", "bit-exact"]
    assert lines[3].split()[:5] == ["91-4-8-2-4", "MAX78002", "98.76", "~1234.5", "~123.45"]


def test_board_columns_are_shown_where_something_was_measured(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Without a measurement there are none."""
    assert "board" not in "".join(shown(capsys, folder=tmp_path))


def test_a_measurement_counts_for_its_own_mode_and_window(tmp_path: Path) -> None:
    """Programs get it too; a time of another window or mode is no latency of this one."""
    own = Exported(tmp_path, manifest(costs=(chip_cost(mode=str(MODE)),)))
    other = Exported(tmp_path, manifest(costs=(chip_cost(mode="another"),)))
    (found,) = exports_json([own], [MEASURED])
    assert found["board"] == [
        {"chip": "MAX78002", "board_latency_us": 1236.7, "board_energy_uj": 125.67}
    ]
    assert exports_json([other], [MEASURED])[0]["board"] == []
    alone = Measurement(2, MEASURED.candidate, MODE, Window.INFERENCE, 12.0)
    assert exports_json([own], [alone])[0]["board"] == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"synthetic_data": True}, "SYNTHETIC DATA"),
        ({"held_bits": "8-8-8-8"}, "91-4-8-2-4 is written as 8-8-8-8: the izer would misplace"),
        (
            {"trained_again": True, "score": dataclasses.replace(SAME, recorded_accuracy=0.97)},
            "91-4-8-2-4: trained again for the export; the search recorded 97.00 %",
        ),
        ({"left_out": ("data memory: 9 of 8",)}, "91-4-8-2-4: left out: data memory: 9 of 8"),
        ({"proof": Proof.DIFFERS}, "is not what was scored: do not flash it"),
        ({"proof": Proof.MISPLACED}, "misplaced"),
        ({"proof": Proof.NOT_SYNTHESIZED, "projects": ()}, "not run"),
        (
            {"projects": (izer_project("MAX78000", differences=("weights.h does not",)),)},
            "91-4-8-2-4: weights.h does not",
        ),
        ({"projects": (izer_project("MAX78000", bias_bytes=0),)}, "izer B is less than model B"),
        ({"files": {"weights.h": "0" * 64}}, "changed since it was exported: weights.h"),
        ({"files": {"a": "0", "b": "0", "c": "0"}}, "changed since it was exported: a and 2 more"),
    ],
)
def test_what_figures_do_not_say_stands_below(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    """One line each, and only where it is so."""
    assert said in "\n".join(shown(capsys, folder=tmp_path, **changes))
    assert said not in "\n".join(shown(capsys, folder=tmp_path, score=SAME))


def test_a_training_that_gave_the_same_does_not_name_it_twice(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Only another accuracy than recorded is worth a word."""
    lines = shown(capsys, folder=tmp_path, trained_again=True)
    assert "91-4-8-2-4: trained again for the export" in lines


def test_exports_are_read_best_first(tmp_path: Path) -> None:
    """Those that differ are among them; an empty folder is a wrong request."""
    with pytest.raises(StudyError, match=r"no exported pick in .*; mpqsearch export --study"):
        read_exports(tmp_path)
    for name, accuracy in (("a", 0.5), ("b.DIFFERS", 0.9), (".c.partial-1", 1.0)):
        (tmp_path / name).mkdir()
        score = Score(accuracy, None, None, None, None, None, None)
        write_manifest(tmp_path / name, manifest(score=score))
    assert [one.folder.name for one in read_exports(tmp_path)] == ["b.DIFFERS", "a"]


def test_damaged_measurements_do_not_hide_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line on standard error says what is left out, and why."""
    assert board_measurements(tmp_path) == ()
    (tmp_path / "measurements.csv").write_text("time\n1\n")
    assert board_measurements(tmp_path) == ()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("board figures are left out: ")
    assert "column 'input_length' is missing" in captured.err
