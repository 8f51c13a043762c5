# SPDX-License-Identifier: Apache-2.0
"""Candidates: an input length and bits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.candidate import Candidate
from hardware.layer import WEIGHT_BITS, NetworkError

BITS = st.lists(st.sampled_from(WEIGHT_BITS), min_size=1, max_size=6).map(tuple)


@given(length=st.integers(1, 2048), bits=BITS)
@settings(deadline=None, derandomize=True)
def test_written_bits_read_back(length: int, bits: tuple[int, ...]) -> None:
    """A candidate's written bits give the same candidate."""
    candidate = Candidate(length, bits)
    assert Candidate.parse(length, candidate.bits_text) == candidate


def test_a_candidate_is_written_length_first() -> None:
    """The published pick reads `101 8-8-2-4`."""
    assert str(Candidate.parse(101, "8-8-2-4")) == "101 8-8-2-4"
    assert Candidate.parse(101, "8-8-2-4").bits == (8, 8, 2, 4)


def test_candidates_sort_by_length_then_bits() -> None:
    """Lists of candidates have one order: shorter first, then fewer bits from the front."""
    ordered = [Candidate(5, (8, 8)), Candidate(51, (2, 8)), Candidate(51, (8, 2))]
    assert sorted([ordered[2], ordered[0], ordered[1]]) == ordered
    assert len({*ordered, Candidate(5, (8, 8))}) == 3


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8-",
        "8 8 2 4",
        "8,8",
        "a-8",
        "8--8",
        "-8",
        "8_8",
        " 8-8",
        "8-8\n",
        "+8-8",
        "٨-٨",
        "8²",
        "9" * 5000,
    ],
)
def test_bits_written_in_another_way_are_refused(text: str) -> None:
    """The message shows the right way and the text given."""
    with pytest.raises(NetworkError, match="written like 8-8-2-4") as error:
        Candidate.parse(101, text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize("text", ["3", "8-16", "0-8"])
def test_widths_the_chip_has_not_are_refused(text: str) -> None:
    """The message gives the allowed widths and the bits."""
    with pytest.raises(NetworkError, match=f"must be 1, 2, 4 or 8 but are {text}"):
        Candidate.parse(101, text)


@pytest.mark.parametrize("length", [0, -101])
def test_a_length_under_one_is_refused(length: int) -> None:
    """The message gives the least length and the value."""
    with pytest.raises(NetworkError, match=f"at least 1 but is {length}"):
        Candidate(length, (8,))


def test_a_candidate_without_bits_is_refused() -> None:
    """Every network has a layer."""
    with pytest.raises(NetworkError, match="at least one layer"):
        Candidate(101, ())
