# SPDX-License-Identifier: Apache-2.0
"""Database servers that runs share, each started when a test first asks for it."""

import contextlib
import importlib.util
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests import mariadb, postgresql


class Server(Protocol):
    """A server of the tests' own."""

    def start(self) -> None:
        """Starts it and waits until it answers."""

    def stop(self) -> None:
        """Stops it at once, cutting every connection."""

    def database(self, name: str) -> str:
        """The URL of a new, empty database."""


every_server = pytest.mark.parametrize(
    "server",
    [
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("mysql", marks=pytest.mark.mysql),
    ],
    indirect=True,
)
"""Has a test run on each kind of server; without it on PostgreSQL."""


class Servers:
    """The servers of a test session, and their databases, none of which is given twice."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        self._started: dict[str, Server] = {}
        self._numbers = itertools.count(1)

    def of_kind(self, kind: str) -> Server:
        """The server of a kind; skips the test where there can be none."""
        if kind not in self._started:
            self._started[kind] = self._open.enter_context(_running(kind))
        return self._started[kind]

    def new_database(self, server: Server) -> str:
        """The URL of a new, empty database."""
        return server.database(f"t{next(self._numbers)}")

    def close(self) -> None:
        """Stops all of them."""
        self._open.close()


@contextlib.contextmanager
def _running(kind: str) -> Iterator[Server]:
    driver = {"postgresql": "psycopg", "mysql": "pymysql"}[kind]
    if not {"postgresql": postgresql, "mysql": mariadb}[kind].installed():
        pytest.skip({"postgresql": "PostgreSQL", "mysql": "MariaDB"}[kind] + " is not installed")
    if importlib.util.find_spec(driver) is None:
        pytest.skip(f"{driver} is not installed")
    # not in pytest's own folder, which only its owner may enter
    with tempfile.TemporaryDirectory(prefix=kind) as folder:
        Path(folder).chmod(0o755)
        server: Server
        server = {"postgresql": postgresql.Server, "mysql": mariadb.Server}[kind](Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
