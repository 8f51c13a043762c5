# SPDX-License-Identifier: Apache-2.0
"""How sure the accuracies of a front are, and who is tied with a pick."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hardware.candidate import Candidate
from mpqsearch.certainty import Certainty
from mpqsearch.certainty_table import picked, source_text
from mpqsearch.trials import Outcome, TrialRecord

Interval = tuple[float, float]

MOST_COMPARED = 1000
"""Scored candidates up to which all are compared with all: seconds, and minutes for ten times as
many."""


@dataclass(frozen=True)
class Uncertainty:
    """What is known of the accuracies beyond their means; empty where it cannot be told.

    Attributes:
        intervals: 95 % intervals of the mean accuracy over endless seeds, of the front and of who
            may be on it by chance.
        on_front: Probability of being on the front, of the same.
        ties: For a pick, who differs from it in accuracy by no more than chance, smallest first.
        source: What that rests on, in a sentence.
        problem: Why nothing is known; empty where it is.
    """

    intervals: Mapping[Candidate, Interval] = field(default_factory=dict)
    on_front: Mapping[Candidate, float] = field(default_factory=dict)
    ties: Mapping[Candidate, Sequence[TrialRecord]] = field(default_factory=dict)
    source: str = ""
    problem: str = ""


def uncertainty_of(records: Sequence[TrialRecord], samples: Callable[[], int]) -> Uncertainty:
    """Measures how sure the accuracies are, as `mpqsearch front --certainty` does.

    Args:
        records: Every candidate.
        samples: Gives the samples of the validation split, where seeds do not tell the noise.
    """
    count = sum(record.outcome is Outcome.SCORED for record in records)
    if not count:
        return Uncertainty(problem="nothing is scored yet")
    if count > MOST_COMPARED:
        return Uncertainty(
            problem=f"they are computed for up to {MOST_COMPARED:,} candidates, not for {count:,}"
        )
    try:
        certainty = Certainty(records, samples)
    except (ValueError, OSError) as error:  # data that are not at hand any more
        return Uncertainty(problem=str(error))
    members = certainty.members
    return Uncertainty(
        intervals={one.record.candidate: one.interval for one in members},
        on_front={one.record.candidate: one.on_front for one in members},
        ties={
            pick.candidate: tuple(tie.record for tie in certainty.ties(pick))
            for _, pick in picked(certainty)
        },
        source=source_text(certainty),
    )
