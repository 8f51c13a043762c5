# SPDX-License-Identifier: Apache-2.0
"""The first candidates of a search, from baselines."""

import logging
from collections.abc import Iterator, Sequence, Set
from fractions import Fraction

import numpy as np
from optuna.study import Study

from hardware.candidate import Candidate
from hardware.cost.model import CostModel
from mpqsearch.baselines._base import Baseline
from mpqsearch.baselines.factory import make_baseline
from mpqsearch.ledger import Ledger, failed_trials
from mpqsearch.queue import enqueue
from mpqsearch.samplers.exhaustive import GOLDEN
from mpqsearch.samplers.farthest import farthest_next
from mpqsearch.study_file import StudySpec
from mpqsearch.trials import PROPOSED_BY, candidate_of
from objectives.accuracy import AccuracyObjective

logger = logging.getLogger(__name__)

BUDGET_SHARE = Fraction(1, 3)
"""Largest share of a study's candidates that baselines propose, one at least: the rest is left to
the sampler, which learns from what it is told and baselines do not."""

_QUEUED = "warm_start"
"""User attribute of a study: the baselines whose candidates were queued."""


def queue_warm_starts(spec: StudySpec, study: Study, objective: AccuracyObjective) -> None:
    """Queues what the study's baselines propose, behind what is queued, each baseline once.

    At most `BUDGET_SHARE` of the budget, over all runs of the study, and never more than is left of
    it. A run that goes on queues for baselines that were not named before.

    Args:
        spec: The study; `search.warm_start` names the baselines.
        study: Its storage, with the queue prepared.
        objective: Gives float phases.
    """
    queued = study.user_attrs.get(_QUEUED, [])
    new = [name for name in spec.search.warm_start if name not in queued]
    ledger = Ledger(study, spec.space, retried=failed_trials(study))
    ledger.refresh()
    share = max(1, int(spec.budget * BUDGET_SHARE)) - _proposed(spec, study)
    most = min(share, spec.budget - ledger.claimed)
    if not new or most < 1:
        return
    found = warm_starts(spec, objective, new, ledger.known(), most)
    # float phases take their time, and another machine may have queued the same meanwhile
    queued = study.user_attrs.get(_QUEUED, [])
    new = [name for name in new if name not in queued]
    enqueue(study, spec.space, {one: name for one, name in found.items() if name in new})
    study.set_user_attr(_QUEUED, [*queued, *new])
    for name in new:
        logger.info("warm start: %d from %s", list(found.values()).count(name), name)


def _proposed(spec: StudySpec, study: Study) -> int:
    """Candidates that baselines have proposed; one that was queued again counts once."""
    trials = study.get_trials(deepcopy=False)
    return len({candidate_of(one, spec.space) for one in trials if PROPOSED_BY in one.user_attrs})


def warm_starts(
    spec: StudySpec,
    objective: AccuracyObjective,
    names: Sequence[str],
    known: Set[Candidate],
    most: int,
) -> dict[Candidate, str]:
    """The candidates that baselines propose, with the name of who did, in turns.

    Only what fits the chip, and no reference: those are trained in any case. Of a candidate that
    two propose, the first has it.

    Args:
        spec: The study.
        objective: Gives float phases. Those asked for are the ones the search needs too.
        names: The baselines.
        known: Candidates that are not proposed.
        most: How many at most, of all together.
    """
    costs = CostModel(spec.chip, spec.calibration)
    references = {candidate for _, candidate in spec.space.references}
    streams = {
        name: proposals(
            make_baseline(name, spec.space, objective, spec.seed), spec.space.input_lengths
        )
        for name in names
    }
    found: dict[Candidate, str] = {}

    def wanted(candidate: Candidate) -> bool:
        if candidate in known or candidate in references or candidate in found:
            return False
        network = spec.task.checked_network(candidate.input_length)
        return costs.cost(network, candidate.bits).fits

    while streams and len(found) < most:
        for name in list(streams)[: most - len(found)]:
            candidate = next(filter(wanted, streams[name]), None)
            if candidate is None:
                del streams[name]
            else:
                found[candidate] = name
    return found


def proposals(baseline: Baseline, input_lengths: Sequence[int]) -> Iterator[Candidate]:
    """A baseline's candidates, every one once, so that the first few are spread over all.

    Lengths take turns, those far from each other first. Along a front the next one is a step of the
    golden ratio away, which spreads evenly wherever it is stopped; of a list that begins with the
    best, the best that is left. A length is asked for when its turn comes, not before. One that
    fails is left out, with a line in the log: the search will meet the reason itself.
    """
    points = np.array(input_lengths, dtype=np.float64)[:, None]
    lengths = [input_lengths[at] for at in farthest_next(points)]
    left: dict[int, list[Candidate]] = {}
    turn = 0
    while not left or any(left.values()):
        for length in lengths:
            if length not in left:
                left[length] = _ranked(baseline, length)
            if not left[length]:
                continue
            step = 0.0 if baseline.best_first else (0.5 + turn * GOLDEN) % 1
            turn += 1
            yield left[length].pop(int(step * len(left[length])))


def _ranked(baseline: Baseline, length: int) -> list[Candidate]:
    try:
        return list(baseline.ranked(length))
    except Exception as error:  # a float phase runs a user's own code
        logger.warning("%s proposes nothing at input length %d: %s", baseline.name, length, error)
        logger.debug("%s at input length %d", baseline.name, length, exc_info=True)
        return []
