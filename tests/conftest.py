# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all tests: a tiny study, and the command line in this process."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.commands import Answer, Command

# As `mpqsearch run` trains: with one thread.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# The tests' own tasks may run; test_allowed_code.py and test_code_from_elsewhere.py take this back.
os.environ["MPQSEARCH_ALLOW_CODE"] = "1"
# What a shell starts in the background ignores Ctrl-C, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

TINY_STUDY = """\
task: tiny_task.py:TinyTask
chip: MAX78002
seed: 1
space:
  input_length: [8, 6]
  bits: [8, 4, 2]
search:
  trials: 12
  population: 4
  batch: 4
"""


def write_tiny_study(folder: Path) -> Path:
    shutil.copy(Path(__file__).parent / "tiny_task.py", folder)
    study = folder / "tiny.yaml"
    study.write_text(TINY_STUDY)
    return study


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for each test; the user's own is never touched."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("MPQSEARCH_CACHE", str(folder))
    monkeypatch.delenv("MPQSEARCH_CACHE_BYTES", raising=False)
    return folder


@pytest.fixture
def tiny_study(tmp_path: Path) -> Path:
    """A study file: 12 of 18 candidates, each trained in a fraction of a second."""
    return write_tiny_study(tmp_path)


@pytest.fixture
def mpqsearch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line, run in this process."""
    # Set before it is deleted, so that what `--traceback` leaves behind is taken back as well.
    monkeypatch.setenv("MPQSEARCH_TRACEBACK", "")
    monkeypatch.delenv("MPQSEARCH_TRACEBACK")
    monkeypatch.delenv("MPQSEARCH_RUNS", raising=False)

    def command(*arguments: object) -> Answer:
        from mpqsearch.__main__ import main

        monkeypatch.setattr(sys, "argv", ["mpqsearch", *map(str, arguments)])
        before = signal.getsignal(signal.SIGTERM)
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            signal.signal(signal.SIGTERM, before)
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return command
