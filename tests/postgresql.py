# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL server on loopback, for the tests that need one."""

import contextlib
import os
import pwd
import random
import shutil
import socket
import subprocess
from pathlib import Path

OWNER = "postgres"
"""Who runs the server where the tests run as root, which PostgreSQL refuses."""


def installed() -> Path | None:
    """Folder of PostgreSQL's own programs; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


class Server:
    """A server with an empty cluster in a folder of its own.

    Attributes:
        port: On 127.0.0.1.
    """

    def __init__(self, folder: Path) -> None:
        programs = installed()
        assert programs is not None
        self._programs = programs
        self._data = folder / "data"
        self._log = folder / "log"
        self._sockets = folder
        if os.geteuid() == 0:
            owner = pwd.getpwnam(OWNER)
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        self.port = free_port()
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", OWNER)

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        if os.geteuid() == 0:
            command = ["runuser", "-u", OWNER, "--", *command]
        done = subprocess.run(
            command,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            text=True,
        )
        assert done.returncode == 0, done.stdout

    def start(self) -> None:
        """Starts it and waits until it answers."""
        options = f"-p {self.port} -k {self._sockets} -c listen_addresses=127.0.0.1"
        # engines that tests have let go of keep theirs until they are collected
        options += " -c max_connections=400"
        self._run("pg_ctl", "-D", self._data, "-l", self._log, "-o", options, "-w", "start")

    def stop(self) -> None:
        """Stops it at once, cutting every connection."""
        self._run("pg_ctl", "-D", self._data, "-m", "immediate", "-w", "stop")

    def database(self, name: str) -> str:
        """The URL of a new, empty database."""
        self._run("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", OWNER, name)
        return f"postgresql+psycopg://{OWNER}:secret@127.0.0.1:{self.port}/{name}"


def free_port() -> int:
    """A port below those the system gives to clients, one of whom might take it over a restart."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as tried, contextlib.suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")
