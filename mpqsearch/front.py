# SPDX-License-Identifier: Apache-2.0
"""The front: the candidates that no other one beats in every objective."""

from collections.abc import Iterable, Sequence

import numpy as np

from mpqsearch.trials import Outcome, TrialRecord


def front_of(records: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Scored records that no other dominates, best accuracy first.

    One dominates another when it is no worse in accuracy, latency, energy and size, and better in
    one of them. Of records equal in all four, all are kept.
    """
    scored = [record for record in records if record.outcome is Outcome.SCORED]
    if not scored:
        return []
    losses = np.array([(-record.accuracy, *record.values[1:]) for record in scored])
    kept = []
    for record, loss in zip(scored, losses, strict=True):
        dominated = np.all(losses <= loss, axis=1) & np.any(losses < loss, axis=1)
        if not dominated.any():
            kept.append(record)
    return sorted(kept, key=lambda record: (-record.accuracy, *record.values[1:]))


def shown_of(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """The front, and the references that were scored: their networks are kept."""
    scored = [one for one in records if one.reference and one.outcome is Outcome.SCORED]
    return [*front_of(records), *scored]
