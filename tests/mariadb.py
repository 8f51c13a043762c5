# SPDX-License-Identifier: Apache-2.0
"""A real MariaDB server on loopback, for the tests of what MySQL is to do."""

import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

from tests.postgresql import free_port

OWNER = "mysql"
"""Who runs the server where the tests run as root, which MariaDB refuses."""
USER, PASSWORD = "searcher", "secret"
START_SECONDS = 60


def installed() -> bool:
    """Whether the server and its programs are here."""
    return all(map(shutil.which, ("mariadbd", "mariadb", "mariadb-install-db")))


class Server:
    """A server with an empty data folder of its own.

    Attributes:
        port: On 127.0.0.1.
    """

    def __init__(self, folder: Path) -> None:
        self._data = folder / "data"
        self._log = folder / "log"
        self._socket = folder / "socket"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self._owner = [f"--user={OWNER}"] if os.geteuid() == 0 else []
        if self._owner:
            owner = pwd.getpwnam(OWNER)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        made = subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                *self._owner,
                f"--datadir={self._data}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert made.returncode == 0, made.stdout

    def _said(self, statement: str) -> "subprocess.CompletedProcess[str]":
        """What comes of a statement of the administrator's."""
        return subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={self._socket}", "--user=root"],
            input=statement,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def start(self) -> None:
        """Starts it and waits until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    shutil.which("mariadbd") or "mariadbd",
                    "--no-defaults",
                    *self._owner,
                    f"--datadir={self._data}",
                    f"--socket={self._socket}",
                    f"--port={self.port}",
                    "--bind-address=127.0.0.1",
                    "--skip-name-resolve",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        grant = f"GRANT ALL ON *.* TO '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'"
        until = time.monotonic() + START_SECONDS
        while (answer := self._said(grant)).returncode:
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, answer.stdout
            time.sleep(0.05)

    def stop(self) -> None:
        """Stops it at once, cutting every connection."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def database(self, name: str) -> str:
        """The URL of a new, empty database."""
        answer = self._said(f"CREATE DATABASE {name}")
        assert answer.returncode == 0, answer.stdout
        return f"mysql+pymysql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}"
