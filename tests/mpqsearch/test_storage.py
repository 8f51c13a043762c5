# SPDX-License-Identifier: Apache-2.0
"""A run's storage: continued by the same study only, and never changed where it is not ours."""

import json
import shutil
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from filelock import FileLock
from optuna.storages._rdb import models

from mpqsearch.database import StudyDatabase
from tests.commands import Command, contents, said_by, start
from tests.conftest import write_tiny_study


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study file and its finished run of three candidates."""
    folder = tmp_path_factory.mktemp("finished")
    write_tiny_study(folder)
    done = start("run", "--study", "tiny.yaml", "--trials", 3, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["front"]
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished run, the current folder."""
    copy = tmp_path / "copy"
    shutil.copytree(finished, copy)
    monkeypatch.chdir(copy)
    return copy


@pytest.mark.parametrize(
    ("addition", "options", "said"),
    [
        ("recipe: {epochs: 7}\n", "", "another recipe (recipe: {'epochs': 6,"),
        ("chip: MAX78000\n", "", "another chip (chip: MAX78002 there, MAX78000 now)"),
        ("data: {samples: 128}\n", "", "another data (data: "),
        ("", "--seed 2", "another seed (seed: 1 there, 2 now)"),
    ],
)
def test_a_storage_written_with_other_settings_is_refused(
    addition: str, options: str, said: str, mpqsearch: Command, run: Path
) -> None:
    """Results under different settings never mix; the line says which one and what to do."""
    study = run / "tiny.yaml"
    study.write_text(study.read_text().replace("chip: MAX78002\n", "") + addition)
    before = contents(run / "runs")
    line = said_by(mpqsearch("run", "--study", "tiny.yaml", *options.split()))
    assert line.startswith(f"storage runs/tiny/study.db was written with {said}")
    assert line.endswith("; continue with the same, or start anew with another --name or --runs")
    assert contents(run / "runs") == before


def test_a_storage_of_another_study_is_refused(mpqsearch: Command, run: Path) -> None:
    """A storage copied into the folder of another run is recognised."""
    (run / "runs/other").mkdir()
    shutil.copy(run / "runs/tiny/study.db", run / "runs/other")
    line = said_by(mpqsearch("run", "--study", "tiny.yaml", "--name", "other"))
    assert line == (
        "storage runs/other/study.db holds the study 'tiny', not 'other'; use another --runs folder"
        " or --name"
    )
    line = said_by(mpqsearch("front", "--study", "other"))
    assert line == "storage runs/other/study.db holds no study called 'other'"


def test_a_run_that_is_meant_is_named(mpqsearch: Command, run: Path) -> None:
    """A typo in a run's name gives the runs there are, and the nearest."""
    assert said_by(mpqsearch("front", "--study", "tiyn")) == (
        "no run of study 'tiyn' in runs; there are tiny, mpqsearch run --study starts one;"
        " did you mean tiny?"
    )
    assert run.is_dir()


def other_program(database: Path) -> None:
    database.unlink()
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE songs (title TEXT)")
    connection.commit()
    connection.close()


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "text": (
        lambda database: database.write_text("no database " * 1000),
        "cannot be used: file is not a database; put back a copy of it, or start anew with"
        " another --name or --runs",
    ),
    "cut in half": (
        lambda database: database.write_bytes(database.read_bytes()[:50_000]),
        "cannot be used: database disk image is malformed; put back a copy of it, or start anew"
        " with another --name or --runs",
    ),
    "cut in the header": (
        lambda database: database.write_bytes(database.read_bytes()[:60]),
        "cannot be used: database disk image is malformed; put back a copy of it, or start anew"
        " with another --name or --runs",
    ),
    "another program's": (
        other_program,
        "is a database of another program, with tables songs; choose another --runs or --name",
    ),
}


@pytest.mark.parametrize("command", ["front --study tiny", "run --study tiny.yaml"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_storage_that_is_none_is_left_alone(
    damage: str, command: str, mpqsearch: Command, run: Path
) -> None:
    """A damaged or foreign database is named, and not a byte of it is changed."""
    spoil, said = DAMAGE[damage]
    database = run / "runs/tiny/study.db"
    spoil(database)
    before = database.read_bytes()
    assert said_by(mpqsearch(*command.split())) == f"storage runs/tiny/study.db {said}"
    assert database.read_bytes() == before


def test_a_storage_of_plain_optuna_is_named(mpqsearch: Command, run: Path) -> None:
    """A study that Optuna wrote without mpqsearch has no front of ours."""
    connection = sqlite3.connect(run / "runs/tiny/study.db")
    connection.execute("DELETE FROM study_user_attributes")
    connection.commit()
    connection.close()
    assert said_by(mpqsearch("front", "--study", "tiny")) == (
        "study 'tiny' was not made by mpqsearch"
    )


def test_a_storage_of_another_mpqsearch_is_named(mpqsearch: Command, run: Path) -> None:
    """Trials whose attributes are not ours of today are no reason for a traceback."""
    connection = sqlite3.connect(run / "runs/tiny/study.db")
    connection.execute("DELETE FROM trial_user_attributes WHERE key = 'candidate'")
    connection.commit()
    connection.close()
    for command in ("front --study tiny", "run --study tiny.yaml"):
        assert said_by(mpqsearch(*command.split())) == (
            "study 'tiny' was written by another version of mpqsearch; use that one, or start anew"
            " with another --name or --runs"
        )


@pytest.mark.parametrize(
    ("revision", "step"),
    [
        ("v99.0.0.a", "pip install -U optuna"),
        ("v2.4.0.a", "optuna storage upgrade --storage sqlite:///runs/tiny/study.db"),
    ],
)
def test_a_storage_of_another_optuna_is_named(
    revision: str, step: str, mpqsearch: Command, run: Path
) -> None:
    """Tables of a version that this Optuna does not read are named, with Optuna's next step."""
    connection = sqlite3.connect(run / "runs/tiny/study.db")
    connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.commit()
    connection.close()
    for command in ("front --study tiny", "run --study tiny.yaml"):
        line = said_by(mpqsearch(*command.split()))
        assert line.startswith("storage runs/tiny/study.db is of another Optuna: ")
        assert step in line


def test_an_empty_storage_holds_no_run(mpqsearch: Command, run: Path) -> None:
    """`front` says so of an empty file and leaves it empty."""
    database = run / "runs/tiny/study.db"
    database.write_bytes(b"")
    assert said_by(mpqsearch("front", "--study", "tiny")) == (
        "storage runs/tiny/study.db is empty: no run has begun there"
    )
    assert database.read_bytes() == b""


def test_front_prints_while_a_run_holds_the_folder(mpqsearch: Command, run: Path) -> None:
    """Reading needs no lock, so a running study can be looked at."""
    with FileLock(run / "runs/tiny/lock"):
        answer = mpqsearch("front", "--study", "tiny")
    assert (answer.code, answer.err) == (0, "")
    assert "Front of study tiny" in answer.out


@pytest.mark.parametrize("name", ["what? #1 %41", "mü"])
def test_odd_folder_names_hold_a_run(name: str, mpqsearch: Command, run: Path) -> None:
    """Signs with a meaning in an address are plain signs in a folder's name."""
    shutil.move(run / "runs", run / name)
    answer = mpqsearch("front", "--study", "tiny", "--runs", name, "--json")
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["counts"]["scored"] == 3
    # Nothing was made under another name; Python may keep the task file compiled.
    folders = {path.name for path in run.iterdir() if path.is_dir()}
    assert folders - {"__pycache__"} == {name}


@pytest.mark.parametrize(
    ("kind", "package", "said"),
    [
        ("postgresql+psycopg", "psycopg", "Connection refused"),
        ("mysql+pymysql", "pymysql", "Connection refused"),
        ("grpc", "grpc", "it gave no answer within 1 s"),
    ],
)
def test_a_server_that_is_not_there(  # noqa: PLR0917
    mpqsearch: Command,
    tiny_study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    package: str,
    said: str,
) -> None:
    """One line, and nothing is left of a run that never was; a folder of the user's stays."""
    pytest.importorskip(package, reason=f"{package} is not installed")
    monkeypatch.setattr("mpqsearch.backend.READY_SECONDS", 1)
    with socket.socket() as held:  # bound, and never listened to
        held.bind(("127.0.0.1", 0))
        address = f"{kind}://127.0.0.1:{held.getsockname()[1]}"
        address += "" if kind == "grpc" else "/searches"
        (tmp_path / "runs").mkdir()
        line = said_by(
            mpqsearch(
                "run", "--study", tiny_study, "--runs", tmp_path / "runs/new", "--storage", address
            )
        )
    assert line.startswith(f"storage {address} cannot be used: ")
    assert said in line
    assert "see that the server runs" in line
    assert not list((tmp_path / "runs").iterdir())


@pytest.mark.parametrize("made", [1, 3, len(models.BaseModel.metadata.tables) - 1])
def test_tables_that_another_process_is_making(
    mpqsearch: Command,
    tiny_study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    made: int,
) -> None:
    """Some are there when it looks, some come while it makes them: it looks again, and goes on."""
    folder = tmp_path / "runs/tiny"
    folder.mkdir(parents=True)
    url = f"sqlite:///{folder / 'study.db'}"
    tables = models.BaseModel.metadata.sorted_tables
    models.BaseModel.metadata.create_all(sqlalchemy.create_engine(url), tables=tables[:made])
    raced: list[BaseException] = []

    class Raced(StudyDatabase):
        """What comes of it where the other is faster than this one after it has looked."""

        def __init__(self, url: str, engine_kwargs: dict[str, Any] | None = None) -> None:
            if not raced:
                try:
                    tables[0].create(sqlalchemy.create_engine(url), checkfirst=False)
                except sqlalchemy.exc.OperationalError as error:
                    raced.append(error)
                    raise
            super().__init__(url, engine_kwargs)

    monkeypatch.setattr("mpqsearch.backend.StudyDatabase", Raced)
    run = ("run", "--study", tiny_study, "--runs", folder.parent, "--trials", 3, "--json")
    answer = mpqsearch(*run)
    assert raced
    assert answer.code == 0, answer.err
    assert json.loads(answer.out)["front"]
