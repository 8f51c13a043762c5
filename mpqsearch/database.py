# SPDX-License-Identifier: Apache-2.0
"""Optuna's database storage in fewer statements: a trial is made, taken and ended in one each."""

from collections.abc import Container, Iterable, Mapping, Sequence, Set
from typing import Any

from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mpqsearch.trial_rows import (
    add_attributes,
    add_trial,
    add_values,
    read_trials,
    turned,
)
from mpqsearch.trials import WORKER


class StudyDatabase(RDBStorage):
    """Optuna's tables, read and written with a tenth of the statements.

    Optuna's own storage reads every trial that is not finished anew, with all that belongs to it,
    whenever trials are asked for, and writes each parameter, attribute and value in statements of
    its own, most in transactions of their own. This one reads which trials have changed, and those
    alone, and offers what a search does to a trial as one transaction. Whatever else there is,
    Optuna does, and its own programs work on the same database beside it.

    Not checked: that a new trial's distributions are those of earlier ones; a study's fingerprint
    says so.
    """

    def __init__(self, url: str, engine_kwargs: dict[str, Any] | None = None) -> None:
        """Opens a database.

        Args:
            url: SQLAlchemy's.
            engine_kwargs: SQLAlchemy's.
        """
        super().__init__(url, engine_kwargs=engine_kwargs)
        self._unfinished: dict[int, FrozenTrial] = {}

    def take_trial(self, trial_id: int, claim: FrozenTrial) -> bool:
        """Takes a trial from the queue; False where another worker was faster.

        Args:
            trial_id: The trial, as the database numbers it.
            claim: What else it has from then on: parameters and attributes.
        """
        with _create_scoped_session(self.scoped_session) as session:
            if not turned(session, trial_id, TrialState.WAITING, TrialState.RUNNING):
                return False
            add_trial(session, trial_id, claim)
        return True

    def finish_trial(
        self,
        trial_id: int,
        state: TrialState,
        values: Sequence[float] | None,
        user_attrs: Mapping[str, Any],
    ) -> None:
        """Ends a running trial.

        Raises:
            UpdateFinishedTrialError: where it has ended already.
        """
        with _create_scoped_session(self.scoped_session) as session:
            if not turned(session, trial_id, TrialState.RUNNING, state):
                state_now: Any = models.TrialModel.find_or_raise_by_id(trial_id, session).state
                self.check_trial_is_updatable(trial_id, state_now)
                raise ValueError(f"a trial must be running to be ended but is {state_now.name}")
            add_values(session, trial_id, values)
            add_attributes(session, trial_id, user_attrs)

    def _create_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None = None
    ) -> FrozenTrial:
        made = super()._create_new_trial(study_id, template_trial)
        self._remember([made])
        return made

    def _get_prepared_new_trial(
        self, study_id: int, template_trial: FrozenTrial | None, session: Session
    ) -> models.TrialModel:
        """The row of a new trial; Optuna has locked its study's until this is committed."""
        if template_trial is None or template_trial.intermediate_values:
            return super()._get_prepared_new_trial(study_id, template_trial, session)
        trial = models.TrialModel(
            study_id=study_id,
            state=template_trial.state,
            datetime_start=template_trial.datetime_start,
            datetime_complete=template_trial.datetime_complete,
        )
        session.add(trial)
        session.flush()  # it gets its id
        trial_id: Any = trial.trial_id
        add_trial(session, trial_id, template_trial)
        found = models.TrialModel
        last = (
            select(found.number)
            .where(found.study_id == study_id, found.trial_id < trial_id)
            .order_by(found.trial_id.desc())
            .limit(1)
        )
        before = session.execute(last).scalar()
        trial.number = 0 if before is None else before + 1
        return trial

    def _get_trials(
        self,
        study_id: int,
        states: Container[TrialState] | None,
        included_trial_ids: Set[int],
        trial_id_greater_than: int,
    ) -> list[FrozenTrial]:
        """Trials of some ids and those above one; what cannot have changed is not read again."""
        found = models.TrialModel
        below = [one for one in included_trial_ids if one <= trial_id_greater_than]
        with _create_scoped_session(self.scoped_session) as session:
            wanted = or_(found.trial_id > trial_id_greater_than, found.trial_id.in_(below))
            query = select(found.trial_id, found.state).where(found.study_id == study_id, wanted)
            rows = session.execute(query.order_by(found.trial_id)).all()
            if not rows:  # there may be no such study
                models.StudyModel.find_or_raise_by_id(study_id, session)
            trials = {one: self._known(one, state) for one, state in rows}
            changed = [one for one, trial in trials.items() if trial is None]
            read = {one._trial_id: one for one in read_trials(session, changed)}
        self._remember(read.values())
        whole = [trial for trial in (trials | read).values() if trial is not None]
        return [trial for trial in whole if states is None or trial.state in states]

    def _known(self, trial_id: int, state: TrialState) -> FrozenTrial | None:
        """A trial as it was read before, where it is in that state still.

        Other threads may forget it at any moment, so it is taken and looked at once.
        """
        known = self._unfinished.get(trial_id)
        return known if known is not None and known.state is state else None

    def _remember(self, trials: Iterable[FrozenTrial]) -> None:
        """Keeps those that do not change before their state does.

        Those are waiting in the queue, or a worker of ours has them with all their parameters.
        """
        for trial in trials:
            ours = WORKER in trial.user_attrs and trial.params
            if trial.state is TrialState.WAITING or (trial.state is TrialState.RUNNING and ours):
                self._unfinished[trial._trial_id] = trial
            else:
                self._unfinished.pop(trial._trial_id, None)
