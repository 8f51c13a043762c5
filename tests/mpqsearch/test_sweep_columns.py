# SPDX-License-Identifier: Apache-2.0
"""Columns of a sweep: found by name, named by a mapping, or refused in one line."""

from pathlib import Path

import pytest

from mpqsearch.errors import StudyError
from mpqsearch.sweep_columns import SweepColumns, parse_columns

PUBLISHED = ["input_length", "conv1_bits", "fc1_bits", "seed", "test_accuracy", "train_seconds"]


def test_the_published_columns_are_found() -> None:
    """Without a word about them."""
    found = SweepColumns().named(PUBLISHED, "sweep x")
    assert found.bits == ("conv1_bits", "fc1_bits")
    assert found.layer_names == ("conv1", "fc1")
    assert (found.seed, found.seconds, found.costs) == ("seed", "train_seconds", ())
    assert found.accuracy_text == "test accuracy (column test_accuracy)"


def test_validation_accuracy_is_taken_before_test_accuracy() -> None:
    """As everywhere candidates are chosen by it."""
    found = SweepColumns().named([*PUBLISHED, "val_acc"], "sweep x")
    assert found.accuracy_text == "validation accuracy (column val_acc)"


def test_costs_are_found_by_their_names() -> None:
    """Those of the study's objectives, and weight bytes."""
    found = SweepColumns().named([*PUBLISHED, "energy_uj", "latency_us", "price"], "sweep x")
    assert found.costs == ("latency_us", "energy_uj")


def test_a_mapping_names_them() -> None:
    """All keys at once, with blanks around them."""
    text = "accuracy=acc1, length=L,seed = run,seconds=t,bits=b1+b2 + b3,costs=us+B,unit=share"
    assert parse_columns(text) == SweepColumns(
        input_length="L",
        bits=("b1", "b2", "b3"),
        seed="run",
        accuracy="acc1",
        percent=False,
        seconds="t",
        costs=("us", "B"),
    )


def test_a_yaml_file_names_them_too(tmp_path: Path) -> None:
    """So that names may hold commas; lists are lists."""
    file = tmp_path / "columns.yaml"
    file.write_text("accuracy: 'top-1, %'\nbits: [b+1, b2]\nlength: 32\nunit: percent\n")
    assert parse_columns(str(file)) == SweepColumns(
        input_length="32", bits=("b+1", "b2"), accuracy="top-1, %", percent=True
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "written like accuracy=COLUMN"),
        ("accuracy", "but holds 'accuracy'"),
        ("accuracy=", "but holds 'accuracy='"),
        ("accuracy=a,", "but holds ''"),
        ("accuracy=a,accuracy=b", "names 'accuracy' twice"),
        ("acuracy=a", "unknown key 'acuracy'.*did you mean accuracy?"),
        ("bits=a++b", r"'bits' must be column names like A\+B but is 'a\+\+b'"),
        ("unit=per cent", "'unit' must be percent or share but is 'per cent'"),
        ("none.yaml", "none.yaml: cannot be read"),
    ],
)
def test_bad_mappings_are_refused(text: str, message: str) -> None:
    """With the key, the value and what is allowed."""
    with pytest.raises(StudyError, match=message):
        parse_columns(text)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("accuracy=acc", "has no column 'acc'; it has input_length, conv1_bits"),
        ("accuracy=test_accurcy", "did you mean test_accuracy?"),
        ("seconds=seed,seed=seed", "column 'seed' is named for two things"),
        ("bits=conv1_bits+conv1_bits", "column 'conv1_bits' is named for two things"),
        ("length=ten", "has no column 'ten'"),
    ],
)
def test_what_a_table_does_not_have_is_refused(mapping: str, message: str) -> None:
    """And what is named for two things."""
    with pytest.raises(StudyError, match=message):
        parse_columns(mapping).named(PUBLISHED, "sweep x")


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("input_length", "hold the length; name it: --columns length=COLUMN, or length=101"),
        ("test_accuracy", "hold the accuracy; name it: --columns accuracy=COLUMN"),
    ],
)
def test_a_column_that_is_needed_is_asked_for(missing: str, message: str) -> None:
    """With the option that names it."""
    with pytest.raises(StudyError, match=message):
        SweepColumns().named([name for name in PUBLISHED if name != missing], "sweep x")


def test_two_columns_of_one_name_are_refused() -> None:
    """Nobody knows which is meant."""
    with pytest.raises(StudyError, match="two columns called 'seed'"):
        SweepColumns().named([*PUBLISHED, "seed"], "sweep x")
