# SPDX-License-Identifier: Apache-2.0
"""The folder of exports: each pick's folder appears whole, or not at all."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from mpqsearch.errors import RunFolderError, StudyError

DIFFERS = ".DIFFERS"
"""Ends the folder's name of a pick that is not proven: nobody flashes it by mistake."""
LOCK = ".lock"
_PARTIAL = ".partial-"
_OLD = ".old-"


class ExportFolder:
    """Where picks are exported to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Has the folder to itself, and clears what a killed export left.

        Folders that were not there before are gone again where nothing was exported.

        Raises:
            RunFolderError: where it cannot be written, or another export has it.
        """
        absent = [one for one in (self.path, *self.path.parents) if not one.exists()]
        lock = self._acquired()
        try:
            for left in self.path.glob(f".*{_PARTIAL}*"):
                shutil.rmtree(left, ignore_errors=True)
            self._take_back()
            yield
        finally:
            with contextlib.suppress(OSError):
                if absent and os.listdir(self.path) == [LOCK]:
                    (self.path / LOCK).unlink()
                    for one in absent:
                        one.rmdir()
            lock.release()

    def _acquired(self) -> FileLock:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / LOCK, timeout=0)
            lock.acquire()
            return lock
        except Timeout:
            raise RunFolderError(
                f"another export is writing to {self.path}; wait for it, or choose another --to"
            ) from None
        except OSError as error:
            raise RunFolderError(
                f"export folder {self.path} cannot be written: {error.strerror}; choose another"
                " with --to"
            ) from None

    def _take_back(self) -> None:
        """Puts an export back that was set aside when its replacing was cut off."""
        for old in self.path.glob(f".*{_OLD}*"):
            final = self.path / old.name[1:].partition(_OLD)[0]
            if final.exists() or not any(old.iterdir()):
                shutil.rmtree(old, ignore_errors=True)
            else:
                old.rename(final)

    def check_free(self, names: Sequence[str]) -> None:
        """Raises StudyError where one of these exports is there already, proven or not."""
        both = [one for name in names for one in (name, name + DIFFERS)]
        there = [name for name in both if os.path.lexists(self.path / name)]
        if there:
            raise StudyError(
                f"{self.path / there[0]} exists"
                + (f", and {len(there) - 1} more" if there[1:] else "")
                + "; --overwrite replaces it, --to chooses another folder"
            )

    @contextlib.contextmanager
    def partial(self, name: str) -> Iterator[Path]:
        """A folder to fill, which is deleted unless `finish` has given it its name.

        Raises:
            RunFolderError: where it cannot be written.
        """
        with self._writing(name):
            folder = Path(tempfile.mkdtemp(prefix=f".{name}{_PARTIAL}", dir=self.path))
        try:
            with self._writing(name):
                folder.chmod(0o755)
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def _writing(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RunFolderError(
                f"{self.path / name} could not be written: {error.strerror or error}; earlier"
                " exports are as they were: make room or the folder writable, and export again"
            ) from error

    def finish(self, partial: Path, name: str) -> Path:
        """Gives a filled folder its name, in place of an earlier export of that name.

        It also takes the place of one of the same pick that was found to differ.
        """
        final = self._replace(partial, name)
        shutil.rmtree(self.path / f"{name}{DIFFERS}", ignore_errors=True)
        return final

    def _replace(self, partial: Path, name: str) -> Path:
        final = self.path / name
        if not final.exists():
            return partial.rename(final)
        old = Path(tempfile.mkdtemp(prefix=f".{name}{_OLD}", dir=self.path))
        final.rename(old)
        try:
            partial.rename(final)
        except BaseException:
            old.rename(final)
            raise
        shutil.rmtree(old, ignore_errors=True)
        return final

    def exports(self) -> list[Path]:
        """The folders of exported picks, those that are not proven included."""
        if not self.path.is_dir():
            return []
        found = [one.parent for one in self.path.glob("*/manifest.json")]
        return sorted(one for one in found if not one.name.startswith("."))
