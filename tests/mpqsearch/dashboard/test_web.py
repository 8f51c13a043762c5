# SPDX-License-Identifier: Apache-2.0
"""What stands between optuna-dashboard and a browser."""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from mpqsearch.dashboard.view import View
from mpqsearch.dashboard.web import Web
from mpqsearch.opened_study import OpenedStudy


class Slow:
    """A dashboard of three trials that takes its time, and counts how often it is asked."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.asked: list[str] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.asked.append(f"{environ['REQUEST_METHOD']} {environ.get('QUERY_STRING')}")
        time.sleep(self.seconds)
        start_response("200 OK", [])
        return [json.dumps({"trials": [1, 2, 3]}).encode()]


def asked(web: Web, path: str, method: str = "GET", query: str = "") -> tuple[str, str]:
    """Status and body of an answer."""
    given: list[str] = []

    def start_response(status: str, *_: object) -> None:
        given.append(status)

    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
    body = b"".join(web(environ, start_response))  # type: ignore[arg-type]
    return given[0], body.decode()


@pytest.fixture
def view(runs: Path) -> View:
    return View(OpenedStudy(runs, "tiny"))


def test_an_answer_that_took_long_is_given_again(view: View) -> None:
    """Whole or from a trial on; a note that is written makes it anew."""
    slow = Slow(0.5)
    web = Web(slow, view, 1)
    for query, trials in (("", [1, 2, 3]), ("after=2", [3]), ("after=9", []), ("after=x", None)):
        status, body = asked(web, "/api/studies/1", query=query)
        assert status == "200 OK"
        assert json.loads(body)["trials"] == ([1, 2, 3] if trials is None else trials)
    assert slow.asked == ["GET "]
    asked(web, "/api/studies/1/note", "PUT")
    asked(web, "/api/studies/1")
    assert slow.asked == ["GET ", "PUT ", "GET "]


def test_other_studies_are_left_alone(view: View) -> None:
    """They may be in the same database, and are none of ours."""
    slow = Slow(0)
    for query in ("", "after=2"):
        assert (
            asked(Web(slow, view, 1), "/api/studies/2", query=query)[1] == '{"trials": [1, 2, 3]}'
        )
    assert slow.asked == ["GET ", "GET after=2"]


def test_a_storage_that_is_read_only_keeps_no_note(
    view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes one is told; optuna-dashboard is not even asked."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    slow = Slow(0)
    status, body = asked(Web(slow, view, 1), "/api/studies/1/2/note", "PUT")
    assert status == "403 Forbidden"
    assert "study.db is read-only" in body
    assert slow.asked == []
