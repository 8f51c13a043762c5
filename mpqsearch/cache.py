# SPDX-License-Identifier: Apache-2.0
"""The cache of float phases: where it is, what is in it, and how it is emptied."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs
from rich.markup import escape
from rich.table import Table

from mpqsearch.environment import CACHE_VARIABLE, LIMIT_VARIABLE
from mpqsearch.errors import StudyError
from objectives.cache_folder import DEFAULT_LIMIT_BYTES, CacheFolder, Entry


def open_cache(path: Path | None, limit_bytes: int | None) -> CacheFolder:
    """The cache in a folder; without one, in the user's own place for caches."""
    folder = path or platformdirs.user_cache_path("mpqsearch") / "prefixes"
    return CacheFolder(folder, DEFAULT_LIMIT_BYTES if limit_bytes is None else limit_bytes)


def users_cache() -> CacheFolder:
    """The cache that the commands use without options: by the environment, else the user's own.

    Raises:
        StudyError: where the environment gives a limit that is none.
    """
    path, limit = os.environ.get(CACHE_VARIABLE), os.environ.get(LIMIT_VARIABLE)
    if limit and not limit.isdecimal():
        raise StudyError(f"{LIMIT_VARIABLE} must be a number of bytes, 0 or more, but is {limit!r}")
    return open_cache(Path(path) if path else None, int(limit) if limit else None)


def entries_of(cache: CacheFolder) -> list[Entry]:
    """The cache's entries, the last used first.

    Raises:
        StudyError: where the folder cannot be read.
    """
    try:
        return cache.entries()
    except OSError as error:
        raise StudyError(
            f"cache folder {cache.path} cannot be read: {error.strerror}; choose another with"
            " --cache"
        ) from None


def clear_cache(cache: CacheFolder) -> int:
    """Empties the cache; returns the bytes freed.

    Raises:
        StudyError: where a file cannot be deleted.
    """
    try:
        return cache.clear()
    except OSError as error:
        raise StudyError(
            f"cache folder {cache.path} could not be cleared: {error.strerror}; make it writable,"
            " or delete it"
        ) from None


def cache_json(cache: CacheFolder, entries: list[Entry]) -> dict[str, Any]:
    """The cache for programs."""
    return {
        "folder": str(cache.path),
        "limit_bytes": cache.limit_bytes,
        "total_bytes": sum(entry.size_bytes for entry in entries),
        "entries": [
            {
                "key": entry.key,
                **(entry.origin.__dict__ if entry.origin else {"damaged": True}),
                "size_bytes": entry.size_bytes,
                "used": datetime.fromtimestamp(entry.used_s, UTC).isoformat(timespec="seconds"),
            }
            for entry in entries
        ],
    }


def print_cache(cache: CacheFolder, entries: list[Entry]) -> None:
    """Prints the cache: the last used entry first."""
    from mpqsearch.terminal import out, print_table

    out.print(f"Float phases kept in {escape(str(cache.path))}", soft_wrap=True)
    if entries:
        print_table(_table(entries))
    total = sum(entry.size_bytes for entry in entries)
    out.print(f"{len(entries)} entries, {total / 1e6:.1f} MB of {cache.limit_bytes / 1e6:.0f} MB")


def _table(entries: list[Entry]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("task", no_wrap=True)
    for heading in ("length", "seed"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("recipe", no_wrap=True)
    table.add_column("MB", justify="right", no_wrap=True)
    for heading in ("last used", "key"):
        table.add_column(heading, no_wrap=True)
    for entry in entries:
        origin = entry.origin
        told = ["damaged", "-", "-", "-"]
        if origin is not None:
            told = [escape(origin.task), str(origin.input_length), str(origin.seed)]
            told.append(escape(origin.recipe))
        used = datetime.fromtimestamp(entry.used_s).astimezone().strftime("%Y-%m-%d %H:%M")
        table.add_row(*told, f"{entry.size_bytes / 1e6:.2f}", used, entry.key[:12])
    return table
