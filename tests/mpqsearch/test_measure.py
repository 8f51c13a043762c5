# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch measure` with the simulated board: rows, resume, failures, and what reads them."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest

from hardware.board.firmware import build_host
from hardware.board.rows import Row, RowFile
from hardware.board.simulated import SimulatedBoard
from hardware.chips import MAX78002
from mpqsearch.export.manifest import read_manifest, write_manifest
from mpqsearch.exported_network import exported_integers, simulated_project
from mpqsearch.opened_study import OpenedStudy
from tests.commands import Command, said_by
from tests.full_disk import full_at
from tests.mpqsearch.measurable_exports import names_of, rows_of


def test_three_picks_are_measured_and_calibrated(mpqsearch: Command, exports: Path) -> None:
    """Proven, measured and classified; said to be simulated, and refused unless asked for."""
    answer = mpqsearch("measure", "--study", "tiny", "--simulated", "--window-ms", 50)
    assert answer.code == 0, answer.err
    assert answer.out.startswith("SIMULATED: no board took part")
    path = exports / "simulated.csv"
    rows = rows_of(path)
    assert len(rows) == 12
    assert {row["window"] for row in rows} == {
        "weight_load",
        "input_load",
        "inference",
        "input_and_inference",
    }
    projects = {row["project"] for row in rows}
    told = {read_manifest(exports / name).firmware[0].checksum for name in names_of(exports)}
    assert projects == told
    for row in rows:
        assert row["source"] == "simulated host"
        assert (row["firmware"], row["chip"], row["input_copy"]) == (
            "1.0",
            "MAX78002",
            "application",
        )
        assert float(row["energy_uj"]) > 0
    line = said_by(mpqsearch("calibrate", path, "--study", "tiny.yaml"))
    assert "row 2: is simulated ('simulated host'), not measured; add --simulated" in line
    done = mpqsearch("calibrate", path, "--study", "tiny.yaml", "--simulated", "--json")
    assert done.code == 0, done.err
    fit = json.loads(done.out)
    assert "start_us" in fit["fitted"]
    assert fit["simulated"]
    shown = mpqsearch("calibrate", path, "--study", "tiny.yaml", "--simulated")
    assert shown.out.startswith("SIMULATED: fitted to rows that nobody measured")
    assert not (exports / "measurements.csv").exists()


def test_the_board_gets_right_what_the_reference_does(mpqsearch: Command, exports: Path) -> None:
    """Real validation inputs over the link: the same accuracy, of the network that was exported."""
    asked = ("measure", "--study", "tiny", "--simulated", "--no-power", "--window-ms", 10)
    answer = mpqsearch(*asked, "--samples", 100, "--json")
    assert answer.code == 0, answer.err
    opened = OpenedStudy(Path("runs"), "tiny")
    for pick in json.loads(answer.out)["picks"]:
        manifest = read_manifest(exports / pick["pick"])
        split = opened.validation(manifest.input_length)
        network = opened.network(manifest.input_length)
        integers = exported_integers(exports / pick["pick"], network.input_shape)
        right = integers.logits(split.inputs[:100]).argmax(axis=1) == split.labels[:100]
        assert pick["accuracy"] == pick["reference_accuracy"] == float(np.mean(right))
        assert (pick["samples"], pick["simulated"], pick["failure"]) == (100, True, None)
        assert pick["rows"][0]["energy_uj"] == ""


def test_what_is_measured_is_not_measured_again(mpqsearch: Command, exports: Path) -> None:
    """The same command goes on where it was cut off, within a pick too, and repeats nothing."""
    asked = ("measure", exports, "--simulated", "--window-ms", 50)
    assert mpqsearch(*asked).code == 0
    path = exports / "simulated.csv"
    whole = path.read_text().splitlines(keepends=True)
    for kept in (13, 12, 7, 1):
        path.write_text("".join(whole[:kept]) + "8,8-8,MAX")  # the last row was cut off
        assert mpqsearch(*asked).code == 0
        assert path.read_text() == "".join(whole)
    answer = mpqsearch(*asked)
    assert answer.out.count("measured before") == 3
    assert path.read_text() == "".join(whole)


def test_one_that_fails_does_not_stop_the_rest(mpqsearch: Command, exports: Path) -> None:
    """It is said which, why, and by the exit code that not all went well."""
    first, *others = names_of(exports)
    (weights,) = (exports / first).glob("MAX78002/*/weights.h")
    weights.write_text("other weights")
    answer = mpqsearch("measure", exports, "--simulated", "--no-power", "--window-ms", 10)
    assert answer.code == 1
    assert answer.err.splitlines()[-1] == f"mpqsearch: error: 1 of 3 failed: {first}"
    assert (
        f"{first} has changed since it was exported (MAX78002/{first}-energy/weights" in answer.err
    )
    measured = {
        f"{row['input_length']}-{row['bits']}" for row in rows_of(exports / "simulated.csv")
    }
    assert measured == set(others)


def test_a_full_disk_stops_at_the_first_row_that_is_lost(mpqsearch: Command, exports: Path) -> None:
    """Whole rows before it, the row itself in the message, and the same command goes on."""
    path = exports / "simulated.csv"
    asked = ("measure", exports, "--simulated", "--no-power", "--window-ms", 10)
    RowFile(path)
    limit, original = path.stat().st_size + 450, RowFile.append

    def append(self: RowFile, row: Row) -> None:
        with full_at(limit):
            original(self, row)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RowFile, "append", append)
        answer = mpqsearch(*asked)
    assert answer.code == 2
    assert "make room; all rows before are kept, this one is not: " in answer.err
    before = rows_of(path)
    assert 0 < len(before) < 12
    assert mpqsearch(*asked).code == 0
    after = rows_of(path)
    assert after[: len(before)] == before
    assert len(after) == 12


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "say what to measure: an export's folder, or --study"),
        (("nowhere",), "no exported pick in nowhere; mpqsearch export --study writes some"),
        (("EXPORTS",), "MAXIM_PATH is not set; to build firmware, install the vendor's MSDK"),
        (("EXPORTS", "--simulated", "--port", "/dev/x"), "--simulated asks no port; leave out"),
        (("EXPORTS", "--simulated", "--voltage", 3), "voltage of the MAX78002 must be one of 1.1,"),
        (("EXPORTS", "--simulated", "--chip", "MAX78000"), "has no firmware for the MAX78000"),
        (("EXPORTS", "--simulated", "--chip", "MAX32"), "chip must be one of MAX78000, MAX78002"),
        (("EXPORTS", "--simulated", "--window-ms", 9), "greater than or equal to 10"),
        (("EXPORTS", "--simulated", "--window-ms", 20001), "less than or equal to 20000"),
        (("EXPORTS", "--simulated", "--samples", -1), "greater than or equal to 0"),
        (("EXPORTS", "--simulated", "--study", "other"), "no run of study 'other'"),
        (
            ("EXPORTS", "--simulated", "--out", "no/rows.csv"),
            "no/rows.csv cannot be written: No su",
        ),
        (("EXPORTS", "--simulated", "--out", "tiny.yaml"), "tiny.yaml has columns of its own"),
    ],
)
def test_a_wrong_request_is_one_line(
    mpqsearch: Command, exports: Path, options: tuple[object, ...], said: str
) -> None:
    """With the next step, before anything is measured or written."""
    before = {path: path.read_bytes() for path in exports.rglob("*.csv")}
    line = said_by(mpqsearch("measure", *(exports if one == "EXPORTS" else one for one in options)))
    assert said in line
    assert {path: path.read_bytes() for path in exports.rglob("*.csv")} == before


def test_simulated_and_measured_rows_share_no_file(mpqsearch: Command, exports: Path) -> None:
    """Neither is appended to the other."""
    asked = ("measure", exports, "--simulated", "--no-power", "--window-ms", 10, "--out", "r.csv")
    assert mpqsearch(*asked).code == 0
    text = Path("r.csv").read_text()
    Path("r.csv").write_text(text.replace("simulated host", "max78002evkit"))
    line = mpqsearch(*asked)
    assert line.code == 2
    assert line.err.splitlines()[-1].endswith(
        "r.csv holds measured rows, not simulated ones; choose another file"
    )


def test_an_export_without_firmware_says_how_to_get_it(mpqsearch: Command, exports: Path) -> None:
    """One exported without the izer, or before there was firmware."""
    for name in names_of(exports):
        manifest = dataclasses.replace(read_manifest(exports / name), firmware=())
        write_manifest(exports / name, manifest)
    line = said_by(mpqsearch("measure", exports, "--simulated"))
    assert "has no firmware for the MAX78002; export it again with --overwrite" in line


def test_a_board_is_built_for_flashed_and_asked(
    mpqsearch: Command, exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SDK, OpenOCD and chip are stand-ins; what each is given is what the real one would be."""
    first, second, _ = names_of(exports)
    sdk, tools = tmp_path / "msdk", tmp_path / "tools"
    (sdk / "Libraries").mkdir(parents=True)
    (sdk / "Libraries" / "libs.mk").touch()
    tools.mkdir()
    for name, script in (
        ("arm-none-eabi-gcc", ""),
        ("openocd", f'for one in "$@"; do echo "$one"; done > {tmp_path}/flashed'),
    ):
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("MAXIM_PATH", str(sdk))
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    manifest = read_manifest(exports / first)
    energy = exports / first / "MAX78002" / f"{first}-energy"
    project = simulated_project(exports / first, manifest, MAX78002, energy, 1.1)
    with SimulatedBoard(build_host(tmp_path), project) as board:
        asked = ("--no-power", "--window-ms", 10, "--port", board.port)
        answer = mpqsearch("measure", exports / first, *asked)
        assert answer.code == 0, answer.err
        other = mpqsearch("measure", exports / second, *asked)
    elf = exports.absolute() / first / "MAX78002" / f"{first}-board" / "build" / "max78002.elf"
    target, kit, search, *sources = elf.read_text().split()
    assert (target, kit, search) == ("MAX78002", "EvKit_V1", "0")
    assert {"evkit.c", "harness.c", "project.c", "cnn.c", "softmax.c"} <= set(sources)
    flashed = (tmp_path / "flashed").read_text().splitlines()
    other_elf = str(elf).replace(first, second)
    assert flashed[-1] == f"program {{{other_elf}}} verify reset exit"
    # The board says itself that it is simulated, whatever the command was told.
    rows = rows_of(exports / "measurements.csv")
    assert {row["source"] for row in rows} == {"simulated host"}
    assert {row["project"] for row in rows} == {manifest.firmware[0].checksum}
    assert other.code == 1
    assert (
        f"the board holds {first} ({manifest.firmware[0].checksum}), not the project" in other.err
    )


def test_another_studys_inputs_are_not_classified(mpqsearch: Command, exports: Path) -> None:
    """An accuracy on other data would be nobody's."""
    (study,) = Path().glob("tiny.yaml")
    Path("other.yaml").write_text(study.read_text())
    assert mpqsearch("run", "--study", "other.yaml", "--trials", 4).code == 0
    line = said_by(mpqsearch("measure", exports, "--simulated", "--study", "other"))
    assert "was exported from study tiny and other data than study other has; leave out" in line
    done = mpqsearch("measure", exports, "--simulated", "--study", "other", "--samples", 0)
    assert done.code == 0


def test_one_export_is_measured_alone(mpqsearch: Command, exports: Path) -> None:
    """Its folder is named; rows go beside it, where the others' are."""
    first = names_of(exports)[0]
    answer = mpqsearch("measure", exports / first, "--simulated", "--no-power", "--window-ms", 10)
    assert answer.code == 0, answer.err
    assert len(rows_of(exports / "simulated.csv")) == 4
