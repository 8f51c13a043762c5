# SPDX-License-Identifier: Apache-2.0
"""The study's queue: candidates that are trained before the sampler is asked again."""

import logging
from collections.abc import Callable, Mapping

from optuna.study import Study
from optuna.trial import FrozenTrial

from hardware.candidate import Candidate
from hardware.cost.model import CostModel
from mpqsearch.ledger import Ledger, fail, failed_trials
from mpqsearch.space import Space
from mpqsearch.storage import running_trials, tell_record
from mpqsearch.study_file import StudySpec
from mpqsearch.trials import PROPOSED_BY, TAKEN_BACK, Outcome, TrialRecord, candidate_of

logger = logging.getLogger(__name__)


def prepare_queue(spec: StudySpec, study: Study, *, alone: bool = True) -> None:
    """Queues what an earlier run left unfinished, and the references in the space.

    Args:
        spec: The study.
        study: Its storage.
        alone: Whether nobody else can be at work on the study: what runs then was left.
    """
    if alone:
        give_back(spec, study, lambda _: True)
    references = [one for _, one in spec.space.references if one in spec.space]
    enqueue(study, spec.space, dict.fromkeys(references, ""))


def give_back(spec: StudySpec, study: Study, left: Callable[[FrozenTrial], bool]) -> None:
    """Queues again what was in training when a run was ended; that is no worker's death.

    Args:
        spec: The study.
        study: Its storage.
        left: Whether a running trial was that run's.
    """
    for trial in running_trials(study):
        if not left(trial) or not fail(study, trial.number):
            continue
        logger.info("trial %d was interrupted; it is queued again", trial.number)
        candidate = candidate_of(trial, spec.space)
        if candidate is not None:
            enqueue(study, spec.space, {candidate: trial.user_attrs.get(PROPOSED_BY, "")})


def enqueue(study: Study, space: Space, candidates: Mapping[Candidate, str]) -> None:
    """Queues candidates, each unless it has an owner: decided, in training, or queued already.

    Args:
        study: Where.
        space: What the candidates are in.
        candidates: In order, with the baseline that proposed each; empty for none.
    """
    ledger = Ledger(study, space, retried=failed_trials(study))
    ledger.refresh()
    for candidate, baseline in candidates.items():
        if not ledger.has(candidate):
            study.enqueue_trial(space.parameters(candidate), user_attrs=_said_of(baseline))


def take_back(
    spec: StudySpec, study: Study, left: Callable[[FrozenTrial], bool], reason: str
) -> None:
    """Queues the candidates of workers that have died again, each once.

    A candidate whose workers die twice may be what kills them: it has failed then.

    Args:
        spec: The study.
        study: Its storage.
        left: Whether a running trial was theirs.
        reason: How they died.
    """
    costs = CostModel(spec.chip, spec.calibration)
    ledger = Ledger(study, spec.space, retried=failed_trials(study))
    ledger.refresh()
    for trial in running_trials(study):
        if not left(trial):
            continue
        candidate = candidate_of(trial, spec.space)
        if candidate is not None and not ledger.owns(trial.number, candidate):
            fail(study, trial.number)  # somebody else has the candidate
        elif candidate is not None and trial.user_attrs.get(TAKEN_BACK):
            cost = costs.cost(spec.task.checked_network(candidate.input_length), candidate.bits)
            message = f"two workers died while they had it, the last with {reason}"
            record = TrialRecord.priced(
                trial.number, candidate, cost, outcome=Outcome.FAILED, accuracy=0.0, message=message
            )
            tell_record(study, trial, record)
        elif fail(study, trial.number) and candidate is not None:
            logger.warning("trial %d: its worker died; %s is queued again", trial.number, candidate)
            said = {TAKEN_BACK: 1, **_said_of(trial.user_attrs.get(PROPOSED_BY, ""))}
            study.enqueue_trial(spec.space.parameters(candidate), user_attrs=said)


def _said_of(baseline: str) -> dict[str, str]:
    return {PROPOSED_BY: baseline} if baseline else {}
