# SPDX-License-Identifier: Apache-2.0
"""Between optuna-dashboard and a browser: answers completed, files served, nothing changed."""

import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from mpqsearch.dashboard.answers import complete
from mpqsearch.dashboard.attachments import Attachment, attachments
from mpqsearch.dashboard.view import View

logger = logging.getLogger(__name__)

READS = ("GET", "HEAD", "OPTIONS")
BUSY_SHARE = 0.2
"""Of a processor, at most, for the study again and again: optuna-dashboard compares every two
trials for its list of the best, which takes it seconds where they are thousands.
"""
REFUSED = "mpqsearch dashboard shows a study, and changes nothing of it but notes"

_STUDY = re.compile(r"/api/studies/(\d+)")
_FILE = re.compile(r"/artifacts/(\d+)/(?:\d+/)?([0-9a-fA-F-]+)")


class Web:
    """optuna-dashboard as a web application, about one study in particular.

    Attributes:
        dashboard: optuna-dashboard's own application.
        view: The study.
        study_id: The study's number in its storage.
    """

    def __init__(self, dashboard: WSGIApplication, view: View, study_id: int) -> None:
        self.dashboard = dashboard
        self.view = view
        self.study_id = study_id
        self._asking = threading.Lock()
        self._asked_again = 0.0
        self._kept: tuple[str, dict[str, Any]] = ("", {})

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request, as WSGI has it."""
        path = str(environ.get("PATH_INFO", "")).rstrip("/")
        method = str(environ["REQUEST_METHOD"])
        if method not in READS and not (method == "PUT" and path.endswith("/note")):
            return _answer(start_response, "403 Forbidden", {"reason": REFUSED})
        if method == "GET":
            asked = _STUDY.fullmatch(path)
            if asked and int(asked[1]) == self.study_id:
                return self._study(environ, start_response)
            asked = _FILE.fullmatch(path)
            if asked and int(asked[1]) == self.study_id:
                found = self._file(asked[2], start_response)
                if found is not None:
                    return found
        elif method == "PUT":
            folder = self.view.opened.folder
            if not folder.shared and not os.access(folder.storage_path, os.W_OK):
                reason = f"storage {folder.storage_text} is read-only, so it keeps no note"
                return _answer(start_response, "403 Forbidden", {"reason": reason})
            self._asked_again = 0.0  # whoever writes a note sees it
        return self.dashboard(environ, start_response)

    def _files(self) -> list[Attachment]:
        return attachments(self.view.opened.folder.path / "export", self.view.page)

    def _study(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The study, from the first trial that the page does not have yet."""
        after = parse_qs(str(environ.get("QUERY_STRING", ""))).get("after", ["0"])[0]
        with self._asking:
            if time.monotonic() >= self._asked_again:
                begun = time.monotonic()
                self._kept = self._whole({**environ, "QUERY_STRING": ""})
                took = time.monotonic() - begun
                self._asked_again = begun + took / BUSY_SHARE
            status, answer = self._kept
        if "trials" in answer and after.isdecimal():
            answer = {**answer, "trials": answer["trials"][int(after) :]}
        return _answer(start_response, status, answer)

    def _whole(self, environ: WSGIEnvironment) -> tuple[str, dict[str, Any]]:
        """The status and the study with all of its trials, and what we know of it."""
        status, body = _asked(self.dashboard, environ)
        answer: dict[str, Any] = json.loads(body)
        if status.startswith("200"):
            try:
                complete(answer, self.view, self._files())
            except Exception as error:  # records of another version: shown as they are
                logger.warning("the study is shown without notes: %s", error)
        return status, answer

    def _file(self, wanted: str, start_response: StartResponse) -> Iterable[bytes] | None:
        """One of our files; None where it is none of ours."""
        for file in self._files():
            if file.id != wanted.lower():
                continue
            try:
                content = file.content()
            except OSError as error:
                reason = f"{file.name} cannot be read: {error.strerror or error}"
                return _answer(start_response, "404 Not Found", {"reason": reason})
            headers = [("Content-Type", file.mimetype), ("Content-Length", str(len(content)))]
            if not file.mimetype.startswith("text/"):
                headers.append(("Content-Disposition", f'attachment; filename="{file.name}"'))
            start_response("200 OK", headers)
            return [content]
        return None


def _asked(application: WSGIApplication, environ: WSGIEnvironment) -> tuple[str, bytes]:
    """The status and the whole body of an application's answer."""
    given: list[str] = []

    def start_response(status: str, *_: object) -> Callable[[bytes], object]:
        given.append(status)
        return lambda _: None

    parts = application(environ, start_response)
    try:
        body = b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
    return given[-1], body


def _answer(start_response: StartResponse, status: str, answer: dict[str, Any]) -> list[bytes]:
    body = json.dumps(answer).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start_response(status, headers)
    return [body]
