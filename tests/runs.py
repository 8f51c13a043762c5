# SPDX-License-Identifier: Apache-2.0
"""Real runs of the tiny study, in processes of their own, and what they have come to."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import optuna
from optuna.storages._rdb import models
from optuna.study import Study
from optuna.trial import TrialState
from sqlalchemy import create_engine, func, select
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.pool import NullPool

from mpqsearch.trials import WORKER
from tests.mpqsearch.searches import edited

SECONDS = 150
"""How long anything is waited for."""


def slow(tiny_study: Path) -> Path:
    """The study with trainings of some tenths of a second, and two at a time."""
    edited(tiny_study, "task:", "recipe: {epochs: 20, qat_start_epoch: 4}\ntask:")
    return edited(tiny_study, "batch: 4", "batch: 2")


def start_run(
    study_file: Path,
    runs: Path,
    *more: str,
    workers: int = 2,
    environment: Mapping[str, str] | None = None,
) -> "subprocess.Popen[str]":
    """Starts an exhaustive run, which as on a terminal is the first of a group of processes."""
    where = ["--study", str(study_file), "--runs", str(runs)]
    how = ["--workers", str(workers), "--exhaustive", *more]
    return subprocess.Popen(
        [sys.executable, "-m", "mpqsearch", "run", *where, *how],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **(environment or {})},
    )


def wait_until(holds: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    """Waits until something is so while a run goes on."""
    until = time.monotonic() + SECONDS
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()


def opened(database: Path) -> Study:
    return optuna.load_study(study_name="tiny", storage=f"sqlite:///{database}")


def at_work(database: Path) -> set[int]:
    """Processes that have a running trial."""
    running = opened(database).get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    names = {str(trial.user_attrs.get(WORKER, ":0")) for trial in running}
    return {int(name.rpartition(":")[2]) for name in names} - {0}


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def scored(database: Path) -> list[str]:
    """Candidates that are finished, one entry for each time they were."""
    trials = opened(database).get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [str(trial.user_attrs["candidate"]) for trial in trials]


def finished_count(database: Path) -> int:
    return in_state(f"sqlite:///{database}", TrialState.COMPLETE) if database.is_file() else 0


def in_state(url: str, *states: TrialState) -> int:
    """Trials in some states, of all studies; none where there are no tables yet.

    Optuna would make them, in the way of a run that is just about it, and each storage that is
    asked again and again would keep connections of its own.
    """
    trial = models.TrialModel
    query = select(func.count()).select_from(trial).where(trial.state.in_(states))
    try:
        with create_engine(url, poolclass=NullPool).connect() as connection:
            return int(connection.execute(query).scalar_one())
    except (OperationalError, ProgrammingError):
        return 0
