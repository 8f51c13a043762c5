# SPDX-License-Identifier: Apache-2.0
"""What the options of `mpqsearch export` mean, read before anything is opened."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hardware.candidate import Candidate
from hardware.integer import IntegerNetwork
from hardware.layer import NetworkError
from mpqsearch.errors import StudyError
from mpqsearch.export.selection import Selection, choose_candidates, first_right
from mpqsearch.opened_study import OpenedStudy
from mpqsearch.picks import Pick


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pick": "best", "trial": 1}, "--pick or --where, and --trial, both say what to export"),
        ({"where": ("size < 9",), "length": 8, "bits": "8-8"}, "and --length and --bits, both"),
        ({"trial": 1, "length": 8}, "--trial, and --length and --bits, both say"),
        ({"length": 8}, "--bits is missing"),
        ({"bits": "8-8"}, "--length is missing"),
        ({"pick": "kne"}, "did you mean knee?"),
        ({"where": ("accuracy >= 0.9", "acuracy > 1")}, "did you mean accuracy?"),
        ({"where": ("",)}, "a condition is missing"),
        ({"pick": "best", "target": ("accuracy > 0",)}, "--target is for --pick ace; give that"),
        ({"order": "size"}, "--order is for --pick lexicographic"),
        ({"pick": "lexicographic", "size_ref": 9}, "--size-ref is for --pick ace or --pick forg"),
        ({"trial": 1, "order": "size"}, "--order is for --pick lexicographic"),
        ({"pick": "lexicographic", "order": "sise"}, "did you mean size?"),
        ({"pick": "ace", "target": ("accuracy < 0.9",)}, "an accuracy is asked for with >="),
    ],
)
def test_what_contradicts_itself_is_refused(options: dict[str, Any], said: str) -> None:
    """Each before a study is opened, in words that name the options."""
    with pytest.raises(StudyError) as caught:
        Selection(**options)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("options", "rule", "meaning"),
    [
        ({}, Pick.KNEE, "knee: The compromise"),
        ({"pick": "best"}, Pick.BEST, "best: The highest validation accuracy"),
        ({"pick": "all"}, Pick.ALL, "Every member of the front."),
        (
            {"where": ("accuracy >= 98%", "latency < 20")},
            Pick.ALL,
            "all members of the front with accuracy >= 0.98 and latency_us < 20",
        ),
        (
            {"pick": "smallest", "where": ("accuracy >= 98%",)},
            Pick.SMALLEST,
            "smallest, of the members of the front with accuracy >= 0.98: The fewest bytes",
        ),
        ({"trial": 3}, Pick.KNEE, ""),
        ({"length": 8, "bits": "8-8"}, Pick.KNEE, ""),
    ],
)
def test_a_selection_says_what_it_takes(options: dict[str, Any], rule: Pick, meaning: str) -> None:
    """The knee without options, all members that meet conditions, nothing where one is named."""
    selection = Selection(**options)
    assert selection.rule is rule
    assert selection.meaning.startswith(meaning)
    assert bool(selection.meaning) == bool(meaning)


def test_the_sample_is_the_first_that_is_right() -> None:
    """Where none is, the first of all: a network that knows nothing is exported too."""
    assert first_right([0, 1, 1], [1, 1, 1]) == 1
    assert first_right([0, 0], [1, 1]) == 0


def never(_: Candidate) -> IntegerNetwork:
    raise AssertionError("nothing must be trained to choose")


def test_members_trials_and_candidates_are_found(study: Path) -> None:
    """A front's members, a dominated trial, a candidate of the search, and one it never had."""
    opened = OpenedStudy(study / "runs", "tiny")
    everyone = choose_candidates(opened, Selection("all"), never)
    assert [one.record.reference for one in everyone if one.record] == [""] * len(everyone)
    (dominated,) = choose_candidates(opened, Selection(trial=0), never)
    assert dominated.candidate == Candidate(8, (8, 8))
    assert dominated.candidate not in [one.candidate for one in everyone]
    (same,) = choose_candidates(opened, Selection(length=8, bits="8-8"), never)
    assert same == dominated
    (new,) = choose_candidates(opened, Selection(length=7, bits="8-1"), never)
    assert new.record is None
    with pytest.raises(NetworkError, match="bits must name 2 widths"):
        choose_candidates(opened, Selection(length=8, bits="8-8-8"), never)
    with pytest.raises(StudyError, match="no trial 999 in this study; trials go from 0 to"):
        choose_candidates(opened, Selection(trial=999), never)


def test_a_study_without_a_finished_candidate_says_so(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at the beginning of a run; a candidate can still be named."""
    opened = OpenedStudy(study / "runs", "tiny")
    monkeypatch.setattr(opened, "records", [])
    with pytest.raises(StudyError, match=r"no finished candidate yet; wait for one, or name one"):
        choose_candidates(opened, Selection("best"), never)
    (named,) = choose_candidates(opened, Selection(length=8, bits="4-4"), never)
    assert np.array_equal(named.candidate.bits, (4, 4))
