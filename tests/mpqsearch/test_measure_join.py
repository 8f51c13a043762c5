# SPDX-License-Identifier: Apache-2.0
"""What `mpqsearch measure` has measured joins the study, or is said not to; no row is lost."""

import contextlib
import dataclasses
import json
import sqlite3
from pathlib import Path

import pytest

from mpqsearch.board_figures import BoardFigures
from mpqsearch.export.manifest import read_manifest, write_manifest
from mpqsearch.opened_study import OpenedStudy
from mpqsearch.run_folder import RunFolder
from tests.commands import Command
from tests.mpqsearch.measurable_exports import names_of, rows_of


def boards_of(opened: OpenedStudy) -> dict[str, tuple[BoardFigures, ...]]:
    """What boards gave, by pick, where they gave something."""
    return {
        f"{one.candidate.input_length}-{one.candidate.bits_text}": one.board
        for one in opened.records
        if one.board
    }


def test_figures_join_the_study(mpqsearch: Command, exports: Path) -> None:
    """As the rows have them, under a key that says simulated; `front` shows them."""
    assert "sim" not in mpqsearch("front", "--study", "tiny").out
    asked = ("measure", "--study", "tiny", "--simulated", "--window-ms", 50)
    answer = mpqsearch(*asked)
    assert (answer.code, "did not join" in answer.err) == (0, False)
    opened = OpenedStudy(Path("runs"), "tiny")
    boards = boards_of(opened)
    assert sorted(boards) == names_of(exports)
    keys = [key for key in opened.study.user_attrs if "board:" in key]
    assert len(keys) == 3
    assert all(key.startswith("simulated_board:") for key in keys)
    rows = {(row["project"], row["window"]): row for row in rows_of(exports / "simulated.csv")}
    for name, (found,) in boards.items():
        manifest = read_manifest(exports / name)
        assert found.project == manifest.firmware[0].checksum
        assert (found.simulated, found.samples) == (True, 128)
        assert found.mode == opened.about.mode
        both = rows[found.project, "input_and_inference"]
        assert str(found.board_latency_us) == str(float(both["time_us"]))
        assert str(found.board_energy_uj) == str(float(both["energy_uj"]))
        loading = rows[found.project, "weight_load"]
        assert found.board_weights_us == float(loading["time_us"])
        assert found.board_accuracy is not None
    front = mpqsearch("front", "--study", "tiny")
    assert "sim: simulated, no board took part." in front.out
    told = json.loads(mpqsearch("front", "--study", "tiny", "--json").out)
    shown = [one["board"][0] for one in told["front"] + told["references"] if one["board"]]
    assert shown
    assert all(one["simulated"] for one in shown)


@pytest.mark.usefixtures("exports")
def test_what_is_left_out_stays_as_it_was(mpqsearch: Command) -> None:
    """Neither accuracy nor energy is lost to a later measurement without them."""
    asked = ("measure", "--study", "tiny", "--simulated", "--window-ms", 50)
    assert mpqsearch(*asked).code == 0
    before = boards_of(OpenedStudy(Path("runs"), "tiny"))
    less = (*asked, "--no-power", "--samples", 0, "--out", "other.csv")
    assert mpqsearch(*less).code == 0
    assert rows_of(Path("other.csv"))[0]["energy_uj"] == ""
    after = boards_of(OpenedStudy(Path("runs"), "tiny"))
    for name, (found,) in after.items():
        assert found.board_energy_uj == before[name][0].board_energy_uj
        assert found.board_accuracy == before[name][0].board_accuracy is not None
        assert found.samples == 128


def test_a_locked_study_loses_no_row(
    mpqsearch: Command, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line for each pick that did not join; the same command joins what is missing."""
    monkeypatch.setattr("mpqsearch.backend.LOCK_SECONDS", 0.1)
    asked = ("measure", "--study", "tiny", "--simulated", "--no-power", "--window-ms", 10)
    with contextlib.closing(sqlite3.connect("runs/tiny/study.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = mpqsearch(*asked)
    assert answer.code == 0, answer.err
    said = [line for line in answer.err.splitlines() if "did not join" in line]
    assert len(said) == 3
    assert said[0].endswith(
        "its rows are kept, but did not join study tiny: storage runs/tiny/study.db is locked by"
        " another program; close it and run the same again"
    )
    whole = (exports / "simulated.csv").read_text()
    assert len(whole.splitlines()) == 13
    assert boards_of(OpenedStudy(Path("runs"), "tiny")) == {}
    assert mpqsearch(*asked).code == 0
    assert sorted(boards_of(OpenedStudy(Path("runs"), "tiny"))) == names_of(exports)
    assert (exports / "simulated.csv").read_text() == whole


def test_a_read_only_study_loses_no_row(
    mpqsearch: Command, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where its file may be read only; tests may run as root, so SQLite is told so."""

    def read_only(folder: RunFolder) -> str:
        return f"sqlite:///file:{folder.storage_path.absolute()}?mode=ro&uri=true"

    monkeypatch.setattr(RunFolder, "storage_url", property(read_only))
    asked = ("measure", "--study", "tiny", "--simulated", "--no-power", "--window-ms", 10)
    answer = mpqsearch(*asked)
    assert answer.code == 0, answer.err
    assert answer.err.count("tiny/study.db is read-only; make it writable") == 3
    assert len(rows_of(exports / "simulated.csv")) == 12


def test_nothing_joins_another_study(mpqsearch: Command, exports: Path) -> None:
    """Neither one of another name, nor one that was made anew of other data."""
    Path("other.yaml").write_text(Path("tiny.yaml").read_text())
    assert mpqsearch("run", "--study", "other.yaml", "--trials", 4).code == 0
    asked = ("--simulated", "--no-power", "--window-ms", 10, "--samples", 0)
    answer = mpqsearch("measure", exports, *asked, "--study", "other")
    assert answer.code == 0, answer.err
    assert "did not join study other: it was exported from study tiny" in answer.err
    assert boards_of(OpenedStudy(Path("runs"), "other")) == {}
    for name in names_of(exports):
        told = dataclasses.replace(read_manifest(exports / name), data_sha256="0" * 64)
        write_manifest(exports / name, told)
    answer = mpqsearch("measure", "--study", "tiny", *asked)
    assert answer.err.count("it was exported from other data than the study has") == 3
    assert boards_of(OpenedStudy(Path("runs"), "tiny")) == {}


def test_without_a_study_nothing_joins(mpqsearch: Command, exports: Path) -> None:
    """An export's folder alone says no run folder."""
    asked = ("measure", exports, "--simulated", "--no-power", "--window-ms", 10)
    assert mpqsearch(*asked).code == 0
    assert boards_of(OpenedStudy(Path("runs"), "tiny")) == {}
