# SPDX-License-Identifier: Apache-2.0
"""The rows of Optuna's tables that make a trial, written and read a few statements for many."""

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import CursorResult, insert, select, update
from sqlalchemy.orm import Session

READ_AT_ONCE = 1000
"""Trials read by one statement of each kind; databases bound the parameters of one."""


def turned(session: Session, trial_id: int, before: TrialState, after: TrialState) -> bool:
    """Changes a trial's state from one to another; False where it has another one.

    One statement, so that of two processes one alone does it, also where rows cannot be locked.
    """
    trial = models.TrialModel
    clock = "_datetime_start_utc" if after is TrialState.RUNNING else "_datetime_complete_utc"
    now = datetime.now(UTC).replace(tzinfo=None)
    change = update(trial).where(trial.trial_id == trial_id, trial.state == before)
    done = session.execute(change.values({"state": after, getattr(trial, clock): now}))
    assert isinstance(done, CursorResult)  # noqa: S101  (an update's, for the type checker)
    return done.rowcount == 1


def add_trial(session: Session, trial_id: int, trial: FrozenTrial) -> None:
    """Writes all that belongs to a trial, and is not there yet, beside its own row."""
    rows = [
        {
            "trial_id": trial_id,
            "param_name": name,
            "param_value": trial.distributions[name].to_internal_repr(value),
            "distribution_json": distribution_to_json(trial.distributions[name]),
        }
        for name, value in trial.params.items()
    ]
    _insert(session, models.TrialParamModel, rows)
    add_values(session, trial_id, trial.values)
    _insert(session, models.TrialUserAttributeModel, _attributes(trial_id, trial.user_attrs))
    _insert(session, models.TrialSystemAttributeModel, _attributes(trial_id, trial.system_attrs))


def add_values(session: Session, trial_id: int, values: Sequence[float] | None) -> None:
    """Writes the objectives' values, which a trial has not yet; infinite ones as Optuna does."""
    rows = []
    for objective, value in enumerate(values or ()):
        stored, kind = models.TrialValueModel.value_to_stored_repr(value)
        rows.append(
            {"trial_id": trial_id, "objective": objective, "value": stored, "value_type": kind}
        )
    _insert(session, models.TrialValueModel, rows)


def _insert(session: Session, kind: Any, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        session.execute(insert(kind), rows)


def _attributes(trial_id: int, attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"trial_id": trial_id, "key": key, "value_json": json.dumps(value)}
        for key, value in attributes.items()
    ]


def add_attributes(session: Session, trial_id: int, attributes: Mapping[str, Any]) -> None:
    """Writes user attributes of a trial; those that it has already, anew."""
    if not attributes:
        return
    kind = models.TrialUserAttributeModel
    query = select(kind.key).where(kind.trial_id == trial_id, kind.key.in_(list(attributes)))
    there = set(session.execute(query).scalars())
    rows = _attributes(trial_id, attributes)
    for row in rows:
        if row["key"] in there:
            same = update(kind).where(kind.trial_id == trial_id, kind.key == row["key"])
            session.execute(same.values(value_json=row["value_json"]))
    _insert(session, kind, [row for row in rows if row["key"] not in there])


def read_trials(session: Session, trial_ids: Sequence[int]) -> Iterator[FrozenTrial]:
    """Trials as Optuna has them.

    A trial's state is read before what belongs to it: who ends a trial writes all at once.
    """
    for start in range(0, len(trial_ids), READ_AT_ONCE):
        chosen = trial_ids[start : start + READ_AT_ONCE]
        own = select(models.TrialModel).where(models.TrialModel.trial_id.in_(chosen))
        trials = session.execute(own).scalars().all()
        parts = [_parts(session, kind, columns, chosen) for kind, *columns in _COLUMNS]
        for one in trials:
            yield _frozen(one, *(part.get(int(one.trial_id), []) for part in parts))


_COLUMNS: tuple[tuple[Any, ...], ...] = (
    (
        models.TrialParamModel,
        models.TrialParamModel.param_id,
        models.TrialParamModel.param_name,
        models.TrialParamModel.param_value,
        models.TrialParamModel.distribution_json,
    ),
    (
        models.TrialValueModel,
        models.TrialValueModel.objective,
        models.TrialValueModel.value,
        models.TrialValueModel.value_type,
    ),
    (
        models.TrialUserAttributeModel,
        models.TrialUserAttributeModel.trial_user_attribute_id,
        models.TrialUserAttributeModel.key,
        models.TrialUserAttributeModel.value_json,
    ),
    (
        models.TrialSystemAttributeModel,
        models.TrialSystemAttributeModel.trial_system_attribute_id,
        models.TrialSystemAttributeModel.key,
        models.TrialSystemAttributeModel.value_json,
    ),
    (
        models.TrialIntermediateValueModel,
        models.TrialIntermediateValueModel.step,
        models.TrialIntermediateValueModel.intermediate_value,
        models.TrialIntermediateValueModel.intermediate_value_type,
    ),
)
"""Each kind of row that belongs to a trial: its table, what orders it, and what is read."""


def _parts(
    session: Session, kind: Any, columns: Sequence[Any], trial_ids: Sequence[int]
) -> dict[int, list[Sequence[Any]]]:
    """Rows of a kind by their trial, in order."""
    query = select(kind.trial_id, *columns).where(kind.trial_id.in_(trial_ids))
    found: dict[int, list[Sequence[Any]]] = {}
    for trial_id, *row in session.execute(query.order_by(columns[0])):
        found.setdefault(trial_id, []).append(row)
    return found


def _frozen(trial: Any, *parts: Sequence[Sequence[Any]]) -> FrozenTrial:
    """A trial from its own row and the rows of each kind that belong to it."""
    parameters, values, user, system, between = parts
    distributions = {name: _distribution(text) for _, name, _, text in parameters}
    value_of = models.TrialValueModel.stored_repr_to_value
    step_of = models.TrialIntermediateValueModel.stored_repr_to_intermediate_value
    return FrozenTrial(
        number=trial.number,
        state=trial.state,
        value=None,
        values=[value_of(*stored) for _, *stored in values] or None,
        datetime_start=trial.datetime_start,
        datetime_complete=trial.datetime_complete,
        params={
            name: distributions[name].to_external_repr(stored) for _, name, stored, _ in parameters
        },
        distributions=distributions,
        user_attrs={key: json.loads(text) for _, key, text in user},
        system_attrs={key: json.loads(text) for _, key, text in system},
        intermediate_values={step: step_of(*stored) for step, *stored in between},
        trial_id=trial.trial_id,
    )


@functools.lru_cache(maxsize=1024)
def _distribution(text: str) -> BaseDistribution:
    """A distribution from its JSON; the trials of a study have few different ones."""
    return json_to_distribution(text)
