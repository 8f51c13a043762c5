# SPDX-License-Identifier: Apache-2.0
"""What a search does to a trial: made, taken from the queue, ended, each at once where it can be.

A database of ours does each in one transaction. Behind Optuna's gRPC proxy, which knows nothing of
that, the last two are several of its calls; a worker that dies between them leaves a trial that is
found and taken back as any other.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from hardware.candidate import Candidate
from mpqsearch.database import StudyDatabase
from mpqsearch.space import Space
from mpqsearch.trials import FIT_CONSTRAINT, WORKER


def claim_of(
    space: Space,
    candidate: Candidate,
    *,
    overflow: float,
    worker: str = "",
    system_attrs: Mapping[str, Any] | None = None,
) -> FrozenTrial:
    """A running trial of a candidate, as it is to be written.

    Args:
        space: What the candidate is in.
        candidate: What it claims.
        overflow: The largest share by which a limit of the chip is exceeded; below 0: it fits.
        worker: Marks whose it is; empty where nobody else is at work.
        system_attrs: What a sampler keeps of it.
    """
    return create_trial(
        state=TrialState.RUNNING,
        params=space.parameters(candidate),
        distributions=space.distributions(),
        user_attrs={WORKER: worker} if worker else {},
        system_attrs=dict(system_attrs or {}),
        constraints={FIT_CONSTRAINT: max(overflow, 0.0)},
    )


def make_trial(study: Study, claim: FrozenTrial) -> int:
    """Makes a trial, whole from its first moment.

    Returns:
        The trial, as the storage numbers it.
    """
    return study._storage.create_new_trial(study._study_id, claim)


def take_trial(study: Study, waiting: FrozenTrial, claim: FrozenTrial) -> bool:
    """Takes a trial from the study's queue; False where somebody else was faster.

    Args:
        study: Where.
        waiting: The trial.
        claim: What is written to it, of the candidate that it was queued for.
    """
    storage, number = study._storage, waiting._trial_id
    database = _database(storage)
    if database is not None:
        return database.take_trial(number, claim)
    try:
        if not storage.set_trial_state_values(number, TrialState.RUNNING):
            return False
        for name, value in claim.user_attrs.items():
            storage.set_trial_user_attr(number, name, value)
        for name, distribution in claim.distributions.items():
            value = distribution.to_internal_repr(claim.params[name])
            storage.set_trial_param(number, name, value, distribution)
        for name, value in claim.system_attrs.items():
            storage.set_trial_system_attr(number, name, value)
    except UpdateFinishedTrialError:  # it was taken for left before it began
        return False
    return True


def finish_trial(
    study: Study,
    trial: FrozenTrial,
    state: TrialState,
    values: Sequence[float] | None = None,
    user_attrs: Mapping[str, Any] | None = None,
) -> None:
    """Ends a running trial, and lets the sampler know.

    Raises:
        UpdateFinishedTrialError: where somebody else has ended it.
    """
    database = _database(study._storage)
    if database is not None:
        database.finish_trial(trial._trial_id, state, values, user_attrs or {})
    else:
        for name, value in (user_attrs or {}).items():
            study._storage.set_trial_user_attr(trial._trial_id, name, value)
        study._storage.set_trial_state_values(trial._trial_id, state, values)
    study.sampler.after_trial(study, trial, state, values)


def _database(storage: BaseStorage) -> StudyDatabase | None:
    """The database behind Optuna's cache; None where it is not one of ours."""
    backend = getattr(storage, "_backend", None)
    return backend if isinstance(backend, StudyDatabase) else None
