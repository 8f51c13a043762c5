# SPDX-License-Identifier: Apache-2.0
"""A machine's wall clock that is set while a search runs: nothing is lost, nothing taken back."""

import datetime
import json
import time
from pathlib import Path

import pytest
import sqlalchemy.exc
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from mpqsearch.patience import patient
from mpqsearch.trials import WORKER
from mpqsearch.watch import Watch
from tests.commands import Command
from tests.jumping_clock import DAY_S, JumpingClock
from tests.mpqsearch.searches import make_search
from tests.runs import SECONDS, finished_count, scored, slow, start_run, wait_until


class Wall:
    """The wall clock of this process, which can be set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        true = time.time
        self.wrong_s = 0.0
        monkeypatch.setattr(time, "time", lambda: true() + self.wrong_s)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    return Wall(monkeypatch)


def test_a_clock_that_jumps_changes_nothing(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """A day forward, then two back, in the middle of a run: every candidate once, none queued anew.

    Its log shows that the run has seen both.
    """
    clock = JumpingClock(tmp_path)
    database = tmp_path / "tiny" / "study.db"
    process = start_run(slow(tiny_study), tmp_path, "--json", environment=clock.environment)
    wait_until(lambda: finished_count(database) >= 2, process)
    clock.set(DAY_S)
    wait_until(lambda: finished_count(database) >= 6, process)
    clock.set(-DAY_S)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    counts = json.loads(out)["counts"]
    assert counts["scored"] + counts["pruned"] == 18
    assert len(scored(database)) == len(set(scored(database))) == counts["scored"]
    log = (tmp_path / "tiny" / "log.txt").read_text()
    days = [datetime.date.fromisoformat(line[:10]) for line in log.splitlines()]
    assert max(days) - min(days) >= datetime.timedelta(days=2)
    assert "WARNING" not in log
    shown = mpqsearch("report", "--study", "tiny", "--no-images", "--runs", tmp_path)
    assert shown.code == 0, shown.err


def test_a_run_is_not_gone_because_a_clock_jumps(
    wall: Wall, tiny_study: Path, tmp_path: Path
) -> None:
    """Who watches counts by its monotonic clock: a day on the wall is no silence."""
    search, _ = make_search(tiny_study, tmp_path)
    study = search.study
    theirs, unmarked = (study.ask(search.spec.space.distributions()) for _ in range(2))
    theirs.set_user_attr(WORKER, "far:1:2")
    here = Watch(search.spec, study, "near:1")
    for _ in range(3):
        here.look()
        wall.wrong_s += DAY_S
    for trial in (theirs, unmarked):
        assert study.trials[trial.number].state is TrialState.RUNNING


def test_a_server_is_waited_for_while_a_clock_jumps(wall: Wall) -> None:
    """It is away once, and a day passes on the wall meanwhile: it is asked again all the same."""
    storage = InMemoryStorage()
    asked = []

    def get_all_studies() -> list[object]:
        asked.append(wall.wrong_s)
        if len(asked) == 1:
            wall.wrong_s = DAY_S
            raise sqlalchemy.exc.OperationalError("", None, Exception("the server is away"))
        return []

    storage.get_all_studies = get_all_studies  # type: ignore[method-assign, assignment]
    assert patient(storage).get_all_studies() == []
    assert asked == [0, DAY_S]
