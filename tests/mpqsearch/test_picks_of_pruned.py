# SPDX-License-Identifier: Apache-2.0
"""Candidates whose training was stopped early have no network, and get one by being named."""

import pytest

from hardware.candidate import Candidate
from mpqsearch.errors import StudyError
from mpqsearch.picks import find_candidate, find_trial
from mpqsearch.trials import Outcome, TrialRecord

PRUNED = TrialRecord(
    number=4,
    candidate=Candidate.parse(41, "8-8-8-2"),
    outcome=Outcome.PRUNED,
    accuracy=0.9,
    latency_us=1.0,
    energy_uj=1.0,
    size_bytes=1,
    cost_origin="analytic",
    message="stopped after 5% of the QAT steps at 90.00%",
)


def test_a_stopped_candidate_is_trained_when_it_is_named() -> None:
    """It fits, and its training goes to the end then."""
    assert find_candidate(PRUNED.candidate, [PRUNED]) is None


def test_a_stopped_trial_says_how_to_get_its_network() -> None:
    """It was stopped, where, and what trains it to its end."""
    with pytest.raises(
        StudyError, match=r"was stopped after 5% .*; --length 41 --bits 8-8-8-2 trains it to its"
    ):
        find_trial(4, [PRUNED], [])
