# SPDX-License-Identifier: Apache-2.0
"""A storage that is waited for while its server cannot be reached."""

import functools
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy.exc
from optuna.storages import BaseStorage

logger = logging.getLogger(__name__)

S = TypeVar("S", bound=BaseStorage)

PATIENCE_SECONDS = 600.0
"""How long a server may be away before the run is given up."""
LONGEST_WAIT_SECONDS = 5.0

_BEHIND_THE_CACHE = (
    "_create_new_trial",
    "_get_trials",
    "_set_trial_param",
    "take_trial",
    "finish_trial",
)
"""Methods of a database's storage that Optuna's own cache, or `claims.py`, calls."""


def patient(storage: S) -> S:
    """Has a storage's methods tried again while its server is away.

    All of them may be tried again: at worst a trial is created that nobody takes, which is found
    and given up, or one is ended twice, which the storage refuses.
    """
    absence = _Absence()
    for name in (*vars(BaseStorage), *_BEHIND_THE_CACHE):
        method = getattr(storage, name, None)
        if callable(method) and not name.startswith("__"):
            setattr(storage, name, _again(method, absence))
    return storage


@dataclass
class _Absence:
    """Since when a storage has not answered, by the monotonic clock; None: it has."""

    since: float | None = None

    def too_long(self) -> bool:
        """Notes that there was no answer; whether that is so for longer than the patience lasts."""
        now = time.monotonic()
        if self.since is None:
            self.since = now
        return now > self.since + PATIENCE_SECONDS


def is_away(error: BaseException) -> bool:
    """Whether an error says that the storage's server cannot be reached now."""
    for one in _causes(error):
        if isinstance(one, (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError)):
            return True
        if isinstance(one, sqlalchemy.exc.DBAPIError) and one.connection_invalidated:
            return True
        code = getattr(one, "code", None)  # of gRPC, which need not be installed
        if callable(code) and getattr(code(), "name", "") in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}:
            return True
    return False


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _again(method: Callable[..., Any], absence: _Absence) -> Callable[..., Any]:
    @functools.wraps(method)
    def patiently(*arguments: Any, **named: Any) -> Any:
        wait = 0.1
        while True:
            try:
                answer = method(*arguments, **named)
            except Exception as error:
                if not is_away(error):
                    absence.since = None
                    raise
                if absence.too_long():
                    raise
                # the class alone: a driver's message may quote the address
                logger.warning("the storage is away (%s); trying again", type(error).__name__)
            else:
                absence.since = None
                return answer
            time.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    return patiently
