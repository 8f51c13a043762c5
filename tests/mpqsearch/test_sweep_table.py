# SPDX-License-Identifier: Apache-2.0
"""Tables of sweeps: read as they may be written, or refused by line."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.candidate import Candidate
from mpqsearch.errors import StudyError
from mpqsearch.sweep_columns import SweepColumns, parse_columns
from mpqsearch.sweep_table import read_table
from tests.mpqsearch.sweeps import indoor_rows, recorded_indoor_sweep, written

HEADER = "input_length,a_bits,b_bits,seed,test_accuracy"


def table_of(folder: Path, text: str) -> Path:
    path = folder / "sweep.csv"
    path.write_text(text)
    return path


def test_rows_keep_their_lines(tmp_path: Path) -> None:
    """So that a later refusal can name them; blank lines are none."""
    path = table_of(tmp_path, f"{HEADER}\n9,8,2,1,91.5\n\n5,8,2,1,90\n")
    first, second = read_table(path).rows
    assert (first.line, first.candidate, first.seed) == (2, Candidate(9, (8, 2)), 1)
    assert first.accuracy == pytest.approx(0.915)
    assert math.isnan(first.train_seconds)
    assert second.line == 4


@pytest.mark.parametrize("sign", [";", "\t", " , "])
def test_other_separators_and_a_byte_order_mark_are_read(tmp_path: Path, sign: str) -> None:
    """As table programs write them, with whole numbers as 42.0."""
    text = f"\ufeff{HEADER}\n9.0,8,2,42.0,91.5\n".replace(",", sign)
    (row,) = read_table(table_of(tmp_path, text)).rows
    assert (row.candidate, row.seed) == (Candidate(9, (8, 2)), 42)


def test_one_column_may_hold_all_bits(tmp_path: Path) -> None:
    """Written as everywhere, 8-8-2-4; layers then have numbers."""
    table = read_table(table_of(tmp_path, "length,bits,acc\n9,8-2,0.5\n9,2-2,0.4\n"))
    assert [row.candidate.bits for row in table.rows] == [(8, 2), (2, 2)]
    assert table.layer_names == ("layer1", "layer2")
    assert [row.seed for row in table.rows] == [0, 0]


def test_one_length_may_be_said_for_all(tmp_path: Path) -> None:
    """For a table that does not vary it."""
    path = table_of(tmp_path, "w_bits,acc\n8,0.5\n")
    (row,) = read_table(path, SweepColumns(input_length="32")).rows
    assert row.candidate == Candidate(32, (8,))


@given(shares=st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_shares_are_taken_for_shares(shares: list[float], tmp_path_factory: object) -> None:
    """As long as none is above 1."""
    folder = tmp_path_factory.mktemp("sweep")  # type: ignore[attr-defined]
    rows = [f"{length},8,{share!r}" for length, share in enumerate(shares, start=1)]
    table = read_table(table_of(folder, "\n".join(["length,w_bits,acc", *rows])))
    assert [row.accuracy for row in table.rows] == shares
    assert table.columns.percent is False


def test_percent_is_found_or_said(tmp_path: Path) -> None:
    """By the size of the largest, unless it is unclear."""
    path = table_of(tmp_path, "length,w_bits,acc\n9,8,98\n5,8,0.4\n")
    assert [row.accuracy for row in read_table(path).rows] == [0.98, 0.004]
    path = table_of(tmp_path, "length,w_bits,acc\n9,8,1.2\n")
    with pytest.raises(StudyError, match=r"go up to 1.2: shares above 1, or percent\?"):
        read_table(path)
    (row,) = read_table(path, parse_columns("unit=percent")).rows
    assert row.accuracy == pytest.approx(0.012)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "no column is known to hold the length", id="empty"),
        pytest.param(HEADER, "holds no rows", id="no rows"),
        pytest.param(f"{HEADER}\n9,8,8,1,nan", "line 2: 'test_accuracy' must be a num", id="nan"),
        pytest.param(f"{HEADER}\n9,8,8,1,", "must be a number but is ''", id="no accuracy"),
        pytest.param(f"{HEADER}\n9,8,8,1,inf", "must be a number but is 'inf'", id="inf"),
        pytest.param(f"{HEADER}\n9,8,8,1,101", "line 2: .* from 0 to 100 but is 101", id="over"),
        pytest.param(f"{HEADER}\n9,8,8,1,-1", "must be from 0 to 1 but is -1", id="below 0"),
        pytest.param(f"{HEADER}\n9,8,8,1", "line 2 has 4 cells but the table has 5", id="short"),
        pytest.param(f"{HEADER}\n9,8,8,1,90,3", "line 2 has 6 cells", id="long"),
        pytest.param(f"{HEADER}\n9,8,x,1,90", "'b_bits' must be a whole number", id="no bits"),
        pytest.param(f"{HEADER}\n9,8,2.5,1,90", "'b_bits' must be a whole number", id="half a bit"),
        pytest.param(f"{HEADER}\n9,8,3,1,90", "line 2: bits must be 1, 2, 4 or 8", id="odd bits"),
        pytest.param(f"{HEADER}\n0,8,8,1,90", "line 2: input length must be at", id="length 0"),
        pytest.param(f"{HEADER}\n9,8,8,1e3,90", "'seed' must be a whole number", id="seed"),
        pytest.param(
            f"{HEADER}\n9,8,8,1,90\n9,8,8,1,90",
            "line 3: 9 8-8 with seed 1 stands on line 2 already",
            id="twice",
        ),
        pytest.param(
            "length,bits,acc\n9,8-8,90\n9,8-8-8,90", "line 3: .* 3 layers but .* has 2", id="layers"
        ),
        pytest.param("length,bits,acc\n9,8_8,90", "bits must be written like", id="bits"),
        pytest.param(
            "length,w_bits,acc,seconds\n9,8,90,-1", "'seconds' must be a number of 0", id="time"
        ),
        pytest.param(
            "length,w_bits,acc,latency_us\n9,8,90,x", "'latency_us' must be a number", id="cost"
        ),
        pytest.param(f'{HEADER}\n9,8,8,1,"90', "cannot be read: unexpected end", id="quote"),
    ],
)
def test_bad_tables_are_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    """With the file, the line and what is wrong."""
    with pytest.raises(StudyError, match=message) as caught:
        read_table(table_of(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_what_is_no_text_file_is_refused_in_one_line(tmp_path: Path) -> None:
    """A file that is not there, a folder, bytes."""
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.csv", tmp_path, tmp_path / "bytes.csv"):
        with pytest.raises(StudyError, match=f"{path} cannot be read"):
            read_table(path)


def test_bits_come_in_the_order_of_the_layers(tmp_path: Path) -> None:
    """Whatever the order of the columns; by their names, which must be the network's."""
    path = table_of(tmp_path, "length,b_bits,a_bits,acc\n9,2,8,0.5\n")
    table = read_table(path).in_layer_order(("a", "b"), "study x")
    assert table.rows[0].candidate.bits == (8, 2)
    with pytest.raises(StudyError, match=r"study x has the layers a, c but .* bits of b, a"):
        read_table(path).in_layer_order(("a", "c"), "study x")
    named = read_table(path, parse_columns("bits=a_bits+b_bits"))
    assert named.in_layer_order(("c", "d"), "study x").rows[0].candidate.bits == (8, 2)


def test_the_hash_is_of_the_bytes(tmp_path: Path) -> None:
    """The same for a copy, another for another table."""
    path = written(tmp_path, indoor_rows())
    first = read_table(path)
    copy = tmp_path / "copy.csv"
    copy.write_bytes(path.read_bytes())
    assert read_table(copy).sha256 == first.sha256
    written(tmp_path, indoor_rows(lengths=(21,)))
    assert read_table(path).sha256 != first.sha256


def test_the_recorded_table_is_read() -> None:
    """405 candidates at five seeds, with the times of their trainings."""
    table = read_table(recorded_indoor_sweep())
    assert len(table.rows) == 2025
    assert table.columns.accuracy == "test_accuracy"
    assert table.columns.percent is True
    assert all(row.train_seconds > 0 for row in table.rows)
