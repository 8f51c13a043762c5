# SPDX-License-Identifier: Apache-2.0
"""Several processes that search one study, watched by the one that started them."""

import contextlib
import functools
import logging
import multiprocessing
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess

from optuna.study import Study
from optuna.trial import FrozenTrial

from mpqsearch.errors import RunFailed, RunFolderError, StudyError
from mpqsearch.ledger import Ledger, failed_trials
from mpqsearch.queue import take_back
from mpqsearch.run_folder import RunFolder
from mpqsearch.search import Progress
from mpqsearch.storage import running_trials
from mpqsearch.study_file import StudySpec
from mpqsearch.trials import WORKER, record_of, run_of

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.2
"""How often finished candidates are looked for."""
MARKING_SECONDS = 1.0
"""How long a worker may take to put its name to a trial from the queue, when another has died."""
FRUITLESS_DEATHS = 3
"""Deaths of each worker, on average, without a finished candidate, before the run is given up."""
SAFE_PATH = "PYTHONSAFEPATH"
"""Environment variable that keeps Python from looking for modules in the current folder."""


@dataclass(frozen=True)
class Part:
    """A worker's part of a run.

    Attributes:
        run: Name of the run, with which its workers' names begin.
        number: From 1, counting the workers that have died too: no two draw the same candidates.
        references: Whether it trains the references that lie outside the space.
        told: Trials there were when the run began.
        failed: Those of them that had failed.
    """

    run: str
    number: int
    references: bool
    told: int
    failed: Set[int]


Work = Callable[[Part], None]
"""A worker's whole task, picklable."""


@dataclass(frozen=True)
class _Worker:
    """A process and the end of its pipe through which it says why it failed."""

    part: Part
    process: BaseProcess
    said: Connection

    @property
    def name(self) -> str:
        """What marks its trials."""
        return worker_name(self.part.run, self.process.pid)


def _context() -> SpawnContext | ForkServerContext:
    """How processes are started: from one that has imported everything, where there are such."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["mpqsearch.run"])
    return context


def start_early() -> None:
    """Has what worker processes come from import everything, while this one loads the data."""
    context = _context()
    if isinstance(context, ForkServerContext):
        with _safe_path(), _interrupts_held():
            forkserver.ensure_running()


@contextlib.contextmanager
def _safe_path() -> Iterator[None]:
    """Keeps Pythons that are started from taking modules from the current folder.

    The processes from which workers come are `python -c ...`, which look there first, and the
    current folder is where a study from elsewhere may lie. Workers get the path of this process.
    """
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before


def this_run() -> str:
    """Name of the run of this process, by machine and process, so that people find it.

    A part by chance tells it from an earlier one: a container that is started again has the name
    and the process number of before.
    """
    return f"{socket.gethostname()}:{os.getpid()}-{_chance()}"


@functools.cache
def _chance() -> str:
    return secrets.token_hex(3)


def worker_name(run: str, process: int | None) -> str:
    """What marks the trials of a run's worker."""
    return f"{run}:{process}"


class Workers:
    """Starts worker processes, replaces those that die, and ends when the budget is filled.

    What a worker that died was training goes back into the study's queue once.
    """

    def __init__(
        self,
        spec: StudySpec,
        study: Study,
        folder: RunFolder,
        work: Work,
        *,
        count: int,
        progress: Progress | None,
    ) -> None:
        """Prepares workers.

        Args:
            spec: The study.
            study: Its storage, with the queue prepared.
            folder: Its run folder.
            work: What each of them does, in a process of its own.
            count: How many there are at once.
            progress: Told about every candidate that any of them decides; None: nobody.
        """
        self._spec = spec
        self._study = study
        self._folder = folder
        self._work = work
        self._count = count
        self._progress = progress
        self._going: list[_Worker] = []
        self._started = 0
        self._deaths = 0
        self._told = len(study.get_trials(deepcopy=False))
        self._failed = failed_trials(study)
        self._ledger = Ledger(study, spec.space, retried=self._failed)
        self._ledger.refresh()

    def run(self) -> None:
        """Runs until the budget is filled.

        Raises:
            RunFailed: where a worker failed, or workers die without finishing anything.
            StudyError: as a worker raised it.
            RunFolderError: as a worker raised it.
        """
        self._going = [self._start(references=not number) for number in range(self._count)]
        try:
            while self._going:
                wait([worker.process.sentinel for worker in self._going], timeout=LOOK_SECONDS)
                self._show()
                going = []
                for worker in self._going:
                    if worker.process.is_alive():
                        going.append(worker)
                    elif not self._ended_well(worker):
                        going.append(self._start(references=worker.part.references))
                self._going = going
        finally:
            for worker in self._going:
                worker.process.terminate()
            for worker in self._going:
                worker.process.join()
        self._show()

    @property
    def processes(self) -> list[int]:
        """Processes of the workers there are now."""
        return [worker.process.pid for worker in self._going if worker.process.pid is not None]

    def _start(self, *, references: bool) -> _Worker:
        self._started += 1
        part = Part(this_run(), self._started, references, self._told, self._failed)
        context = _context()
        receiving, sending = context.Pipe(duplex=False)
        process = context.Process(target=_process, args=(self._work, part, sending), daemon=True)
        with _safe_path(), _interrupts_held():
            process.start()
        sending.close()
        return _Worker(part, process, receiving)

    def _ended_well(self, worker: _Worker) -> bool:
        """Whether a worker that has ended found the budget filled; False where it died.

        Raises:
            RunFailed: and the others, as the worker raised them.
        """
        code = worker.process.exitcode
        try:
            kind, text = worker.said.recv()
        except EOFError:
            kind, text = "", ""
        worker.said.close()
        if kind:
            raise ERRORS[kind](text)
        if code == 0:
            return True
        reason = (
            f"signal {signal.Signals(-code).name}" if code and code < 0 else f"exit code {code}"
        )
        logger.warning("worker %s died (%s)", worker.name, reason)
        self._take_back(worker.name, reason)
        self._deaths += 1
        if self._deaths >= FRUITLESS_DEATHS * self._count:
            raise RunFailed(
                f"{self._deaths} workers died in a row without finishing a candidate, the last with"
                f" {reason}; too little memory for {self._count} workers is the usual reason: try"
                " fewer, everything finished is kept"
            )
        return False

    def _take_back(self, name: str, reason: str) -> None:
        """Queues what a worker had, and what nobody has put his name to since it died.

        That are trials from the queue: their new worker does so in a moment. One that is robbed of
        its trial all the same notices, and asks again.
        """
        unmarked = {one.number for one in running_trials(self._study) if not run_of(one)}
        if unmarked:
            time.sleep(MARKING_SECONDS)

        def left(trial: FrozenTrial) -> bool:
            mark = trial.user_attrs.get(WORKER)
            return mark == name or (mark is None and trial.number in unmarked)

        take_back(self._spec, self._study, left, reason)

    def _show(self) -> None:
        """Tells the progress of every candidate decided since the last time."""
        records = [record_of(trial, None) for trial in self._ledger.refresh()]
        news = [record for record in records if record is not None]
        for later, record in zip(range(len(news) - 1, -1, -1), news, strict=True):
            self._deaths = 0
            if self._progress is not None:
                self._progress.advance(record, self._ledger.decided - later, self._spec.budget)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Has Ctrl-C wait while a process starts, which inherits that it is for this one alone."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its own start would let interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


ERRORS: dict[str, type[Exception]] = {
    kind.__name__: kind for kind in (RunFailed, StudyError, RunFolderError)
}
"""What a worker tells of by name."""


def _process(work: Work, part: Part, say: Connection) -> None:
    """What a worker's process does: its work; it ends with the process that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for that one, which ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work(part)
    except tuple(ERRORS.values()) as error:
        kind = next(name for name, one in ERRORS.items() if isinstance(error, one))
        say.send((kind, str(error)))
    except Exception as error:
        logger.exception("worker %s failed", worker_name(part.run, os.getpid()))
        say.send((RunFailed.__name__, f"a worker failed: {type(error).__name__}: {error}"))
    finally:
        say.close()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
