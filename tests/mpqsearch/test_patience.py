# SPDX-License-Identifier: Apache-2.0
"""A storage whose server is away is asked again; one that refuses is not."""

from collections.abc import Callable

import pytest
import sqlalchemy.exc
from optuna.storages import InMemoryStorage

from mpqsearch import patience
from mpqsearch.patience import patient

AWAY: dict[str, Exception] = {
    "connection lost": sqlalchemy.exc.OperationalError("", None, Exception("gone away")),
    "connection closed": sqlalchemy.exc.InterfaceError("", None, Exception("closed")),
    "found while in use": sqlalchemy.exc.DBAPIError(
        "", None, Exception("terminated"), connection_invalidated=True
    ),
}


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it is waited each time; nobody waits, but the clock goes on."""
    found: list[float] = []
    monkeypatch.setattr(patience.time, "sleep", found.append)
    monkeypatch.setattr(patience.time, "monotonic", lambda: sum(found))
    return found


def storage_that(answer: Callable[[], list[object]]) -> InMemoryStorage:
    storage = InMemoryStorage()
    storage.get_all_studies = answer  # type: ignore[method-assign, assignment]
    return patient(storage)


@pytest.mark.parametrize("how", AWAY)
def test_a_server_that_comes_back_is_asked_again(how: str, waits: list[float]) -> None:
    """A minute later, however it was lost; nobody above hears of it."""

    def answer() -> list[object]:
        if sum(waits) < 60:
            raise AWAY[how]
        return []

    assert storage_that(answer).get_all_studies() == []
    assert 60 <= sum(waits) < 66
    assert max(waits) == patience.LONGEST_WAIT_SECONDS


def test_a_server_that_stays_away_is_given_up(waits: list[float]) -> None:
    """After ten minutes, with its own error."""

    def answer() -> list[object]:
        raise AWAY["connection lost"]

    with pytest.raises(sqlalchemy.exc.OperationalError, match="gone away"):
        storage_that(answer).get_all_studies()
    assert 600 <= sum(waits) < 606


def test_what_a_server_refuses_is_not_asked_again(waits: list[float]) -> None:
    """A value that does not fit its column will not fit in a minute either."""

    def answer() -> list[object]:
        raise sqlalchemy.exc.DataError("", None, Exception("data too long"))

    with pytest.raises(sqlalchemy.exc.DataError):
        storage_that(answer).get_all_studies()
    assert waits == []


def test_who_gave_up_waits_no_more_until_there_was_an_answer(waits: list[float]) -> None:
    """Patience is with the server, not with each call; once it answers, it is whole again."""
    back = [False]

    def answer() -> list[object]:
        if back[0]:
            return []
        raise AWAY["connection lost"]

    storage = storage_that(answer)
    for _ in range(2):
        with pytest.raises(sqlalchemy.exc.OperationalError):
            storage.get_all_studies()
    assert 600 <= sum(waits) < 606
    back[0] = True
    assert storage.get_all_studies() == []
    back[0] = False
    with pytest.raises(sqlalchemy.exc.OperationalError):
        storage.get_all_studies()
    assert 1200 <= sum(waits) < 1212
