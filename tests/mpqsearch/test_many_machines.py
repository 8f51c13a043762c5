# SPDX-License-Identifier: Apache-2.0
"""Runs that share a study through a server: nothing twice, nothing lost, no password told."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from benchmarks.cheap import CheapWork, prepared, write_study
from mpqsearch import watch
from mpqsearch import workers as workers_of_a_run
from mpqsearch.ledger import Ledger
from mpqsearch.storage_address import StorageAddress
from mpqsearch.trials import TAKEN_BACK, WORKER
from mpqsearch.watch import Watch
from mpqsearch.workers import Workers, this_run
from tests import mariadb, postgresql
from tests.commands import Command, said_by
from tests.mpqsearch.searches import Silent, edited
from tests.mpqsearch.servers import Server, every_server
from tests.runs import SECONDS, slow, start_run


def counts(url: str, name: str) -> Counter[str]:
    """How often each candidate is decided."""
    study = optuna.load_study(study_name=name, storage=url)
    decided = [t for t in study.get_trials(deepcopy=False) if t.state is not TrialState.RUNNING]
    assert len(decided) == len(study.trials)
    return Counter(
        str(trial.user_attrs["candidate"])
        for trial in decided
        if trial.state is TrialState.COMPLETE
    )


@every_server
def test_workers_killed_at_random_lose_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four workers, one of them killed for every 12 candidates: 200 of them, each decided once."""
    monkeypatch.setattr(workers_of_a_run, "FRUITLESS_DEATHS", 100)
    address = StorageAddress.parse(url)
    study_file = write_study(tmp_path, "kills", trials=200, sampler="random", lengths=40)
    spec, study, folder = prepared(study_file, tmp_path, address)
    work = CheapWork(study_file, tmp_path, address, seconds=0.05)
    progress = Silent()
    workers = Workers(spec, study, folder, work, count=4, progress=progress)
    done, kills = threading.Event(), []

    def kill() -> None:
        chosen, seen = random.Random(0), 0
        while not done.wait(chosen.uniform(0.01, 0.2)):
            going = workers.processes
            if going and len(progress.seen) >= seen + 12:
                seen = len(progress.seen)
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.kill(chosen.choice(going), signal.SIGKILL)
                    kills.append(True)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        workers.run()
    finally:
        done.set()
        killer.join()
    found = counts(url, "kills")
    assert len(kills) >= 3
    failed = [t for t in study.trials if t.user_attrs.get("outcome") == "failed"]
    assert all("two workers died" in t.user_attrs["details"]["message"] for t in failed)
    assert len(found) + len({t.user_attrs["candidate"] for t in failed}) == 200
    assert set(found.values()) == {1}


@every_server
def test_two_runs_share_one_budget(url: str, tiny_study: Path, tmp_path: Path) -> None:
    """The same command twice, with run folders of their own as on two machines: no candidate twice.

    The password is in no file that they leave.
    """
    study_file = edited(slow(tiny_study), "epochs: 20", "epochs: 60")  # neither does all alone
    both = [
        start_run(study_file, tmp_path / name, "--storage", url, workers=1)
        for name in ("one", "other")
    ]
    for process in both:
        _, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, err
    study = optuna.load_study(study_name="tiny", storage=url)
    decided = [t for t in study.trials if t.user_attrs.get("outcome")]
    assert len(decided) == len({t.user_attrs["candidate"] for t in decided}) == 18
    assert len({t.user_attrs[WORKER] for t in decided}) == 2
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(written) > 6
    assert not [file for file in written if b"secret" in file.read_bytes()]


@pytest.mark.postgresql
def test_later_commands_find_the_storage(
    mpqsearch: Command, url: str, tiny_study: Path, tmp_path: Path
) -> None:
    """The run folder says where the study is; another storage for it is refused."""
    run = ["run", "--study", tiny_study, "--runs", tmp_path, "--trials", 4]
    assert mpqsearch(*run, "--storage", url).code == 0
    front = mpqsearch("front", "--study", "tiny", "--runs", tmp_path)
    assert front.code == 0
    assert "Front of study tiny" in front.out
    again = mpqsearch(*run)
    assert again.code == 0, again.err
    assert again.out == front.out
    report = mpqsearch("report", "--study", "tiny", "--runs", tmp_path, "--no-images")
    told = mpqsearch("front", "--study", "tiny", "--runs", tmp_path, "--json")
    assert (report.code, told.code) == (0, 0)
    assert "secret" not in told.out + report.out + report.err
    assert b"secret" not in (tmp_path / "tiny/report/report.html").read_bytes()
    other = said_by(mpqsearch(*run, "--storage", url.replace("/t", "/u")))
    assert "has its study in postgresql+psycopg://postgres@127.0.0.1" in other
    assert "secret" not in other


@pytest.mark.mysql
@pytest.mark.parametrize("server", ["mysql"], indirect=True)
def test_mysql_s_password_may_be_in_a_file_of_its_own(
    mpqsearch: Command, url: str, tiny_study: Path, tmp_path: Path
) -> None:
    """Where PyMySQL looks when the address says so: later commands find it, no password told."""
    options = tmp_path / "my.cnf"
    options.write_text(f"[client]\npassword = {mariadb.PASSWORD}\n")
    address = f"{url.replace(f':{mariadb.PASSWORD}@', '@')}?read_default_file={options}"
    assert mariadb.PASSWORD not in address
    run = ["run", "--study", tiny_study, "--runs", tmp_path, "--trials", 4]
    assert mpqsearch(*run, "--storage", address).code == 0
    front = mpqsearch("front", "--study", "tiny", "--runs", tmp_path)
    assert front.code == 0, front.err
    assert "Front of study tiny" in front.out
    options.unlink()
    said = said_by(mpqsearch("front", "--study", "tiny", "--runs", tmp_path))
    assert "cannot be used" in said


@pytest.mark.postgresql
def test_a_run_with_a_file_of_its_own_takes_no_server(
    mpqsearch: Command, url: str, tiny_study: Path, tmp_path: Path
) -> None:
    """What was begun in a file is not begun again elsewhere."""
    run = ["run", "--study", tiny_study, "--runs", tmp_path, "--trials", 4]
    assert mpqsearch(*run).code == 0
    assert "has its study in" in said_by(mpqsearch(*run, "--storage", url))


@every_server
def test_a_run_that_is_gone_is_found_by_its_silence(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No beat for so long: its candidates are queued again, once; who still beats keeps his."""
    monkeypatch.setattr(watch, "GONE_SECONDS", 0.0)
    study_file = write_study(tmp_path, "gone", trials=20, sampler="random", lengths=4)
    spec, study, _ = prepared(study_file, tmp_path, StorageAddress.parse(url))
    lost, living = (study.ask(spec.space.distributions()) for _ in range(2))
    lost.set_user_attr(WORKER, "far:1:2")
    living.set_user_attr(WORKER, "near:1:2")
    other = Watch(spec, study, "near:1")
    here = Watch(spec, study, this_run())
    for _ in range(2):
        other.beat()
        here.look()
        time.sleep(0.01)
    assert study.trials[lost.number].state is TrialState.FAIL
    assert study.trials[living.number].state is TrialState.RUNNING
    queued = study.get_trials(states=(TrialState.WAITING,))
    again = [one for one in queued if one.user_attrs.get(TAKEN_BACK)]
    assert [one.system_attrs["fixed_params"] for one in again] == [lost.params]
    ledger = Ledger(study, spec.space)
    ledger.refresh()
    assert ledger.has(spec.space.candidate(lost.params))


@every_server
def test_trials_that_were_never_begun_are_taken_back(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that dies before it has put its name to a trial leaves no hole."""
    study_file = write_study(tmp_path, "unmarked", trials=20, sampler="random", lengths=4)
    spec, study, _ = prepared(study_file, tmp_path, StorageAddress.parse(url))
    trial = study.ask(spec.space.distributions())
    here = Watch(spec, study, this_run())
    here.look()
    assert study.trials[trial.number].state is TrialState.RUNNING
    monkeypatch.setattr(watch, "UNMARKED_SECONDS", 0.0)
    time.sleep(0.01)
    here.look()
    assert study.trials[trial.number].state is TrialState.FAIL


@every_server
def test_a_server_that_goes_away_for_a_while_is_waited_for(
    server: Server, url: str, tmp_path: Path
) -> None:
    """Stopped at once and started again in the middle of a run: every candidate is decided."""
    address = StorageAddress.parse(url)
    study_file = write_study(tmp_path, "away", trials=60, sampler="random", lengths=10)
    spec, study, folder = prepared(study_file, tmp_path, address)
    progress = Silent()
    work = CheapWork(study_file, tmp_path, address, seconds=0.05)
    workers = Workers(spec, study, folder, work, count=2, progress=progress)
    stopped = []

    def interrupt() -> None:
        until = time.monotonic() + SECONDS
        while len(progress.seen) < 8 and time.monotonic() < until:
            time.sleep(0.02)
        server.stop()
        stopped.append(len(progress.seen))
        time.sleep(3)
        server.start()

    thread = threading.Thread(target=interrupt)
    thread.start()
    workers.run()
    thread.join()
    assert stopped[0] < 60
    assert len(counts(url, "away")) == 60
    assert set(counts(url, "away").values()) == {1}


@pytest.mark.postgresql
def test_runs_share_a_study_through_the_proxy(url: str, tiny_study: Path, tmp_path: Path) -> None:
    """Two runs that know only the address of Optuna's gRPC proxy, which knows the database."""
    pytest.importorskip("grpc", reason="grpcio is not installed")
    port = postgresql.free_port()
    serving = (
        "import optuna; from optuna.storages import get_storage, run_grpc_proxy_server as run;"
        f"run(get_storage({url!r}), host='127.0.0.1', port={port})"
    )
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", serving]) as proxy:
        try:
            storage = f"grpc://127.0.0.1:{port}"
            both = [
                start_run(tiny_study, tmp_path / name, "--storage", storage, workers=1)
                for name in ("one", "other")
            ]
            for process in both:
                _, err = process.communicate(timeout=SECONDS)
                assert process.returncode == 0, err
        finally:
            proxy.terminate()
    study = optuna.load_study(study_name="tiny", storage=url)
    decided = [t for t in study.trials if t.user_attrs.get("outcome")]
    assert len(decided) == len({t.user_attrs["candidate"] for t in decided}) == 18


@pytest.mark.parametrize(
    ("storage", "said"),
    [
        ("somewhere", "--storage must be a URL such as"),
        ("sqlite:///study.db", "without it a run has a SQLite file"),
        ("oracle://user:secret@host/x", "must begin with one of postgresql://"),
        ("postgresql+psycopg:///x", "must name a host"),
        ("postgresql+psycopg://user:secret@host", "must name a database"),
        ("grpc://host", "must name the proxy's port"),
        ("grpc://host:99999", "port must be in 1..65535, but is 99999"),
        ("postgresql+psycopg://user@host:0/db", "port must be in 1..65535, but is 0"),
        ("postgresql+psycopg://user:secret@127.0.0.1:1/x", "cannot be used"),
        ("postgresql+nothing://user:secret@127.0.0.1:1/x", "nothing"),
    ],
)
def test_storages_that_cannot_be(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path, storage: str, said: str
) -> None:
    """Each is refused with one line that does not repeat the password."""
    answer = mpqsearch("run", "--study", tiny_study, "--runs", tmp_path, "--storage", storage)
    line = said_by(answer)
    assert said in line
    assert "secret" not in line
    assert "secret" not in answer.out
