# SPDX-License-Identifier: Apache-2.0
"""One run: data and a user's own code are looked at before anything is made or trained."""

import shlex
import shutil
from pathlib import Path

import pytest

from mpqsearch.errors import StudyError
from mpqsearch.study_data import load_data
from mpqsearch.study_file import read_study
from tests.commands import Command, contents, said_by
from tests.conftest import write_tiny_study

LOAD = "        rng = np.random.default_rng(0)\n"
RETURN = "        return TaskData("
CROP = """
    def crop(self, inputs, input_length):
        {body}
"""
FAILURES = {
    "load raises": (
        LOAD,
        "        rng = {}['seed']\n",
        "load() of class TinyTask in {file}, line 39, failed: KeyError: 'seed'",
    ),
    "load says what is wrong": (
        LOAD,
        "        raise ValueError('no recordings in May')\n",
        "data of task {file}:TinyTask: no recordings in May",
    ),
    "load opens a missing file": (
        LOAD,
        "        open('waves.npy')\n",
        "data of task {file}:TinyTask: [Errno 2] No such file or directory: 'waves.npy'",
    ),
    "load exits": (
        LOAD,
        "        raise SystemExit\n",
        "load() of class TinyTask in {file}, line 39, failed: SystemExit: ",
    ),
    "load gives nothing": (
        RETURN,
        "        TaskData(",
        "data of task {file}:TinyTask: load() must give TaskData but gives NoneType",
    ),
    "load gives arrays for splits": (
        RETURN,
        "        return TaskData(splits[0].inputs, *splits[1:], ('a', 'b'), '', synthetic=True)\n"
        + RETURN,
        "data of task {file}:TinyTask: train must be a Split but is of type ndarray",
    ),
    "labels in a column": (
        "labels.astype(np.int64)",
        "labels.astype(np.int64)[:, None]",
        "data of task {file}:TinyTask: a split must have one label a sample but has inputs of shape"
        " (256, 2, 8) and labels of shape (256, 1)",
    ),
    "a source that is no text": (
        '"two channels of noise"',
        "None",
        "data of task {file}:TinyTask: source and every one of class_names must be text",
    ),
    "synthetic by guess": (
        "synthetic=True",
        "synthetic=0",
        "data of task {file}:TinyTask: synthetic must be True or False but is 0",
    ),
    "another length": (
        "2, self.full_length))",
        "2, 9))",
        "data of task {file}:TinyTask: inputs have shape (2, 9) but the network for the full length"
        " takes (2, 8)",
    ),
    "more classes than logits": (
        '("first", "second")',
        '("first", "second", "third")',
        "data of task {file}:TinyTask: 3 classes but the network gives 2 logits",
    ),
    "crop raises": (
        "",
        CROP.format(body="return inputs[:, :, self.first]"),
        "crop() of class TinyTask in {file}, line 49, failed: AttributeError: 'TinyTask' object has"
        " no attribute 'first'",
    ),
    "crop forgets the length": (
        "",
        CROP.format(body="return inputs"),
        "data of task {file}:TinyTask: crop() to length 6 must give int8 of shape (256, 2, 6) but"
        " gives int8 of shape (256, 2, 8)",
    ),
    "crop scales": (
        "",
        CROP.format(body="return super().crop(inputs, input_length) / 2"),
        "data of task {file}:TinyTask: crop() to length 8 must give int8 of shape (256, 2, 8) but"
        " gives float64 of shape (256, 2, 8)",
    ),
    "crop gives a list": (
        "",
        CROP.format(body="return [1, [2, 3]]"),
        "data of task {file}:TinyTask: crop() to length 8 must give int8 of shape (256, 2, 8) but"
        " gives list",
    ),
}


@pytest.mark.parametrize("case", FAILURES)
def test_failures_of_a_users_task_are_one_line(
    case: str, mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """Whatever `load` and `crop` do: the file, the line and the error, and no run folder."""
    old, new, said = FAILURES[case]
    file = tmp_path / "tiny_task.py"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1) if old else text + new)
    line = said_by(mpqsearch("run", "--study", tiny_study, "--runs", tmp_path / "runs"))
    assert line == " ".join(said.format(file=file).split())
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("error", [ValueError, KeyError])
def test_a_fault_of_our_own_task_is_not_hidden(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What our own `load` never raises about data is a fault, and is passed on as it is."""

    def broken(_: object) -> None:
        raise error("ours")

    monkeypatch.setattr("objectives.tasks.digits.DigitsTask.load", broken)
    study = tmp_path / "digits.yaml"
    study.write_text("task: digits\nspace:\n  input_length: [8]\n")
    with pytest.raises(error, match="ours") as caught:
        load_data(read_study(study))
    assert not isinstance(caught.value, StudyError)


def test_a_moved_clone_goes_on(
    mpqsearch: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Study, task file and runs may move together; the place is no part of a study."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    write_tiny_study(here)
    monkeypatch.chdir(here)
    assert mpqsearch("run", "--study", "tiny.yaml", "--trials", 3).code == 0
    monkeypatch.chdir(tmp_path)
    shutil.move(here, there)
    monkeypatch.chdir(there)
    answer = mpqsearch("run", "--study", "tiny.yaml", "--trials", 4)
    assert answer.code == 0, answer.err
    assert "4 candidates trained" in answer.out
    assert answer.err.count("/4  ") == 1


def test_another_task_file_is_another_study(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """A task file with other content is refused: its results would not compare."""
    runs = tmp_path / "runs"
    command = ("run", "--study", tiny_study, "--runs", runs, "--trials")
    assert mpqsearch(*command, 3).code == 0
    before = contents(runs)
    file = tmp_path / "tiny_task.py"
    file.write_text(file.read_text().replace("kernel=9, padding=2", "kernel=3, padding=1"))
    line = said_by(mpqsearch(*command, 4))
    assert line.startswith(
        f"storage {runs}/tiny/study.db was written with another task (task: Tiny"
    )
    assert contents(runs) == before


def test_settings_of_any_kind_are_kept_as_text(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """A field of a user's task that YAML has no word for is written, not stumbled over."""
    file = tmp_path / "tiny_task.py"
    text = file.read_text()
    field = "    features: int = 4\n"
    assert field in text
    extra = "    gain: Decimal = Decimal('0.5')\n    band: tuple[int, ...] = (1, 2)\n"
    head = "from dataclasses import dataclass\n"
    text = text.replace(head, head + "from decimal import Decimal\n")
    file.write_text(text.replace(field, field + extra))
    answer = mpqsearch("run", "--study", tiny_study, "--runs", tmp_path / "runs", "--trials", 3)
    assert answer.code == 0, answer.err
    kept = (tmp_path / "runs/tiny/study.yaml").read_text()
    assert "  gain: '0.5'\n  band:\n  - 1\n  - 2\n" in kept


def test_the_command_that_is_named_can_be_typed(
    mpqsearch: Command, tiny_study: Path, tmp_path: Path
) -> None:
    """What a run says to type next is quoted where a shell would split it."""
    runs = tmp_path / "my runs"
    command = ("run", "--study", tiny_study, "--runs", runs, "--name", "a b", "--trials", 3)
    said = mpqsearch(*command).err.splitlines()[-1]
    assert said == (
        f"kept in {runs}/a b; mpqsearch front --study 'a b' --runs '{runs}' shows it again"
    )
    _, *again = shlex.split(said.split("; ")[1].removesuffix(" shows it again"))
    assert "Front of study a b" in mpqsearch(*again).out
