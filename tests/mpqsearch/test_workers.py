# SPDX-License-Identifier: Apache-2.0
"""Several processes on one study: no candidate twice, none left out, whoever dies."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from mpqsearch import workers
from mpqsearch.errors import RunFailed, StudyError
from mpqsearch.ledger import Ledger
from mpqsearch.queue import take_back
from mpqsearch.storage import records_of
from mpqsearch.trials import TAKEN_BACK, WORKER, Outcome
from mpqsearch.workers import Part, Workers, this_run, worker_name
from tests.commands import Command, said_by
from tests.mpqsearch.searches import Silent, edited, make_search
from tests.runs import (
    SECONDS,
    alive,
    at_work,
    finished_count,
    scored,
    slow,
    start_run,
    wait_until,
)


def test_two_workers_train_each_candidate_once(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """An exhaustive search by two has no hole and no duplicate, and prints the front."""
    process = start_run(slow(tiny_study), tmp_path, "--json")
    database = tmp_path / "tiny" / "study.db"
    wait_until(lambda: database.is_file() and finished_count(database) > 0, process)
    wait_until(lambda: len(at_work(database)) == 2, process)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    counts = json.loads(out)["counts"]
    assert counts["scored"] + counts["pruned"] == 18
    assert "18/18" in err
    again = mpqsearch("run", "--study", tiny_study, "--runs", tmp_path, "--exhaustive", "--json")
    assert again.code == 0
    assert again.out == out
    assert "/18" not in again.err


def test_a_worker_that_is_killed_is_replaced(tiny_study: Path, tmp_path: Path) -> None:
    """Its candidates go back into the queue: none is lost, none is trained twice to the end."""
    process = start_run(edited(slow(tiny_study), "task:", "pruning: {rule: none}\ntask:"), tmp_path)
    database = tmp_path / "tiny" / "study.db"
    wait_until(lambda: database.is_file() and finished_count(database) > 0, process)
    wait_until(lambda: bool(at_work(database)), process)
    os.kill(at_work(database).pop(), signal.SIGKILL)
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    assert len(scored(database)) == len(set(scored(database))) == 18
    assert "died (signal SIGKILL)" in (tmp_path / "tiny" / "log.txt").read_text()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_their_run(tiny_study: Path, tmp_path: Path, how: signal.Signals) -> None:
    """Whatever ends the run leaves no process behind, and the same command goes on."""
    study_file = slow(tiny_study)
    process = start_run(study_file, tmp_path)
    database = tmp_path / "tiny" / "study.db"
    wait_until(lambda: database.is_file() and finished_count(database) > 3, process)
    wait_until(lambda: bool(at_work(database)), process)
    several = at_work(database)
    process.send_signal(how)
    process.communicate(timeout=SECONDS)
    assert process.returncode == (-signal.SIGKILL if how is signal.SIGKILL else 130)
    until = time.monotonic() + SECONDS
    while any(map(alive, several)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(alive, several))
    before = scored(database)
    second = start_run(study_file, tmp_path, "--json")
    out, err = second.communicate(timeout=SECONDS)
    assert second.returncode == 0, err
    counts = json.loads(out)["counts"]
    assert counts["scored"] + counts["pruned"] == 18
    after = scored(database)
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) == counts["scored"]


def test_a_candidate_goes_back_once(tiny_study: Path, tmp_path: Path) -> None:
    """When a second worker dies with it, it has failed, and the record says why."""
    search, _ = make_search(tiny_study, tmp_path)
    space, study = search.spec.space, search.study
    for _ in study.get_trials(states=(TrialState.WAITING,)):  # the references
        study.tell(study.ask(), state=TrialState.FAIL)
    candidate = next(iter(space))
    study.enqueue_trial(space.parameters(candidate))

    def is_theirs(trial: FrozenTrial) -> bool:
        return trial.user_attrs.get(WORKER) == "here:1:2"

    for _ in range(2):
        trial = study.ask(space.distributions())
        assert space.candidate(trial.params) == candidate
        trial.set_user_attr(WORKER, "here:1:2")
        ledger = Ledger(study, space)
        take_back(search.spec, study, lambda _: False, "signal SIGKILL")
        assert study.trials[trial.number].state is TrialState.RUNNING
        take_back(search.spec, study, is_theirs, "signal SIGKILL")
        assert study.trials[trial.number].state is TrialState.FAIL
        ledger.refresh()
    assert not ledger.waiting
    (record,) = records_of(study)
    assert record.outcome is Outcome.FAILED
    assert record.message == "two workers died while they had it, the last with signal SIGKILL"
    assert study.trials[record.number or 0].user_attrs[TAKEN_BACK] == 1


def test_a_repeat_that_is_left_is_not_queued_again(tiny_study: Path, tmp_path: Path) -> None:
    """Where another trial has its candidate, the trial of a dead worker ends and nothing more."""
    search, _ = make_search(tiny_study, tmp_path)
    space, study = search.spec.space, search.study
    queued = study.get_trials(states=(TrialState.WAITING,))
    owner = study.ask(space.distributions())
    study.enqueue_trial(owner.params, user_attrs={TAKEN_BACK: 1})
    for _ in queued:
        repeat = study.ask(space.distributions())
    assert repeat.params == owner.params
    take_back(search.spec, study, lambda trial: trial.number == repeat.number, "signal SIGKILL")
    assert study.trials[repeat.number].state is TrialState.FAIL
    assert not study.trials[repeat.number].user_attrs.get("outcome")
    assert not study.get_trials(states=(TrialState.WAITING,))


def _dies(part: Part) -> None:  # noqa: ARG001
    os.kill(os.getpid(), signal.SIGKILL)


def _refuses(part: Part) -> None:
    raise StudyError(f"worker {part.number} cannot read its data")


def test_workers_that_only_die_end_the_run(
    tiny_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so many deaths without a result the run has failed, with the usual reason."""
    monkeypatch.setattr(workers, "FRUITLESS_DEATHS", 1)
    search, _ = make_search(tiny_study, tmp_path)
    run = Workers(search.spec, search.study, search.folder, _dies, count=2, progress=Silent())
    with pytest.raises(RunFailed, match=r"2 workers died in a row .* SIGKILL; too little memory"):
        run.run()


def test_what_a_worker_refuses_is_told(tiny_study: Path, tmp_path: Path) -> None:
    """Its error is the run's, in its own words."""
    search, _ = make_search(tiny_study, tmp_path)
    run = Workers(search.spec, search.study, search.folder, _refuses, count=1, progress=Silent())
    with pytest.raises(StudyError, match="worker 1 cannot read its data"):
        run.run()


def _breaks(part: Part) -> None:  # noqa: ARG001
    raise KeyError("lost")


def test_a_fault_in_a_worker_ends_the_run(tiny_study: Path, tmp_path: Path) -> None:
    """It would meet every worker; the run ends and names it."""
    search, _ = make_search(tiny_study, tmp_path)
    run = Workers(search.spec, search.study, search.folder, _breaks, count=2, progress=Silent())
    with pytest.raises(RunFailed, match="a worker failed: KeyError: 'lost'"):
        run.run()


def test_a_worker_is_named_by_machine_and_process() -> None:
    """So that people find it."""
    machine, process, worker = worker_name(this_run(), 7).split(":")
    assert (machine, worker) == (socket.gethostname(), "7")
    assert process.partition("-")[0] == str(os.getpid())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--workers", 0], "--workers must be in 1..1024 but is 0"),
        (["--workers", 5000], "--workers must be in 1..1024 but is 5000"),
        (["--exhaustive", "--trials", 5], "--exhaustive trains the whole space; leave out"),
    ],
)
def test_options_that_cannot_be(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path, options: list[object], said: str
) -> None:
    """Each is refused with one line, and nothing is made."""
    answer = mpqsearch("run", "--study", tiny_study, "--runs", tmp_path / "runs", *options)
    assert said_by(answer).startswith(said)
    assert not (tmp_path / "runs").exists()


def test_a_container_that_is_started_again_is_another_run() -> None:
    """Its machine and process have the names they had; what the first left is not the second's."""
    boxed = "import os, socket; os.getpid = lambda: 1; socket.gethostname = lambda: 'box';"
    command = [sys.executable, "-c", f"{boxed} from mpqsearch.workers import *; print(this_run())"]
    first, second = (subprocess.check_output(command, text=True).strip() for _ in range(2))
    assert first != second
    assert all(name.startswith("box:1-") for name in (first, second))
