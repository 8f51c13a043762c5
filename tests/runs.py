# SPDX-License-Identifier: Apache-2.0
"""What a run of the tiny study has come to, seen from outside."""

import sqlite3
from pathlib import Path

import optuna
from optuna.trial import TrialState


def scored(database: Path) -> list[str]:
    """Candidates that are finished, one entry for each time they were."""
    study = optuna.load_study(study_name="tiny", storage=f"sqlite:///{database}")
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [str(trial.user_attrs["candidate"]) for trial in trials]


def finished_count(database: Path) -> int:
    if not database.is_file():
        return 0
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            query = "SELECT COUNT(*) FROM trials WHERE state = 'COMPLETE'"
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return 0
