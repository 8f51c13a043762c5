# SPDX-License-Identifier: Apache-2.0
"""A folder of results that can be computed again: checked, bounded, shared by processes.

An entry is one file, `<key>.prefix`: a line with the SHA-256 of all that follows, a line of JSON
that says what it is, and the content. It is listed without PyTorch and without its content.
"""

import contextlib
import dataclasses
import hashlib
import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

logger = logging.getLogger(__name__)

DEFAULT_LIMIT_BYTES = 2_000_000_000
LONGEST_WAIT_S = 900.0
"""How long a process waits for another one that computes the same entry."""
LEFT_BEHIND_S = 3600.0
"""Age of a partly written file whose process must be gone."""

_FIRST_LINE = b"mpqsearch cache entry 1 "
_ENTRY_NAME = re.compile(r"[0-9a-f]{64}\.prefix")
_OUR_NAME = re.compile(r"[0-9a-f]{64}\.(prefix|lock|[\w]+\.partial)")
_LONGEST_LINE = 100_000


@dataclass(frozen=True)
class Origin:
    """What an entry was computed for, in words for people; its key says it exactly."""

    task: str
    input_length: int
    seed: int
    recipe: str


@dataclass(frozen=True)
class Entry:
    """A file of the cache.

    Attributes:
        path: The file.
        size_bytes: Its size.
        used_s: When it was written or last read, seconds since 1970.
        origin: What it is; None where its head cannot be read.
    """

    path: Path
    size_bytes: int
    used_s: float
    origin: Origin | None

    @property
    def key(self) -> str:
        """The SHA-256 it is kept under, in hexadecimal."""
        return self.path.stem


class CacheFolder:
    """Entries under their keys; least recently used ones go when the limit is reached.

    Nothing here stops a run: a folder that cannot be read or written is told of once, in one
    warning, and then done without.

    Attributes:
        path: The folder; made when the first entry is written.
        limit_bytes: What all entries together may take.
    """

    def __init__(self, path: Path, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self.path = path
        self.limit_bytes = limit_bytes
        self._told = False

    def entries(self) -> list[Entry]:
        """All entries, the last used first."""
        found = []
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for path in self.path.iterdir():
                if not _ENTRY_NAME.fullmatch(path.name):
                    continue
                with contextlib.suppress(OSError):  # another process may have deleted it
                    stat = path.stat()
                    found.append(Entry(path, stat.st_size, stat.st_mtime, _origin_of(path)))
        return sorted(found, key=lambda entry: entry.used_s, reverse=True)

    def read(self, key: str) -> bytes | None:
        """The content kept under a key; None where there is none that can be used.

        A damaged entry is named in the log and deleted.
        """
        path = self._path(key)
        try:
            content = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._tell(error)
            return None
        try:
            found = _checked(content, key)
        except ValueError as error:
            self.discard(key, str(error))
            return None
        with contextlib.suppress(OSError):  # a folder that can only be read serves as well
            os.utime(path)
        return found

    def write(self, key: str, origin: Origin, content: bytes) -> None:
        """Keeps a content, whole or not at all, and makes room for it."""
        head = json.dumps({"key": key, **dataclasses.asdict(origin)})
        rest = head.encode() + b"\n" + content
        whole = _FIRST_LINE + hashlib.sha256(rest).hexdigest().encode() + b"\n" + rest
        if self._told or len(whole) > self.limit_bytes:
            return
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._write_whole(key, whole)
            self._make_room()
        except OSError as error:
            self._tell(error)

    def discard(self, key: str, reason: str) -> None:
        """Deletes an entry that cannot be used, and says so."""
        path = self._path(key)
        logger.warning("cache entry %s cannot be used: %s; it is computed again", path, reason)
        with contextlib.suppress(OSError):
            path.unlink()

    def clear(self) -> int:
        """Deletes every file of the cache, and nothing else; returns the bytes freed.

        Raises:
            OSError: where a file cannot be deleted.
        """
        freed = 0
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            for path in list(self.path.iterdir()):
                if _OUR_NAME.fullmatch(path.name):
                    with contextlib.suppress(FileNotFoundError):
                        size = path.stat().st_size
                        path.unlink()
                        freed += size
        return freed

    @contextlib.contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Lets one process at a time compute an entry.

        Only work is saved by it: two processes that compute the same entry are both right. So it
        is done without where no lock can be had, and the system ends a killed process's lock.
        """
        lock = FileLock(self._lock_path(key))
        with contextlib.suppress(OSError):
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                logger.info("another process computes cache entry %s; waiting for it", key[:12])
                lock.acquire(timeout=LONGEST_WAIT_S)
        try:
            yield
        finally:
            if lock.is_locked:
                lock.release()
                with contextlib.suppress(OSError):
                    Path(lock.lock_file).unlink()

    def is_held(self, key: str) -> bool:
        """Whether another process computes an entry now."""
        path = self._lock_path(key)
        try:
            if path.exists():
                FileLock(path).acquire(timeout=0).lock.release()
        except Timeout:
            return True
        except OSError:
            pass
        return False

    def _lock_path(self, key: str) -> Path:
        return self.path / f"{key}.lock"

    def _path(self, key: str) -> Path:
        return self.path / f"{key}.prefix"

    def _tell(self, error: OSError) -> None:
        if not self._told:
            reason = error.strerror or error
            logger.warning("cache folder %s: %s; going on without it", self.path, reason)
        self._told = True

    def _write_whole(self, key: str, whole: bytes) -> None:
        """Writes beside the entry and renames: whoever reads finds all of it or none."""
        handle, name = tempfile.mkstemp(dir=self.path, prefix=f"{key}.", suffix=".partial")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(whole)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path(key))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _make_room(self) -> None:
        """Deletes the least recently used entries above the limit, and what killed writers left."""
        for partial in self.path.glob("*.partial"):
            with contextlib.suppress(FileNotFoundError):
                old = time.time() - partial.stat().st_mtime > LEFT_BEHIND_S
                if old and _OUR_NAME.fullmatch(partial.name):
                    partial.unlink()
        entries = self.entries()
        total = sum(entry.size_bytes for entry in entries)
        while total > self.limit_bytes:
            oldest = entries.pop()
            oldest.path.unlink(missing_ok=True)
            total -= oldest.size_bytes


def _checked(content: bytes, key: str) -> bytes:
    """The part of an entry's file that is its content; ValueError says what is wrong with it."""
    first, _, rest = content.partition(b"\n")
    if not first.startswith(_FIRST_LINE):
        raise ValueError("it is not one of ours")
    if first != _FIRST_LINE + hashlib.sha256(rest).hexdigest().encode():
        raise ValueError("it does not match its SHA-256")
    head, _, found = rest.partition(b"\n")
    if json.loads(head)["key"] != key:
        raise ValueError("it belongs under another name")
    return found


def _origin_of(path: Path) -> Origin | None:
    """What an entry's head says it is, its SHA-256 unchecked."""
    try:
        with path.open("rb") as file:
            ours = file.readline(_LONGEST_LINE).startswith(_FIRST_LINE)
            head = json.loads(file.readline(_LONGEST_LINE)) if ours else {}
        return Origin(
            str(head["task"]), int(head["input_length"]), int(head["seed"]), str(head["recipe"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
