# SPDX-License-Identifier: Apache-2.0
"""The search space: what is in it, drawn from it, and said to Optuna."""

import random

import pytest

from hardware.candidate import Candidate
from mpqsearch.space import LISTED_SIZE, Space

SMALL = Space((9, 5), ("conv1", "fc1"), ((8, 4, 2), (8, 1)))
LARGE = Space(tuple(range(100, 0, -1)), tuple(f"layer{n}" for n in range(8)), ((8, 4, 2, 1),) * 8)


def test_size_counts_every_candidate_once() -> None:
    """Two lengths, three widths of one layer and two of the other make twelve candidates."""
    candidates = list(SMALL)
    assert SMALL.size == len(candidates) == len(set(candidates)) == 12


def test_every_listed_candidate_is_in_the_space() -> None:
    """What the space lists, it holds."""
    assert all(candidate in SMALL for candidate in SMALL)


@pytest.mark.parametrize(
    "candidate",
    [
        pytest.param(Candidate(7, (8, 8)), id="another length"),
        pytest.param(Candidate(9, (1, 8)), id="a width of another layer"),
        pytest.param(Candidate(9, (8,)), id="too few layers"),
        pytest.param(Candidate(9, (8, 8, 8)), id="too many layers"),
    ],
)
def test_other_candidates_are_not_in_the_space(candidate: Candidate) -> None:
    """A candidate of another length, width or depth is outside, and asking is no error."""
    assert candidate not in SMALL


def test_references_are_uniform_at_the_longest_input() -> None:
    """Uniform 8, 4 and 2 bits are compared with, whether or not the space holds them."""
    assert SMALL.references == (
        ("uniform 8", Candidate(9, (8, 8))),
        ("uniform 4", Candidate(9, (4, 4))),
        ("uniform 2", Candidate(9, (2, 2))),
    )


def test_parameters_give_the_candidate_back() -> None:
    """A candidate survives the way to Optuna's parameters and back."""
    for candidate in SMALL:
        assert SMALL.candidate(SMALL.parameters(candidate)) == candidate


def test_distributions_hold_exactly_the_choices() -> None:
    """Optuna sees one categorical parameter for the length and one for each layer."""
    choices = {name: found.choices for name, found in SMALL.distributions().items()}  # type: ignore[attr-defined]
    assert choices == {
        "input_length": (9, 5),
        "bits_conv1": (8, 4, 2),
        "bits_fc1": (8, 1),
    }


def test_drawing_ends_when_all_are_known() -> None:
    """Drawing without return gives every candidate of a small space once, then None."""
    generator = random.Random(0)
    known: set[Candidate] = set()
    for _ in range(SMALL.size):
        drawn = SMALL.draw_untried(known, generator)
        assert drawn is not None
        assert drawn in SMALL
        assert drawn not in known
        known.add(drawn)
    assert SMALL.draw_untried(known, generator) is None


def test_a_large_space_is_drawn_from_without_listing() -> None:
    """A space of millions gives untried candidates that it holds."""
    assert LARGE.size > LISTED_SIZE
    generator = random.Random(0)
    first = LARGE.draw_untried(set(), generator)
    assert first is not None
    again = LARGE.draw_untried({first}, random.Random(0))
    assert again is not None
    assert first in LARGE
    assert again in LARGE
    assert again != first


def test_the_last_untried_of_a_large_space_is_found() -> None:
    """Where draws no longer find it, the space is gone through; with all known, None."""
    space = Space((8,), tuple("abcdefghi"), ((8, 4, 2),) * 9)
    assert space.size > LISTED_SIZE
    known = set(space)
    last = Candidate(8, (4,) * 9)
    known.remove(last)
    assert space.draw_untried(known, random.Random(0)) == last
    assert space.draw_untried({*known, last}, random.Random(0)) is None
