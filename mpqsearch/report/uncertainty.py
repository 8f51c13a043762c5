# SPDX-License-Identifier: Apache-2.0
"""How sure an accuracy is."""

from mpqsearch.trials import TrialRecord


def interval_of(record: TrialRecord) -> tuple[float, float] | None:
    """The lowest and the highest accuracy over a candidate's seeds; None of one seed.

    No interval of confidence: of few seeds, what was seen says more than a deviation.
    """
    seen = record.seed_accuracies
    return (min(seen), max(seen)) if len(seen) > 1 else None
