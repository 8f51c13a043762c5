# SPDX-License-Identifier: Apache-2.0
"""Which users' own Python files may run here: asked before one runs, and remembered once allowed.

A file is known by the SHA-256 of its content, so that permission ends where it changes. It is
remembered in the user's own state folder, as `sha256sum` writes it: one line for each file, the
hash, two spaces, and the path.
"""

import logging
import os
from collections.abc import Iterable
from pathlib import Path

import platformdirs
from filelock import FileLock

from mpqsearch.environment import ALLOW_CODE_VARIABLE
from mpqsearch.errors import StudyError

logger = logging.getLogger(__name__)

LOCK_SECONDS = 10
"""How long other processes that remember a file are waited for."""

_allowed_here: set[str] = set()
"""Hashes that were allowed in this process, or in the one that started it."""


def check_allowed(
    file: Path, digest: str, named_by: str, *, allow: bool, kind: str = "Python code"
) -> None:
    """Refuses a file that nobody has allowed to run.

    Args:
        file: The file, as an absolute path.
        digest: SHA-256 of the content that is about to run, in hexadecimal.
        named_by: What names the file, for the message: a study file and its key.
        allow: Whether it is allowed now, and remembered.
        kind: What it is, for the message.

    Raises:
        StudyError: where it is not allowed; the message tells a file that was allowed before and
            has changed from one that never was.
    """
    if allow:
        allow_code(file, digest)
    if digest in _allowed_here or all_allowed():
        return
    known = _remembered()
    if any(digest == allowed for allowed, _ in known):
        return
    changed = any(_written(file) == path for _, path in known)
    state = "has changed since it was allowed to run here" if changed else "was never allowed here"
    raise StudyError(
        f"{named_by}: {file} is {kind} that {state}; read it, then add --allow-code"
        " (allow_code=True from Python)"
    )


def allow_code(file: Path, digest: str) -> None:
    """Allows a file, by the SHA-256 of its content, in this process and in later ones."""
    _allowed_here.add(digest)
    _remember(file, digest)


def all_allowed() -> bool:
    """Whether the environment allows every file."""
    return os.environ.get(ALLOW_CODE_VARIABLE) == "1"


def allowed_here() -> frozenset[str]:
    """Hashes of what was allowed in this process, for those that it starts."""
    return frozenset(_allowed_here)


def allow_here(digests: Iterable[str]) -> None:
    """Allows in this process what the one that started it allows, and remembers nothing."""
    _allowed_here.update(digests)


def _place() -> Path:
    return platformdirs.user_state_path("mpqsearch") / "allowed-code.txt"


def _remembered() -> set[tuple[str, bytes]]:
    """Hashes and paths, as they are written."""
    place = _place()
    try:
        # A relative one would be looked for where a study is, which may bring its own.
        lines = place.read_bytes().split(b"\n") if place.is_absolute() else []
    except OSError:
        return set()
    parts = [line.partition(b"  ") for line in lines]
    return {(digest.decode("ascii", "replace"), path) for digest, _, path in parts if path}


def _written(file: Path) -> bytes:
    """A path in one line: a line feed in it would begin another entry."""
    return os.fsencode(file).replace(b"\\", b"\\\\").replace(b"\n", b"\\n")


def _remember(file: Path, digest: str) -> None:
    """Writes a file down; where that is not possible it is allowed in this process only."""
    place, entry = _place(), (digest, _written(file))
    if entry in _remembered():
        return
    try:
        if not place.is_absolute():
            raise OSError(f"{place} is no absolute path")
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(place.with_suffix(".lock"), timeout=LOCK_SECONDS):
            if entry not in _remembered():
                _append(place, b"%s  %s\n" % (digest.encode(), entry[1]))
    except (OSError, NotImplementedError) as error:  # the second: no locks on this file system
        logger.warning(
            "%s is allowed for this command only: %s could not be written: %s",
            file,
            place,
            getattr(error, "strerror", None) or error,
        )


def _append(place: Path, line: bytes) -> None:
    """Adds a line at once, on a line of its own also where a crash cut the last one."""
    with place.open("ab") as written:
        cut = written.tell() > 0 and not place.read_bytes().endswith(b"\n")
        written.write(b"\n" + line if cut else line)
        written.flush()
        os.fsync(written.fileno())
