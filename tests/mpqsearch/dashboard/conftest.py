# SPDX-License-Identifier: Apache-2.0
"""The dashboard in a process of its own, and what it answers."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

# The report's: a browser, and a study that has run.
from tests.mpqsearch.report.conftest import chromium, runs, tiny_run  # noqa: F401


@dataclass(frozen=True)
class Served:
    """A dashboard that answers.

    Attributes:
        page: The study's page.
        process: Its process.
    """

    page: str
    process: "subprocess.Popen[str]"

    @property
    def study_id(self) -> str:
        return self.page.rpartition("/")[2]

    def ask(self, path: str, method: str = "GET", body: object = None) -> tuple[int, bytes]:
        """Status and body of an answer."""
        root = self.page.partition("/dashboard")[0]
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{root}{path}", data=data, method=method)  # noqa: S310
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def study(self) -> dict[str, Any]:
        """What the page is made from."""
        status, body = self.ask(f"/api/studies/{self.study_id}")
        assert status == 200, body
        found: dict[str, Any] = json.loads(body)
        return found


Serve = Callable[..., AbstractContextManager[Served]]


@contextmanager
def served(folder: Path, study: str, *, says: str = "") -> Iterator[Served]:
    """Serves a run until the block ends, by Ctrl-C, which is how it is meant to end.

    Args:
        folder: The runs folder.
        study: The run.
        says: What stands in its standard error; empty: nothing does.
    """
    command = [sys.executable, "-m", "mpqsearch", "dashboard", "--study", study, "--port", "0"]
    process = subprocess.Popen(
        [*command, "--runs", str(folder)],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    try:
        assert line.endswith(" (Ctrl-C ends it)\n"), (line, process.poll())
        yield Served(line.split()[0], process)
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    assert says in err
    assert says or not err, err


@pytest.fixture
def serve() -> Serve:
    return served
