# SPDX-License-Identifier: Apache-2.0
"""The study's database does all that Optuna's storage does, and what a search needs at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
import sqlalchemy
from optuna.distributions import CategoricalDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.study import StudyDirection
from optuna.testing.pytest_storages import StorageTestCase
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.orm import Session

from mpqsearch.database import StudyDatabase
from mpqsearch.trial_rows import READ_AT_ONCE, read_trials
from mpqsearch.trials import WORKER

VALUES = (0.5, float("inf"), float("-inf"))


def claim(state: TrialState = TrialState.RUNNING) -> FrozenTrial:
    return create_trial(
        state=state,
        params={"bits": 2},
        distributions={"bits": CategoricalDistribution((8, 4, 2))},
        user_attrs={WORKER: "here:1:2"},
        constraints={"fits": 0.25},
    )


class TestOfOptuna(StorageTestCase):
    """Optuna's own tests of a storage, alone and behind its cache."""

    @pytest.fixture(params=[False, True])
    def storage(self, tmp_path: Path, request: pytest.FixtureRequest) -> BaseStorage:
        database = StudyDatabase(f"sqlite:///{tmp_path / 'study.db'}")
        return _CachedStorage(database) if request.param else database


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'study.db'}"


@pytest.fixture
def database(url: str) -> StudyDatabase:
    found = StudyDatabase(url)
    found.create_new_study([StudyDirection.MINIMIZE] * 3, "study")
    return found


@contextmanager
def counted(database: StudyDatabase) -> Iterator[list[str]]:
    """The statements that are executed meanwhile, and "commit" for what was written."""
    found: list[str] = []

    def note(*event: object) -> None:
        found.append(str(event[2]))

    sqlalchemy.event.listen(database.engine, "before_cursor_execute", note)
    yield found
    sqlalchemy.event.remove(database.engine, "before_cursor_execute", note)


def test_a_trial_is_read_by_optunas_storage_as_it_was_written(
    database: StudyDatabase, url: str
) -> None:
    """Made whole, ended with infinite values: field by field what Optuna itself reads."""
    trial_id = database.create_new_trial(1, claim())
    database.finish_trial(trial_id, TrialState.COMPLETE, VALUES, {"outcome": "scored"})
    waiting = database.create_new_trial(1, create_trial(state=TrialState.WAITING))
    assert database.take_trial(waiting, claim())
    mine = database.get_all_trials(1)
    assert mine == RDBStorage(url).get_all_trials(1)
    ended, taken = mine
    assert ended.values == list(VALUES)
    assert ended.user_attrs == {WORKER: "here:1:2", "outcome": "scored"}
    assert (ended.number, taken.number) == (0, 1)
    assert taken.state is TrialState.RUNNING
    assert taken.datetime_start is not None
    assert taken.params == {"bits": 2}
    assert taken.constraints == {"fits": 0.25}


def test_a_trial_is_taken_once(database: StudyDatabase, url: str) -> None:
    """Who comes second gets nothing and writes nothing, whichever process he is."""
    trial_id = database.create_new_trial(1, create_trial(state=TrialState.WAITING))
    assert database.take_trial(trial_id, claim())
    other = create_trial(state=TrialState.RUNNING, user_attrs={WORKER: "there:1:2"})
    assert not StudyDatabase(url).take_trial(trial_id, other)
    assert database.get_trial(trial_id).user_attrs == {WORKER: "here:1:2"}


def test_a_trial_ends_once(database: StudyDatabase, url: str) -> None:
    """The second end is refused, and nothing of it is kept."""
    trial_id = database.create_new_trial(1, claim())
    StudyDatabase(url).finish_trial(trial_id, TrialState.FAIL, None, {"outcome": "failed"})
    with pytest.raises(UpdateFinishedTrialError):
        database.finish_trial(trial_id, TrialState.COMPLETE, VALUES, {"outcome": "scored"})
    found = database.get_trial(trial_id)
    assert (found.state, found.values) == (TrialState.FAIL, None)
    assert found.user_attrs["outcome"] == "failed"


def test_what_waits_cannot_be_ended(database: StudyDatabase) -> None:
    """A trial of the queue is taken first."""
    trial_id = database.create_new_trial(1, create_trial(state=TrialState.WAITING))
    with pytest.raises(ValueError, match="must be running to be ended but is WAITING"):
        database.finish_trial(trial_id, TrialState.FAIL, None, {})


def test_attributes_that_are_there_are_written_anew(database: StudyDatabase) -> None:
    """A worker that died after the first of Optuna's own calls has left some."""
    trial_id = database.create_new_trial(1, claim())
    database.set_trial_user_attr(trial_id, "outcome", "lost")
    database.finish_trial(trial_id, TrialState.PRUNED, None, {"outcome": "pruned", "more": [1]})
    attributes = database.get_trial(trial_id).user_attrs
    assert (attributes["outcome"], attributes["more"]) == ("pruned", [1])


def test_running_trials_are_read_once(database: StudyDatabase, url: str) -> None:
    """A look at a study where nothing happened takes one statement, however many run."""
    for _ in range(30):
        StudyDatabase(url).create_new_trial(1, claim())
    study = optuna.load_study(study_name="study", storage=database)
    assert len(study.get_trials(deepcopy=False)) == 30
    with counted(database) as statements:
        again = study.get_trials(deepcopy=False)
    assert len(statements) == 1
    StudyDatabase(url).finish_trial(again[7]._trial_id, TrialState.COMPLETE, VALUES, {})
    states = [one.state for one in study.get_trials(deepcopy=False)]
    assert states.index(TrialState.COMPLETE) == 7
    assert states.count(TrialState.RUNNING) == 29


def test_a_trial_that_another_thread_ends_during_a_reading(
    database: StudyDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who shares the database forgets an ended trial while others still read: they have it."""
    trial_id = database.create_new_trial(1, claim())
    other = database.create_new_trial(1, create_trial(state=TrialState.WAITING))

    def ended_meanwhile(session: Session, trial_ids: list[int]) -> Iterator[FrozenTrial]:
        monkeypatch.undo()
        database._unfinished.clear()
        yield from read_trials(session, trial_ids)

    database._unfinished.pop(other)
    monkeypatch.setattr("mpqsearch.database.read_trials", ended_meanwhile)
    assert [one._trial_id for one in database.get_all_trials(1)] == [trial_id, other]


def test_a_trial_without_a_worker_is_read_anew(database: StudyDatabase, url: str) -> None:
    """Whoever has begun it may still write to it."""
    trial_id = database.create_new_trial(1)
    study = optuna.load_study(study_name="study", storage=database)
    assert study.get_trials(deepcopy=False)[0].user_attrs == {}
    RDBStorage(url).set_trial_user_attr(trial_id, "late", 1)
    assert study.get_trials(deepcopy=False)[0].user_attrs == {"late": 1}


def test_more_trials_than_one_statement_reads(database: StudyDatabase) -> None:
    """All of them, in order, when a study is opened."""
    study = optuna.load_study(study_name="study", storage=database)
    count = READ_AT_ONCE + 5
    done = create_trial(
        state=TrialState.COMPLETE,
        values=[1.0, 2.0, 3.0],
        params={"bits": 4},
        distributions={"bits": CategoricalDistribution((8, 4, 2))},
    )
    study.add_trials([done] * count)
    other = optuna.load_study(study_name="study", storage=StudyDatabase(database.url))
    found = other.get_trials(deepcopy=False)
    assert [one.number for one in found] == list(range(count))
    assert {one.params["bits"] for one in found} == {4}
