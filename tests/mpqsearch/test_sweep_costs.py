# SPDX-License-Identifier: Apache-2.0
"""Costs of a sweep: from its columns, a study's model, or as published."""

from pathlib import Path

import pytest

from hardware.candidate import Candidate
from mpqsearch.errors import StudyError
from mpqsearch.study_file import find_study_file, read_study
from mpqsearch.sweep_costs import CostSource, price_sweep, published_costs
from mpqsearch.sweep_table import read_table
from tests.mpqsearch.sweeps import INDOOR_HEADER, indoor_rows, written


def test_published_sizes_are_the_published_ones() -> None:
    """51,260 and 203,160 weight bytes at length 101."""
    assert published_costs(Candidate(101, (8, 8, 2, 4)))[1] == 51_260
    assert published_costs(Candidate(101, (8, 8, 8, 8)))[1] == 203_160


def test_a_table_without_costs_takes_the_study_it_fits(tmp_path: Path) -> None:
    """By layers and input lengths: indoor, not digits, whose layers have the same names."""
    priced = price_sweep(read_table(written(tmp_path, indoor_rows())))
    assert priced.source_text.startswith("cost model of study indoor")
    assert priced.names == ("latency_us", "energy_uj", "size_bytes")
    small, large = Candidate(5, (2,) * 4), Candidate(21, (8,) * 4)
    assert all(one < other for one, other in zip(priced.costs[small], priced.costs[large]))  # noqa: B905
    digits = price_sweep(read_table(written(tmp_path, indoor_rows(lengths=(8, 6)))))
    assert digits.source_text.startswith("cost model of study digits")


def test_columns_in_another_order_cost_the_same(tmp_path: Path) -> None:
    """Layers are told by their names."""
    table = read_table(written(tmp_path, indoor_rows()))
    named = INDOOR_HEADER.split(",")
    rows = [row.split(",") for row in indoor_rows()]
    turned = [",".join([row[0], row[4], row[3], row[2], row[1], *row[5:]]) for row in rows]
    header = ",".join([named[0], named[4], named[3], named[2], named[1], *named[5:]])
    other = read_table(written(tmp_path, turned, header))
    for source in (CostSource.PUBLISHED, CostSource.MODEL):
        assert price_sweep(other, source).costs == price_sweep(table, source).costs


def test_the_tables_own_costs_come_first(tmp_path: Path) -> None:
    """Unless a study is named."""
    rows = [f"{row},{at + 10}" for at, row in enumerate(indoor_rows())]
    table = read_table(written(tmp_path, rows, f"{INDOOR_HEADER},latency_us"))
    own = price_sweep(table)
    assert (own.names, own.costs[Candidate(21, (8,) * 4)]) == (("latency_us",), (10.5,))
    study = read_study(find_study_file("indoor"))
    assert price_sweep(table, study=study).names == ("latency_us", "energy_uj", "size_bytes")


def test_what_does_not_fit_the_chip_is_left_out(tmp_path: Path, tiny_study: Path) -> None:
    """And counted; a table of which nothing fits is refused."""
    wide = tiny_study.read_text().replace("MAX78002", "MAX78000") + "data: {features: 768}\n"
    tiny_study.write_text(wide)
    study = read_study(tiny_study)
    header = "length,conv1_bits,fc1_bits,acc"
    rows = ["8,8,8,0.9", "8,2,2,0.8", "8,2,8,0.7", "8,8,2,0.8"]
    priced = price_sweep(read_table(written(tmp_path, rows, header)), study=study)
    assert (priced.misfits, priced.missing) == (2, 0)  # though no 8 is left in the first layer
    assert list(priced.sweep.space) == [Candidate(8, (2, 8)), Candidate(8, (2, 2))]
    with pytest.raises(StudyError, match=r"no candidate of .* fits the MAX78000 of study tiny"):
        price_sweep(read_table(written(tmp_path, rows[:1], header)), study=study)


def test_a_hard_task_has_coordinates_too(tmp_path: Path) -> None:
    """Where the best errs in four of ten, errors count up to eight of ten."""
    rows = ["9,8,0.6,4", "9,2,0.3,1"]
    priced = price_sweep(read_table(written(tmp_path, rows, "length,w_bits,acc,weight_bytes")))
    assert priced.coordinates.worst_error == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("header", "row", "source", "message"),
    [
        ("length,w_bits,acc", "9,8,0.5", None, r"says nothing of costs, and no study .* \(w\)"),
        ("length,w_bits,acc", "9,8,0.5", CostSource.TABLE, "no column known to hold costs"),
        ("length,w_bits,acc", "9,8,0.5", CostSource.PUBLISHED, "published .* layers conv1, conv2"),
        ("length,w_bits,acc,latency_us", "9,8,0,4", None, "accuracy above 0"),
    ],
)
def test_a_table_without_costs_is_refused(
    tmp_path: Path, header: str, row: str, source: CostSource | None, message: str
) -> None:
    """In one line that says what to name."""
    with pytest.raises(StudyError, match=message):
        price_sweep(read_table(written(tmp_path, [row], header)), source)


def test_a_study_and_other_costs_contradict_each_other(tmp_path: Path) -> None:
    """One of them is left out, or it is refused."""
    table = read_table(written(tmp_path, indoor_rows()))
    study = read_study(find_study_file("indoor"))
    with pytest.raises(StudyError, match="--study is for --costs model, not published"):
        price_sweep(table, CostSource.PUBLISHED, study)
