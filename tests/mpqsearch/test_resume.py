# SPDX-License-Identifier: Apache-2.0
"""A run that is killed loses what it was doing, and nothing else."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.commands import Command, start
from tests.runs import finished_count, scored


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_goes_on_without_repeating_anything(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path, how: signal.Signals
) -> None:
    """Killed in the middle and started again: all finished trials stay, none is run twice."""
    runs = tmp_path / "runs"
    database = runs / "tiny" / "study.db"
    command = [
        "run",
        "--study",
        str(tiny_study),
        "--runs",
        str(runs),
        "--trials",
        "18",
        "--json",
    ]
    first = subprocess.Popen(
        [sys.executable, "-m", "mpqsearch", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
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
    assert 4 <= len(before) < 18

    second = mpqsearch(*command)
    assert second.code == 0, second.err
    after = scored(database)
    assert after[: len(before)] == before
    assert len(after) == len(set(after)) == 18
    assert json.loads(second.out)["counts"]["scored"] == 18


def test_a_finished_run_does_nothing_when_run_again(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """Budgets are totals: the same command on a full study trains nothing and prints the same."""
    command = [
        "run",
        "--study",
        tiny_study,
        "--runs",
        tmp_path,
        "--trials",
        5,
        "--json",
    ]
    first, second = mpqsearch(*command), mpqsearch(*command)
    assert first.code == second.code == 0
    assert first.out == second.out
    assert "5/5" in first.err
    assert "/5" not in second.err
    more = mpqsearch(*command, "--trials", 7)
    assert json.loads(more.out)["counts"]["scored"] == 7


def test_one_seed_gives_one_study(mpqsearch: Command, tiny_study: Path, tmp_path: Path) -> None:
    """Two runs with the same seed, in two processes, propose and score the same candidates."""
    command = ["run", "--study", tiny_study, "--json", "--runs"]
    here = mpqsearch(*command, tmp_path / "one")
    there = start(*command, tmp_path / "two", cwd=tmp_path)
    assert here.code == there.returncode == 0, there.stderr
    fronts = [json.loads(text)["front"] for text in (here.out, there.stdout)]
    for front in fronts:
        for row in front:
            del row["train_seconds"]
    assert fronts[0] == fronts[1]
