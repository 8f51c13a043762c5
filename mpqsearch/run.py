# SPDX-License-Identifier: Apache-2.0
"""One run of a study, from the spec to the filled run folder."""

import contextlib
import dataclasses
import functools
import logging
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from optuna.study import Study

from hardware.cost.model import CostModel
from hardware.nearest import nearest_of
from mpqsearch.backend import storage_errors
from mpqsearch.baselines.warm_start import queue_warm_starts
from mpqsearch.confirm import Confirm, Confirmation
from mpqsearch.environment import describe_environment
from mpqsearch.errors import StudyError
from mpqsearch.front import shown_of
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
from mpqsearch.storage_address import StorageAddress
from mpqsearch.study_file import StudySpec
from mpqsearch.task_file import identity_of, own_file, users_code
from mpqsearch.trials import TrialRecord
from mpqsearch.watch import Watch
from mpqsearch.workers import Part, Workers, this_run, worker_name
from objectives.accuracy import AccuracyObjective
from objectives.cache_folder import CacheFolder
from objectives.data.ctf import CtfDataError
from objectives.task import TaskData, TaskError
from objectives.threads import use_threads

logger = logging.getLogger(__name__)

PACKAGES = ("hardware", "objectives", "mpqsearch")
DEVICES = ("auto", "cpu", "cuda")
MOST_AT_ONCE = 1024
"""Threads, and worker processes, that may be asked for."""


@dataclass(frozen=True)
class Machine:
    """How this machine is used; none of it changes what a candidate scores.

    Attributes:
        workers: Processes that train at once.
        threads: Threads of each one's trainings.
        device: Where they run: auto (a GPU where there is one), cpu or cuda.
        cache: Where float phases are kept for other runs; None: nowhere.
        storage: The study's storage where other machines share it; None: a file in the run folder.

    Raises:
        StudyError: for counts out of 1 to 1,024, or another device.
    """

    workers: int = 1
    threads: int = 1
    device: str = "auto"
    cache: CacheFolder | None = None
    storage: StorageAddress | None = None

    def __post_init__(self) -> None:
        for option, count in (("--threads", self.threads), ("--workers", self.workers)):
            if not 1 <= count <= MOST_AT_ONCE:
                raise StudyError(f"{option} must be in 1..{MOST_AT_ONCE} but is {count}")
        if self.device not in DEVICES:
            raise StudyError(
                f"--device must be one of {', '.join(DEVICES)} but is {self.device!r}"
                f"{nearest_of(self.device, DEVICES)}"
            )


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
    use_threads(machine.threads)
    objective = objective_of(spec, spec.fidelity.data(load_data(spec)), machine)
    folder = RunFolder(runs, spec.name, machine.storage)
    folder.prepare()
    try:
        about = about_study(spec, objective.data)
        study = open_study(folder, about, fingerprint_of(spec, objective.data), _own_name(folder))
        with _logged(folder):
            folder.write_study(spec.resolved())
            digest = objective.data.digest()
            folder.write_environment({**describe_environment(), "data": digest})
            with storage_errors(folder):
                prepare_queue(spec, study, alone=not folder.shared)
                queue_warm_starts(spec, study, objective)
                with Watch(spec, study, this_run()) if folder.shared else contextlib.nullcontext():
                    if machine.workers > 1:
                        work = functools.partial(work_on, runs, spec.name, machine)
                        Workers(
                            spec, study, folder, work, count=machine.workers, progress=progress
                        ).run()
                    else:
                        _search_alone(spec, study, objective, folder, progress)
                if confirm is not None:
                    Confirmation(spec, study, objective, folder, confirm).run()
                report_on_test_split(spec, study, objective, folder)
                return about, records_of(study)
    finally:
        folder.release()


def _own_name(folder: RunFolder) -> str:
    """What marks the trials of this process; nothing where nobody else is at work on the study."""
    return worker_name(this_run(), os.getpid()) if folder.shared else ""


def _search_alone(
    spec: StudySpec,
    study: Study,
    objective: AccuracyObjective,
    folder: RunFolder,
    progress: Progress | None,
) -> None:
    """Searches in this process, beside other machines where they share the study."""
    worker = _own_name(folder)
    told = len(study.get_trials(deepcopy=False))
    study.sampler = make_sampler(spec, told, zlib.crc32(worker.encode()))
    Search(spec, study, objective, folder, progress, worker=worker).run()


def work_on(runs: Path, name: str, machine: Machine, part: Part) -> None:
    """Does a worker's part of a study that is prepared: the task of a process of its own.

    Args:
        runs: Folder of the run folders.
        name: The study's name.
        machine: How this machine is used.
        part: The worker's part of it.
    """
    use_threads(machine.threads)
    worker = worker_name(part.run, os.getpid())
    opened = OpenedStudy(runs, name, machine.storage, worker=worker)
    spec, study, folder = opened.spec, opened.study, opened.folder
    with storage_errors(folder), _logged(folder):
        objective = objective_of(spec, opened.data, machine)
        study.sampler = make_sampler(spec, part.told, zlib.crc32(worker.encode()))
        search = Search(spec, study, objective, folder, worker=worker, retried=part.failed)
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


def objective_of(spec: StudySpec, data: TaskData, machine: Machine) -> AccuracyObjective:
    """What trains a study's candidates, at its fidelity, with its rungs.

    Raises:
        StudyError: where the machine lacks the device asked for.
    """
    rungs = () if spec.pruning.rule == "none" else tuple(spec.pruning.rungs)
    return AccuracyObjective(
        spec.task,
        data,
        spec.trained_recipe,
        device=device_named(machine.device),
        rungs=rungs,
        cache=machine.cache,
    )


def device_named(name: str) -> torch.device | None:
    """The device of a name; None for auto, which takes a GPU where there is one.

    Raises:
        StudyError: where a GPU is asked for and there is none that PyTorch can use.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise StudyError(
            "--device cuda: PyTorch sees no GPU here; install its CUDA build (make install"
            " TORCH='torch>=2.13'), or use --device cpu"
        )
    return None if name == "auto" else torch.device(name)


def load_data(spec: StudySpec) -> TaskData:
    """Loads the task's data.

    Raises:
        StudyError: where they are missing, damaged or not of the shape the network takes, or
            where a user's own code fails.
    """
    what = f"data of task {spec.task_name}"
    # A user's `load` may raise any ValueError about its data; from one of ours that is a fault.
    own = own_file(spec.task_name) is not None
    told = (ValueError, OSError) if own else (TaskError, CtfDataError, OSError)
    try:
        with users_code(spec.task_name, "load()", expected=told):
            data = spec.task.load()
    except StudyError:
        raise
    except told as error:
        raise StudyError(f"{what}: {error}") from error
    if not isinstance(data, TaskData):
        raise StudyError(f"{what}: load() must give TaskData but gives {type(data).__name__}")
    with users_code(spec.task_name, "network()"):
        network = spec.task.checked_network(spec.task.full_length)
    if data.train.inputs.shape[1:] != network.input_shape:
        raise StudyError(
            f"{what}: inputs have shape {data.train.inputs.shape[1:]} but the network for the full"
            f" length takes {network.input_shape}"
        )
    _check_lengths(spec, data)
    return data


def _check_lengths(spec: StudySpec, data: TaskData) -> None:
    """Crops every split to every length, before hours are spent on the first."""
    what = f"data of task {spec.task_name}"
    for length in spec.space.input_lengths:
        with users_code(spec.task_name, "network()"):
            network = spec.task.checked_network(length)
        logits = network.layers[-1].out_channels
        if logits != len(data.class_names):
            raise StudyError(
                f"{what}: {len(data.class_names)} classes but the network gives {logits} logits"
            )
        for split in (data.train, data.validation, data.test):
            with users_code(spec.task_name, "crop()"):
                cropped = spec.task.crop(split.inputs, length)
            wanted = (len(split.inputs), *network.input_shape)
            found = type(cropped).__name__
            if isinstance(cropped, np.ndarray):
                found = f"{cropped.dtype} of shape {cropped.shape}"
            if found != f"int8 of shape {wanted}":
                raise StudyError(
                    f"{what}: crop() to length {length} must give int8 of shape {wanted} but gives"
                    f" {found}"
                )


def about_study(spec: StudySpec, data: TaskData) -> About:
    """What tables of this study have to say beside their figures."""
    return About(
        study=spec.name,
        source=data.source,
        synthetic=data.synthetic,
        mode=str(CostModel(spec.chip, spec.calibration).mode),
        layer_names=spec.space.layer_names,
        candidates=spec.space.size,
    )


def fingerprint_of(spec: StudySpec, data: TaskData) -> dict[str, object]:
    """What must not change while a study goes on.

    Budgets and batches may, and who is stopped early or gets further seeds: what is scored compares
    all the same.
    """
    calibration = spec.calibration
    calibrated = {} if calibration is None else {"calibration": calibration.rows_hash}
    return {
        "task": identity_of(spec.task_name),
        # before the data, which it changes: what is named first is what was changed
        "fidelity": dataclasses.asdict(spec.fidelity),
        "data": data.digest()[:16],
        "recipe": dataclasses.asdict(spec.recipe),
        "seeds": spec.seeds,
        "chip": spec.chip.name,
        **calibrated,
        "seed": spec.seed,
        "space": spec.resolved()["space"],
    }
