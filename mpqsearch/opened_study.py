# SPDX-License-Identifier: Apache-2.0
"""A study that has run, or is running, opened to read: records, settings, data, networks."""

import logging
from functools import cached_property
from pathlib import Path

from optuna.study import Study
from optuna.trial import FrozenTrial

from hardware.candidate import Candidate
from hardware.integer import IntegerNetwork
from hardware.network import Network, format_bits
from mpqsearch.backend import storage_errors
from mpqsearch.errors import StudyError
from mpqsearch.run_folder import RunFolder, run_name
from mpqsearch.storage import (
    About,
    about_of,
    check_fingerprint,
    name_of,
    open_finished,
    records_of,
)
from mpqsearch.storage_address import StorageAddress
from mpqsearch.study_data import fingerprint_of, load_data
from mpqsearch.study_file import StudySpec, read_study
from mpqsearch.trials import TrialRecord
from objectives.task import Split, TaskData

logger = logging.getLogger(__name__)


class OpenedStudy:
    """What a run folder holds of a study, as it was when it was opened or read again.

    Attributes:
        name: The study's name.
        folder: Its run folder.
        study: Optuna's.
        about: What tables of it have to say.
        records: Every candidate it knows.
        trials: Optuna's trials, running ones included.

    Raises:
        StudyError: where there is no such run.
        RunFolderError: where its storage cannot be read.
    """

    def __init__(
        self,
        runs: Path,
        study: str,
        storage: StorageAddress | None = None,
        *,
        allow_code: bool = False,
    ) -> None:
        """Opens a run.

        Args:
            runs: Folder of the run folders.
            study: The study's name.
            storage: Its storage with the password; by default what the run folder says it is.
            allow_code: Whether the Python file of a user's own task is allowed to run.
        """
        self.name = run_name(study)
        self._allow_code = allow_code
        self.folder = RunFolder(runs, self.name, storage)
        opened = open_finished(self.folder, self.name)
        with storage_errors(self.folder):
            self.about: About = about_of(opened)
            self.study: Study = opened
            self.read_again()
        self._kept: dict[Candidate, IntegerNetwork | None] = {}

    def read_again(self) -> None:
        """Takes up what a run that goes on has found since."""
        self.records: list[TrialRecord] = records_of(self.study)
        self.trials: list[FrozenTrial] = self.study.get_trials(deepcopy=False)

    @cached_property
    def spec(self) -> StudySpec:
        """The study as it was resolved when it ran."""
        if not self.folder.study_path.is_file():
            raise StudyError(
                f"{self.folder.study_path} is missing; mpqsearch run --study {self.name} writes it"
            )
        return read_study(self.folder.study_path, name=self.name, allow_code=self._allow_code)

    @cached_property
    def data(self) -> TaskData:
        """The data it ran on.

        Raises:
            StudyError: where they cannot be loaded, or have changed since, or the task's code has.
        """
        data = self.spec.fidelity.data(load_data(self.spec))
        check_fingerprint(self.study, self.folder, fingerprint_of(self.spec, data))
        return data

    def network(self, input_length: int) -> Network:
        """The task's network for an input length."""
        return self.spec.task.checked_network(input_length)

    def validation(self, input_length: int) -> Split:
        """The validation split, cropped to a length."""
        split = self.data.validation
        return Split(self.spec.task.crop(split.inputs, input_length), split.labels)

    def kept_network(self, record: TrialRecord) -> IntegerNetwork | None:
        """The trained network of a record; None where it was not kept, or is damaged."""
        if record.candidate not in self._kept:
            self._kept[record.candidate] = self._load(record)
        return self._kept[record.candidate]

    def _load(self, record: TrialRecord) -> IntegerNetwork | None:
        candidate = record.candidate
        try:
            kept = self.folder.load_checkpoint(
                name_of(record), self.network(candidate.input_length)
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            logger.warning("the network of %s is trained again: %s", candidate, error)
            return None
        if kept.bits != candidate.bits:
            path = self.folder.checkpoint_path(name_of(record))
            held = format_bits(kept.bits)
            logger.warning("the network of %s is trained again: %s is of %s", candidate, path, held)
            return None
        return kept
