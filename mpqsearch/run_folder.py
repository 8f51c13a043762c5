# SPDX-License-Identifier: Apache-2.0
"""The folder of one run: study, storage, environment, log and checkpoints."""

import json
import logging
import os
import re
import shutil
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout
from sqlalchemy.engine import URL

from hardware.integer import IntegerNetwork
from hardware.integer_file import load_integer_network, save_integer_network
from hardware.network import Network
from mpqsearch.errors import RunFolderError, StudyError

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


class RunFolder:
    """`runs/<study>/` and what lies in it.

    Raises:
        StudyError: where the study's name cannot be a folder's.
    """

    def __init__(self, runs: Path, study: str) -> None:
        self.path = runs / checked_name(study)
        self.storage_path = self.path / "study.db"
        self.study_path = self.path / "study.yaml"
        self.environment_path = self.path / "environment.json"
        self.log_path = self.path / "log.txt"
        self.checkpoints = self.path / "checkpoints"
        self._lock = FileLock(self.path / "lock", timeout=0)

    @property
    def storage_url(self) -> str:
        """The storage as Optuna and optuna-dashboard take it."""
        return URL.create("sqlite", database=str(self.storage_path)).render_as_string()

    def prepare(self) -> None:
        """Makes the folder, or finds out before any work that it cannot be used.

        Raises:
            RunFolderError: where it cannot be written, is full, or another run has it.
        """
        try:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            probe = self.path / ".probe"
            probe.write_bytes(b"0" * 4096)
            probe.unlink()
            free = shutil.disk_usage(self.path).free
        except OSError as error:
            raise RunFolderError(
                f"run folder {self.path} cannot be written: {error.strerror}; choose another with"
                " --runs"
            ) from None
        if free < FREE_BYTES_NEEDED:
            raise RunFolderError(
                f"run folder {self.path} has {free / 1e6:.1f} MB free but a run needs"
                f" {FREE_BYTES_NEEDED / 1e6:.0f} MB; make room or choose another with --runs"
            )
        try:
            self._lock.acquire()
        except Timeout:
            raise RunFolderError(
                f"another mpqsearch is running in {self.path}; wait for it, or use another --runs"
                " or --name"
            ) from None

    def release(self) -> None:
        """Lets another process run here."""
        self._lock.release()

    def write_study(self, resolved: dict[str, Any]) -> None:
        """Keeps the study as resolved."""
        text = yaml.safe_dump(resolved, sort_keys=False)
        _write_whole(self.study_path, f"# As resolved by mpqsearch.\n{text}")

    def write_environment(self, environment: dict[str, Any]) -> None:
        """Keeps versions, commit and data."""
        _write_whole(self.environment_path, json.dumps(environment, indent=2) + "\n")

    def start_log(self) -> logging.Handler:
        """Appends everything the packages log to log.txt."""
        handler = logging.FileHandler(self.log_path, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        return handler

    def checkpoint_path(self, name: str) -> Path:
        """Where a trial's integer network is kept."""
        return self.checkpoints / f"{name}.npz"

    def save_checkpoint(self, name: str, integers: IntegerNetwork) -> None:
        """Keeps a trained network."""
        save_integer_network(self.checkpoint_path(name), integers)

    def load_checkpoint(self, name: str, network: Network) -> IntegerNetwork:
        """Reads a trained network.

        Raises:
            IntegerNetworkError: where it is damaged.
            FileNotFoundError: where it is not there.
        """
        return load_integer_network(self.checkpoint_path(name), network)

    def keep_checkpoints(self, names: set[str]) -> None:
        """Deletes every checkpoint but these."""
        for file in self.checkpoints.glob("*.npz"):
            if file.stem not in names:
                file.unlink(missing_ok=True)


def _write_whole(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
