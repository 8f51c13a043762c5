# SPDX-License-Identifier: Apache-2.0
"""The front: what stays, what goes, and in which order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.candidate import Candidate
from mpqsearch.front import front_of
from mpqsearch.trials import Outcome, TrialRecord


def record(
    accuracy: float,
    latency_us: float = 10.0,
    energy_uj: float = 5.0,
    size_bytes: int = 100,
    *,
    outcome: Outcome = Outcome.SCORED,
    number: int = 0,
) -> TrialRecord:
    return TrialRecord(
        number,
        Candidate(5, (8,)),
        outcome,
        accuracy,
        latency_us,
        energy_uj,
        size_bytes,
        "analytic",
    )


def beats(one: TrialRecord, other: TrialRecord) -> bool:
    """Written out objective by objective, apart from the code under test."""
    no_worse = (
        one.accuracy >= other.accuracy
        and one.latency_us <= other.latency_us
        and one.energy_uj <= other.energy_uj
        and one.size_bytes <= other.size_bytes
    )
    return no_worse and one.values != other.values


def test_nothing_gives_an_empty_front() -> None:
    """No records, no front."""
    assert front_of([]) == []


@pytest.mark.parametrize("outcome", [Outcome.INFEASIBLE, Outcome.FAILED, Outcome.PRUNED])
def test_only_scored_candidates_are_on_the_front(outcome: Outcome) -> None:
    """One that does not fit, failed or was stopped is not on the front, however cheap it is."""
    scored = record(0.5)
    assert front_of([record(0.0, 1.0, 1.0, 1, outcome=outcome), scored]) == [scored]
    assert front_of([record(0.9, 1.0, 1.0, 1, outcome=outcome)]) == []


@pytest.mark.parametrize(
    "better",
    [
        pytest.param(record(0.6), id="accuracy"),
        pytest.param(record(0.5, latency_us=9.0), id="latency"),
        pytest.param(record(0.5, energy_uj=4.0), id="energy"),
        pytest.param(record(0.5, size_bytes=99), id="size"),
    ],
)
def test_one_objective_better_and_none_worse_dominates(better: TrialRecord) -> None:
    """Each objective decides alone where the others are equal; more accuracy is better."""
    assert front_of([record(0.5), better]) == [better]


def test_a_trade_keeps_both() -> None:
    """A smaller network with less accuracy stays beside a larger one with more."""
    large, small = record(0.9, size_bytes=200), record(0.8, size_bytes=100)
    assert front_of([small, large]) == [large, small]


def test_equal_candidates_are_all_kept() -> None:
    """Two candidates that are equal in all four objectives do not push each other out."""
    assert len(front_of([record(0.5, number=1), record(0.5, number=2)])) == 2


def test_the_front_begins_with_the_best_accuracy() -> None:
    """Members are sorted by accuracy, then by latency, energy and size."""
    worst = record(0.7, latency_us=1.0)
    best = record(0.9, latency_us=3.0)
    cheap, dear = record(0.8, 2.0, energy_uj=5.0), record(0.8, 1.9, energy_uj=6.0)
    assert front_of([worst, cheap, dear, best]) == [best, dear, cheap, worst]


scored_records = st.builds(
    record,
    st.sampled_from([0.25, 0.5, 0.75]),
    st.sampled_from([1.0, 2.0, 3.0]),
    st.sampled_from([1.0, 2.0]),
    st.sampled_from([10, 20]),
)


@given(st.lists(scored_records, max_size=20))
def test_members_beat_all_others_and_not_each_other(records: list[TrialRecord]) -> None:
    """No member beats a member, and each candidate left out is beaten by a member."""
    front = front_of(records)
    assert not any(beats(one, other) for one in front for other in front)
    left_out = [one for one in records if one not in front]
    assert all(any(beats(member, one) for member in front) for one in left_out)
    assert bool(front) == bool(records)
