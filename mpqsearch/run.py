# SPDX-License-Identifier: Apache-2.0
"""One run of a study, from the spec to the filled run folder."""

import contextlib
import functools
import logging
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from optuna.study import Study

from mpqsearch.allowed_code import allow_here, allowed_here
from mpqsearch.backend import storage_errors
from mpqsearch.baselines.warm_start import queue_warm_starts
from mpqsearch.confirm import Confirm, Confirmation
from mpqsearch.environment import describe_environment
from mpqsearch.front import shown_of
from mpqsearch.machine import Machine, objective_of
from mpqsearch.opened_study import OpenedStudy
from mpqsearch.queue import prepare_queue
from mpqsearch.run_folder import RunFolder
from mpqsearch.sampler import make_sampler
from mpqsearch.search import Progress, Search
from mpqsearch.storage import (
    About,
    keep_test_accuracy,
    name_of,
    open_study,
    records_of,
)
from mpqsearch.study_data import about_study, fingerprint_of, load_data
from mpqsearch.study_file import StudySpec
from mpqsearch.trials import TrialRecord
from mpqsearch.watch import Watch
from mpqsearch.workers import Part, Workers, start_early, this_run, worker_name
from objectives.accuracy import AccuracyObjective
from objectives.process import prepare_process

logger = logging.getLogger(__name__)

PACKAGES = ("hardware", "objectives", "mpqsearch")


def run_study(
    spec: StudySpec,
    runs: Path,
    progress: Progress | None,
    machine: Machine,
    confirm: Confirm | None = None,
) -> tuple[About, Sequence[TrialRecord]]:
    """Runs a study, or goes on with it, until its budget is filled.

    Args:
        spec: The study.
        runs: Folder of the run folders.
        progress: Told about every candidate; None: nobody.
        machine: How this machine is used.
        confirm: What is confirmed with further seeds once the budget is filled; None: nothing.

    Returns:
        What the study rests on, and every candidate it knows.

    Raises:
        StudyError: for data, a storage or a request that cannot be used.
        RunFolderError: for a run folder that cannot be written or is in use.
        RunFailed: after three failures in a row.
    """
    prepare_process(machine.threads)
    if machine.workers > 1:
        start_early()
    objective = objective_of(spec, spec.fidelity.data(load_data(spec)), machine)
    folder = RunFolder(runs, spec.name, machine.storage)
    with folder.held():
        about = about_study(spec, objective.data)
        study = open_study(folder, about, fingerprint_of(spec, objective.data))
        with _logged(folder):
            folder.write_study(spec.resolved())
            digest = objective.data.digest()
            folder.write_environment({**describe_environment(), "data": digest})
            with storage_errors(folder):
                prepare_queue(spec, study, alone=not folder.shared)
                queue_warm_starts(spec, study, objective)
                with Watch(spec, study, this_run()) if folder.shared else contextlib.nullcontext():
                    if machine.workers > 1:
                        work = functools.partial(work_on, runs, spec.name, machine, allowed_here())
                        Workers(
                            spec, study, folder, work, count=machine.workers, progress=progress
                        ).run()
                    else:
                        _search_alone(spec, study, objective, folder, progress)
                if confirm is not None:
                    Confirmation(spec, study, objective, folder, confirm).run()
                report_on_test_split(spec, study, objective, folder)
                return about, records_of(study)


def _search_alone(
    spec: StudySpec,
    study: Study,
    objective: AccuracyObjective,
    folder: RunFolder,
    progress: Progress | None,
) -> None:
    """Searches in this process, beside other machines where they share the study."""
    # what marks the trials of this process, where somebody else may be at work on the study
    worker = worker_name(this_run(), os.getpid()) if folder.shared else ""
    told = len(study.get_trials(deepcopy=False))
    study.sampler = make_sampler(spec, told, zlib.crc32(worker.encode()))
    Search(spec, study, objective, folder, progress, worker=worker).run()


def work_on(runs: Path, name: str, machine: Machine, allowed: frozenset[str], part: Part) -> None:
    """Does a worker's part of a study that is prepared: the task of a process of its own.

    Args:
        runs: Folder of the run folders.
        name: The study's name.
        machine: How this machine is used.
        allowed: Hashes of the users' own Python files that may run.
        part: The worker's part of it.
    """
    allow_here(allowed)
    prepare_process(machine.threads)
    worker = worker_name(part.run, os.getpid())
    opened = OpenedStudy(runs, name, machine.storage)
    spec, study, folder = opened.spec, opened.study, opened.folder
    with storage_errors(folder), _logged(folder):
        objective = objective_of(spec, opened.data, machine)
        study.sampler = make_sampler(spec, part.told, zlib.crc32(worker.encode()))
        search = Search(
            spec,
            study,
            objective,
            folder,
            worker=worker,
            workers=machine.workers,
            retried=part.failed,
        )
        search.run(references=part.references)


@contextlib.contextmanager
def _logged(folder: RunFolder) -> Iterator[None]:
    """Keeps what our packages log in the run's log."""
    handler = folder.start_log()
    loggers = [logging.getLogger(name) for name in PACKAGES]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
        handler.close()


def report_on_test_split(
    spec: StudySpec, study: Study, objective: AccuracyObjective, folder: RunFolder
) -> None:
    """Computes the test accuracy of the front and the references, after all choices."""
    for record in shown_of(records_of(study)):
        if record.test_accuracy is not None:
            continue
        network = spec.task.checked_network(record.candidate.input_length)
        try:
            integers = folder.load_checkpoint(name_of(record), network)
        except (OSError, ValueError) as error:
            logger.warning("no test accuracy for %s: %s", record.candidate, error)
            continue
        keep_test_accuracy(study, record, objective.test_accuracy(integers))
