# SPDX-License-Identifier: Apache-2.0
"""The folder of one run: study, storage, environment, log and checkpoints."""

import contextlib
import json
import logging
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout
from sqlalchemy.engine import URL

from hardware.integer import IntegerNetwork
from hardware.integer_file import load_integer_network, save_integer_network
from hardware.network import Network
from mpqsearch.environment import STORAGE_VARIABLE
from mpqsearch.errors import RunFolderError, StudyError
from mpqsearch.storage_address import StorageAddress

FREE_BYTES_NEEDED = 20_000_000
"""What a run must find free before it starts: storage, log and the front's checkpoints."""


def checked_name(name: str) -> str:
    """Gives a run's name back: the name of a folder, and never a way out of the runs folder.

    Raises:
        StudyError: where it is something else.
    """
    if not re.fullmatch(r"\w[\w .+-]{0,99}", name):
        raise StudyError(
            "a run's name must be 1 to 100 letters, digits, spaces and any of . _ + -, the first a"
            f" letter or digit, but is {name!r}; choose one with --name"
        )
    return name


def run_name(study: str) -> str:
    """The run that a study's name or file means: `studies/indoor.yaml` started `indoor`."""
    return Path(study).stem if study.endswith((".yaml", ".yml")) else study


class RunFolder:
    """`runs/<study>/` and what lies in it.

    Raises:
        StudyError: where the study's name cannot be a folder's.
    """

    def __init__(self, runs: Path, study: str, storage: StorageAddress | None = None) -> None:
        """Opens nothing yet.

        Args:
            runs: Folder of the run folders.
            study: The study's name.
            storage: A storage that several machines share; by default what the folder says it
                has, else a SQLite file in it.
        """
        self.path = runs / checked_name(study)
        self.storage_path = self.path / "study.db"
        self.address_path = self.path / "storage.txt"
        self.study_path = self.path / "study.yaml"
        self.environment_path = self.path / "environment.json"
        self.log_path = self.path / "log.txt"
        self.checkpoints = self.path / "checkpoints"
        self._lock = FileLock(self.path / "lock", timeout=0)
        self._storage = storage

    @property
    def address(self) -> StorageAddress | None:
        """The storage that several machines share; None where the run has its own file.

        Raises:
            StudyError: where another one is asked for than the folder has.
        """
        if not self.address_path.is_file():
            return self._storage
        kept = StorageAddress.parse(self.address_path.read_text(encoding="utf-8").strip())
        if self._storage is None:
            given = os.environ.get(STORAGE_VARIABLE)
            address = StorageAddress.parse(given) if given else kept
            return address if str(address) == str(kept) else kept
        if str(self._storage) != str(kept):
            raise StudyError(
                f"run {self.path} has its study in {kept}, not in {self._storage}; use another"
                " --runs or --name"
            )
        return self._storage

    @property
    def shared(self) -> bool:
        """Whether other machines may be at work on the study."""
        return self.address is not None

    @property
    def storage_text(self) -> str:
        """The storage as messages name it."""
        return str(self.address or self.storage_path)

    @property
    def storage_url(self) -> str:
        """The storage as Optuna and optuna-dashboard take it, with its password."""
        address = self.address
        if address is not None:
            return address.url.render_as_string(hide_password=False)
        return URL.create("sqlite", database=str(self.storage_path)).render_as_string()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Makes the folder, or finds out before any work that it cannot be used, and holds it.

        Where no study comes to be written in it, what was made is gone again.

        Raises:
            RunFolderError: where it cannot be written, is full, or another run has it.
        """
        absent = [path for path in (self.address_path, *self._folders()) if not path.exists()]
        try:
            self._make()
            for left in self.checkpoints.glob("*.partial"):  # of a run that was killed
                left.unlink(missing_ok=True)
            yield
        except BaseException:
            if not self.study_path.exists():
                for path in absent:
                    with contextlib.suppress(OSError):
                        path.unlink() if path == self.address_path else path.rmdir()
            raise
        finally:
            self._lock.release()

    def _folders(self) -> list[Path]:
        """The folders of this run, and those around it, innermost first."""
        return [self.checkpoints, *self.checkpoints.parents]

    def _make(self) -> None:
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.path).free
            if free < FREE_BYTES_NEEDED:
                raise RunFolderError(
                    f"run folder {self.path} has {free / 1e6:.1f} MB free but a run needs"
                    f" {FREE_BYTES_NEEDED / 1e6:.0f} MB; make room or choose another with --runs"
                )
            with tempfile.TemporaryFile(dir=self.path) as probe:
                probe.write(b"0" * 4096)
            self._claim()
        except Timeout:
            raise RunFolderError(
                f"another mpqsearch is running in {self.path}; wait for it, or use another --runs"
                " or --name"
            ) from None
        except (RunFolderError, StudyError):
            raise
        except OSError as error:
            raise RunFolderError(
                f"run folder {self.path} cannot be written: {error.strerror}; choose another with"
                " --runs"
            ) from None

    def _claim(self) -> None:
        """Has the folder to itself, or writes down which storage it shares."""
        if self._storage is not None and self.storage_path.exists():
            raise StudyError(
                f"run {self.path} has its study in {self.storage_path}; to search in"
                f" {self._storage}, use another --runs or --name"
            )
        address = self.address
        if address is None:
            self._lock.acquire()
        elif not self.address_path.is_file():
            _write_whole(self.address_path, f"{address}\n")

    def write_study(self, resolved: dict[str, Any]) -> None:
        """Keeps the study as resolved."""
        text = yaml.safe_dump(resolved, sort_keys=False)
        with self._writing(self.study_path):
            _write_whole(self.study_path, f"# As resolved by mpqsearch.\n{text}")

    def write_environment(self, environment: dict[str, Any]) -> None:
        """Keeps versions, commit and data."""
        with self._writing(self.environment_path):
            _write_whole(self.environment_path, json.dumps(environment, indent=2) + "\n")

    def start_log(self) -> logging.Handler:
        """Appends everything the packages log to log.txt."""
        with self._writing(self.log_path):
            if self.log_path.is_symlink():  # a folder from elsewhere may have it lead anywhere
                raise OSError("it is a link to another file")
            handler = _LogFile(self.log_path, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        return handler

    def checkpoint_path(self, name: str) -> Path:
        """Where a trial's integer network is kept.

        Raises:
            StudyError: for a name that is none of a file: a storage from elsewhere may hold one.
        """
        if Path(name).name != name:
            raise StudyError(f"a checkpoint in {self.checkpoints} cannot be called {name!r}")
        return self.checkpoints / f"{name}.npz"

    def save_checkpoint(self, name: str, integers: IntegerNetwork) -> None:
        """Keeps a trained network."""
        path = self.checkpoint_path(name)
        with self._writing(path):
            save_integer_network(path, integers)

    def load_checkpoint(self, name: str, network: Network) -> IntegerNetwork:
        """Reads a trained network.

        Raises:
            IntegerNetworkError: where it is damaged.
            FileNotFoundError: where it is not there.
        """
        return load_integer_network(self.checkpoint_path(name), network)

    def drop_checkpoints(self, names: set[str]) -> None:
        """Deletes checkpoints, as far as they are there."""
        with self._writing(self.checkpoints):
            for file in self.checkpoints.glob("*.npz"):
                if file.stem in names:
                    file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _writing(self, path: Path) -> Iterator[None]:
        """Turns the system's errors into one line about the file and the next step."""
        try:
            yield
        except OSError as error:
            raise RunFolderError(
                f"{path} could not be written: {error.strerror or error}; everything finished is"
                " kept: make room or the folder writable, and run the same again"
            ) from error


class _LogFile(logging.FileHandler):
    """A log that a full disk silences: the storage tells of it, and a training goes on."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's own name)
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            super().close()


def _write_whole(path: Path, text: str) -> None:
    partial = path.with_suffix(f".{socket.gethostname()}-{os.getpid()}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
