# SPDX-License-Identifier: Apache-2.0
"""A run that is killed loses what it was doing, and nothing else."""

import collections
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

MPQSEARCH = [sys.executable, "-m", "mpqsearch"]


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


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_goes_on_without_repeating_anything(
    tiny_study: Path, tmp_path: Path, how: signal.Signals
) -> None:
    """Killed in the middle and started again: all finished trials stay, none is run twice."""
    runs = tmp_path / "runs"
    database = runs / "tiny" / "study.db"
    command = [*MPQSEARCH, "run", "--study", str(tiny_study), "--runs", str(runs), "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    first = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while finished_count(database) < 4 and first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    first.send_signal(how)
    _, said = first.communicate(timeout=30)
    assert first.returncode == (-signal.SIGKILL if how is signal.SIGKILL else 130)
    if how is not signal.SIGKILL:
        assert "goes on from there" in said
    before = scored(database)
    assert 4 <= len(before) < 12

    second = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    after = scored(database)
    assert after[: len(before)] == before
    assert max(collections.Counter(after).values()) == 1
    assert len(after) == 12
    assert json.loads(second.stdout)["counts"]["scored"] == 12


def test_a_finished_run_does_nothing_when_run_again(tiny_study: Path, tmp_path: Path) -> None:
    """Budgets are totals: the same command on a full study trains nothing and prints the same."""
    command = [*MPQSEARCH, "run", "--study", str(tiny_study), "--runs", str(tmp_path), "--json"]
    outputs = [
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
        for _ in range(2)
    ]
    assert outputs[0].stdout == outputs[1].stdout
    assert outputs[0].stderr != ""
    more = subprocess.run(
        [*command, "--trials", "14"], capture_output=True, text=True, check=True, timeout=120
    )
    assert json.loads(more.stdout)["counts"]["scored"] == 14


def test_one_seed_gives_one_study(tiny_study: Path, tmp_path: Path) -> None:
    """Two runs with the same seed propose and score the same candidates."""
    fronts = []
    for folder in ("one", "two"):
        command = [*MPQSEARCH, "run", "--study", str(tiny_study), "--runs", str(tmp_path / folder)]
        done = subprocess.run(
            [*command, "--json"], capture_output=True, text=True, check=True, timeout=120
        )
        fronts.append(json.loads(done.stdout)["front"])
    for front in fronts:
        for row in front:
            del row["train_seconds"]
    assert fronts[0] == fronts[1]
