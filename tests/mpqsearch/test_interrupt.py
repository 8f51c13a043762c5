# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C at any moment: one line, nothing finished is lost, the same command goes on."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from mpqsearch import watch
from mpqsearch.trials import TAKEN_BACK, Outcome
from mpqsearch.watch import Watch
from tests import pausing_command
from tests.commands import Command
from tests.mpqsearch.searches import edited, make_search
from tests.runs import SECONDS, finished_count, scored, slow, start_run, wait_until

SAID = "interrupted; everything finished is kept, the same command goes on from there\n"
MOMENTS = {
    "data are loaded": ("mpqsearch.run:load_data", 1),
    "the float phase": ("objectives.accuracy:train_float", 2),
    "QAT": ("objectives.training:qat_step", 100),
    "a network is kept": ("mpqsearch.run_folder:save_integer_network", 6),
    "between trials": ("mpqsearch.search:Search._ask", 3),
    "the test split": ("objectives.accuracy:AccuracyObjective.test_accuracy", 2),
}


def in_the_group(process: "subprocess.Popen[str]", text: str) -> bool:
    """Whether a process of a run's group has this in its command line."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            ours = os.getpgid(int(folder.name)) == process.pid
            if ours and text in (folder / "cmdline").read_text():
                return True
        except (OSError, UnicodeDecodeError):  # it has just ended
            continue
    return False


def goes_on(mpqsearch: Command, command: list[str], database: Path, before: list[str]) -> None:
    """The same command fills the budget, and what was finished stays as it was."""
    again = mpqsearch(*command)
    assert again.code == 0, again.err
    said = json.loads(again.out)
    assert said["counts"]["scored"] == 18
    assert all(row["test_accuracy"] is not None for row in said["front"])
    after = scored(database)
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) == 18


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_loses_nothing_that_is_finished(
    moment: str, mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """Pressed in the midst of that: exit 130, one line, and the same command ends at the total."""
    place, call = MOMENTS[moment]
    runs, reached = tmp_path / "runs", tmp_path / "reached"
    command = ["run", "--study", str(tiny_study), "--runs", str(runs), "--trials", "18", "--json"]
    text = Path(pausing_command.__file__).read_text()
    first = subprocess.Popen(
        [sys.executable, "-c", text, place, str(call), str(reached), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(reached.exists, first)
    first.send_signal(signal.SIGINT)
    out, err = first.communicate(timeout=SECONDS)
    assert (first.returncode, out) == (130, "")
    progress = err.removesuffix(SAID)
    assert progress != err
    assert all(line.split("/")[0].isdigit() for line in progress.splitlines()), err
    database = runs / "tiny" / "study.db"
    before = scored(database) if database.is_file() else []
    assert len(before) == len(progress.splitlines())
    goes_on(mpqsearch, command, database, before)


def test_ctrl_c_while_worker_processes_start(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """As a terminal sends it, to every process of the run: none of them prints a traceback."""
    if not Path("/proc/self/cmdline").is_file():
        pytest.skip("processes cannot be looked at here")
    process = start_run(tiny_study, tmp_path, "--json")
    wait_until(lambda: in_the_group(process, "multiprocessing.forkserver"), process)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out, err) == (130, "", SAID)
    until = time.monotonic() + SECONDS
    while in_the_group(process, "python") and time.monotonic() < until:
        time.sleep(0.05)
    assert not in_the_group(process, "python")
    command = ["run", "--study", str(tiny_study), "--runs", str(tmp_path), "--trials", "18"]
    goes_on(mpqsearch, [*command, "--json"], tmp_path / "tiny" / "study.db", [])


def test_ctrl_c_before_the_command_is_there(
    mpqsearch: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the program itself is still being imported: no traceback."""

    def interrupted() -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("mpqsearch.__main__.hidden_packages", interrupted)
    answer = mpqsearch("front", "--study", "tiny")
    assert (answer.code, answer.out, answer.err) == (130, "", "")


class Interrupted:
    """What a storage writes, one of which is interrupted, before it is done or right after."""

    def __init__(self, number: int, *, after: bool) -> None:
        self._left = number
        self._after = after

    def around(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def writes(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if not self._left and not self._after:
                raise KeyboardInterrupt
            found = write(*arguments, **named)
            if not self._left:
                raise KeyboardInterrupt
            return found

        return writes


WRITES = ("create_new_trial", "set_trial_state_values", "set_study_user_attr")
WRITES_AT_ONCE = ("take_trial", "finish_trial")
"""What a search writes through Optuna's cache, and to the database behind it."""


def test_a_search_goes_on_from_whatever_was_written(tiny_study: Path, tmp_path: Path) -> None:
    """Interrupted before its 1st write, gone on with, interrupted after its 2nd, and so on."""
    edited(tiny_study, "batch: 4", "batch: 2")
    lives, asked, scored_before = 0, [], 0
    while True:
        lives += 1
        search, objective = make_search(tiny_study, tmp_path, trials=18)
        storage = search.study._storage
        interrupted = Interrupted(lives, after=lives % 2 == 0)
        for name in WRITES:
            setattr(storage, name, interrupted.around(getattr(storage, name)))
        database = storage._backend  # type: ignore[attr-defined]
        for name in WRITES_AT_ONCE:
            setattr(database, name, interrupted.around(getattr(database, name)))
        try:
            search.run()
        except KeyboardInterrupt:
            continue
        finally:
            asked += objective.asked
            done = len(search.study.get_trials(states=(TrialState.COMPLETE,)))
            assert done >= scored_before
            scored_before = done
        break
    assert lives > 7
    complete = search.study.get_trials(states=(TrialState.COMPLETE,))
    found = [trial.user_attrs["candidate"] for trial in complete]
    assert len(found) == len(set(found)) == search.done == 18
    assert {record.outcome for record in search.records} == {Outcome.SCORED}
    assert not search.study.get_trials(states=(TrialState.RUNNING,))
    # of a batch of two, both may be trained again: nothing else
    assert len(asked) <= 18 + 2 * lives


def test_a_run_that_is_broken_off_gives_back_its_own(tiny_study: Path, tmp_path: Path) -> None:
    """Where a storage is shared: nobody waits for it to be silent, and it counts as no death."""
    search, _ = make_search(tiny_study, tmp_path)
    study, space = search.study, search.spec.space
    mine, theirs = (study.ask(space.distributions()) for _ in range(2))
    mine.set_user_attr("worker", "here:1:2")
    theirs.set_user_attr("worker", "far:1:2")
    with pytest.raises(KeyboardInterrupt), Watch(search.spec, study, "here:1"):
        raise KeyboardInterrupt
    assert study.trials[mine.number].state is TrialState.FAIL
    assert study.trials[theirs.number].state is TrialState.RUNNING
    *_, again = study.get_trials(states=(TrialState.WAITING,))
    assert again.system_attrs["fixed_params"] == mine.params
    assert TAKEN_BACK not in again.user_attrs


def test_a_run_that_ends_well_gives_nothing_back(tiny_study: Path, tmp_path: Path) -> None:
    """What is running then is another's."""
    search, _ = make_search(tiny_study, tmp_path)
    trial = search.study.ask(search.spec.space.distributions())
    trial.set_user_attr("worker", "here:1:2")
    with Watch(search.spec, search.study, "here:1"):
        pass
    assert search.study.trials[trial.number].state is TrialState.RUNNING


def test_ctrl_c_does_not_wait_for_a_storage_that_is_away(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watch over other runs may be held up in it; the run ends all the same."""
    search, _ = make_search(tiny_study, tmp_path)
    held, away = threading.Event(), threading.Event()

    def look(_: Watch) -> None:
        held.set()
        away.wait(SECONDS)

    monkeypatch.setattr(Watch, "look", look)
    monkeypatch.setattr(watch, "BEAT_SECONDS", 0.0)
    monkeypatch.setattr(watch, "LEAVING_SECONDS", 0.01)

    def interrupted_run() -> None:
        with Watch(search.spec, search.study, "here:1"):
            assert held.wait(SECONDS)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted_run()
    assert not away.is_set()
    away.set()


def test_workers_are_ended_as_a_terminal_ends_them(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """Ctrl-C reaches the workers too, in the middle of their trainings: one line all the same."""
    database = tmp_path / "tiny" / "study.db"
    study_file = edited(slow(tiny_study), "task:", "pruning: {rule: none}\ntask:")
    process = start_run(study_file, tmp_path, "--json")
    wait_until(lambda: finished_count(database) > 1, process)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, out) == (130, "")
    assert err.endswith(SAID)
    assert "Traceback" not in err
    command = ["run", "--study", str(study_file), "--runs", str(tmp_path), "--trials", "18"]
    goes_on(mpqsearch, [*command, "--json"], database, scored(database))
