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
    kept: list[TrialRecord] = []
    front = np.empty((len(scored), 4))
    # In this order who dominates comes first, so that only the front itself need be looked at.
    for record in sorted(scored, key=_losses):
        loss, members = np.array(_losses(record)), front[: len(kept)]
        dominated = (members <= loss).all(axis=1) & (members < loss).any(axis=1)
        if not dominated.any():
            front[len(kept)] = loss
            kept.append(record)
    return kept


def _losses(record: TrialRecord) -> tuple[float, ...]:
    return -record.accuracy, *record.values[1:]


def shown_of(records: Sequence[TrialRecord]) -> list[TrialRecord]:
    """The front, and the references that were scored: their networks are kept."""
    scored = [one for one in records if one.reference and one.outcome is Outcome.SCORED]
    return [*front_of(records), *scored]
