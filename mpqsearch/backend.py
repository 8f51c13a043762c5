# SPDX-License-Identifier: Apache-2.0
"""The database behind a run: its own file or a server, and its errors in one line."""

import contextlib
import sqlite3
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy.exc
from optuna.storages._rdb import models

from mpqsearch.database import StudyDatabase
from mpqsearch.environment import STORAGE_VARIABLE
from mpqsearch.errors import RunFolderError, StudyError
from mpqsearch.patience import is_away, patient
from mpqsearch.run_folder import RunFolder

LOCK_SECONDS = 60
"""How long a worker waits for others to write before the storage counts as locked for good."""
READY_SECONDS = 10
"""How long a storage proxy is waited for at the start."""
MAKING_TABLES = (0.2, 1.0, 3.0)
"""Seconds after which a database is opened again whose tables another run is just making."""
MADE_MEANWHILE = ("already exists", "eadlock")
"""What databases say where another process makes the tables: operational errors, as a lost server
is."""
TABLES = frozenset(models.BaseModel.metadata.tables) | {"alembic_version"}
"""Optuna's own."""


@contextlib.contextmanager
def storage_errors(folder: RunFolder) -> Iterator[None]:
    """Turns a database's own errors into one line about the storage.

    Raises:
        RunFolderError: for whatever the database could not do.
    """
    try:
        yield
    except (sqlalchemy.exc.SQLAlchemyError, sqlite3.Error) as error:
        raise RunFolderError(_reason(folder, error)) from error
    except optuna.exceptions.StorageInternalError as error:
        raise RunFolderError(_reason(folder, error.__cause__ or error)) from error
    except Exception as error:
        if not is_away(error):
            raise
        raise RunFolderError(_reason(folder, error)) from error


@contextlib.contextmanager
def opening(folder: RunFolder) -> Iterator[None]:
    """`storage_errors` where Optuna also looks at the version that made its tables."""
    with storage_errors(folder):
        try:
            yield
        except RuntimeError as error:
            shown = folder.storage_text if folder.shared else folder.storage_url
            said = str(error).replace("$STORAGE_URL", shown)
            raise RunFolderError(
                f"storage {folder.storage_text} is of another Optuna: {said}"
            ) from error


def storage_of(folder: RunFolder) -> optuna.storages.BaseStorage:
    """The run's storage: its own file, where writers wait for each other, or a server.

    Raises:
        StudyError: where a Python package for the server is missing.
        RunFolderError: where a proxy does not answer.
    """
    address = folder.address
    if address is None:
        return _database(folder.storage_url, {"connect_args": {"timeout": LOCK_SECONDS}})
    storage: optuna.storages.BaseStorage
    try:
        if address.is_proxy:
            host, port = str(address.url.host), int(address.url.port or 0)
            with warnings.catch_warnings():  # it is experimental, which its users cannot change
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                storage = optuna.storages.GrpcStorageProxy(host=host, port=port)
            storage.wait_server_ready(timeout=READY_SECONDS)
        else:
            # a connection that was lost is found when it is used, and `patient` makes another
            storage = _database(folder.storage_url, {"pool_pre_ping": False})
    except ImportError as error:
        kind = address.extra
        raise StudyError(
            f"storage {address} needs a Python package that is missing: {error}".splitlines()[0]
            + f"; pip install 'mpqsearch[{kind}]' has it"
        ) from error
    except ConnectionError:
        silence = ConnectionError(f"it gave no answer within {READY_SECONDS} s")
        raise RunFolderError(_reason(folder, silence)) from None
    return patient(storage)


def _database(url: str, settings: dict[str, Any]) -> StudyDatabase:
    """A database's storage; of several that make its tables at once, all but one try again."""
    for wait in MAKING_TABLES:
        try:
            return StudyDatabase(url, settings)
        except (sqlalchemy.exc.IntegrityError, sqlalchemy.exc.ProgrammingError):
            pass
        except sqlalchemy.exc.OperationalError as error:
            if not any(words in str(error.orig) for words in MADE_MEANWHILE):
                raise
        time.sleep(wait)
    return StudyDatabase(url, settings)


def check_owner(path: Path) -> bool:
    """Whether a file holds Optuna's tables; False where there is nothing in it, or no file.

    Optuna adds its tables to whatever database it opens, so this looks first. The file is opened
    for writing, since a crash may have left a journal that SQLite must roll back to read it.

    Raises:
        RunFolderError: where another program made it.
    """
    if not path.is_file() or not path.stat().st_size:
        return False
    uri = f"{path.absolute().as_uri()}?mode=rw"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
        rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = {str(name) for (name,) in rows}
    # a few of Optuna's tables alone: another process is just making them
    if not (tables <= TABLES or tables >= {"studies", "trials", "version_info"}):
        raise RunFolderError(
            f"storage {path} is a database of another program, with tables"
            f" {', '.join(sorted(tables)[:3])}; choose another --runs or --name"
        )
    return bool(tables)


def _reason(folder: RunFolder, error: BaseException) -> str:
    place = folder.storage_text
    original = getattr(error, "orig", None) or error
    text = str(original).splitlines()[0]
    if "disk is full" in text or "disk I/O" in text:
        return f"storage {place} could not be written ({text}); make room and run the same again"
    if "readonly" in text:
        return f"storage {place} is read-only; make it writable or choose another --runs"
    if "locked" in text:
        return f"storage {place} is locked by another program; close it and run the same again"
    if folder.shared:
        return (
            f"storage {place} cannot be used: {text}; see that the server runs, that address and"
            f" password ({STORAGE_VARIABLE}, or the driver's own) are right, and run the same"
            " again: everything finished is kept"
        )
    return (
        f"storage {place} cannot be used: {text}; put back a copy of it, or start anew with another"
        " --name or --runs"
    )
