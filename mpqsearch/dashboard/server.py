# SPDX-License-Identifier: Apache-2.0
"""Serves the dashboard from this process, until it is interrupted."""

import logging
import socket
import sys
import warnings
from collections.abc import Callable
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer
from wsgiref.types import WSGIApplication

import optuna_dashboard
from optuna.artifacts import FileSystemArtifactStore

from mpqsearch.backend import opening, storage_of
from mpqsearch.dashboard.view import View
from mpqsearch.dashboard.web import Web
from mpqsearch.errors import StudyError
from mpqsearch.storage_address import LAST_PORT

logger = logging.getLogger(__name__)

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (asked for by --host)
"""Addresses that stand for all of a machine's, and how the machine itself reaches them."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True  # a request that waits for a storage does not keep the command

    def handle_error(self, request: object, client_address: object) -> None:
        """Browsers that leave in the middle of an answer are no news."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            logger.warning(
                "a request of %s was not answered: %s (%s)", client_address, error, request
            )


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing of single requests."""


def check_place(host: str, port: int) -> None:
    """Raises StudyError for a place where nothing can be served."""
    if not 0 <= port <= LAST_PORT:
        raise StudyError(
            f"--port must be in 1..{LAST_PORT}, or 0 for any that is free, but is {port}"
        )
    if not host.strip():
        raise StudyError("--host must be an address of this machine, as 127.0.0.1, but is empty")


def serve(view: View, host: str, port: int, started: Callable[[str], None]) -> None:
    """Serves a study until KeyboardInterrupt.

    Args:
        view: The study.
        host: Address or name of this machine to listen at.
        port: Port, or 0 for any that is free.
        started: Told the page's address once it can be opened.

    Raises:
        StudyError: where the port cannot be had.
        RunFolderError: where the storage cannot be read.
    """
    folder = view.opened.folder
    with opening(folder):
        storage = storage_of(folder)
        study_id = storage.get_study_id_from_name(view.opened.study.study_name)
    # It shows artifacts only where it has a store; ours are served in front of it.
    store = FileSystemArtifactStore(folder.path / "export")
    dashboard = optuna_dashboard.wsgi(storage, artifact_store=store)
    with _bound(Web(dashboard, view, study_id), host, port) as server:
        # Of Optuna's evaluators, which optuna-dashboard chooses. It silences them itself, but
        # Python has one list of filters for all threads; so this comes before there are any, and
        # stays, for a request may still be computed while the command ends.
        warnings.simplefilter("ignore")
        view.start_drawing()
        shown = EVERYWHERE.get(host, host)
        shown = f"[{shown}]" if ":" in shown else shown
        started(f"http://{shown}:{server.server_port}/dashboard/studies/{study_id}")
        try:
            server.serve_forever()
        finally:
            view.stop()


def _bound(web: WSGIApplication, host: str, port: int) -> _Server:
    kind = _Server6 if ":" in host else _Server
    try:
        server = kind((host, port), _Quiet)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StudyError(
            f"the dashboard cannot listen at {host}, port {port}: {reason}; choose another --port"
            " (0 takes any that is free), or an address of this machine as --host"
        ) from None
    server.set_app(web)
    return server
