# SPDX-License-Identifier: Apache-2.0
"""A user's own task: found in its file, and refused where it cannot work."""

from pathlib import Path

import pytest

from tests.study_files import refusal, written

TASK_HEAD = """\
from dataclasses import dataclass
from hardware.network import Network, linear
from objectives.task import Task
"""
TASK = (
    TASK_HEAD
    + """
@dataclass(frozen=True)
class My(Task):
    full_length = 8

    def network(self, input_length):
        return Network.chain(1, (input_length,), [linear("fc1", 2)])

    def load(self):
        raise ValueError
"""
)
TASK_FILES = {
    "not Python": ("Hello, world!\n", "{file} cannot be imported: SyntaxError: invalid syntax"),
    "syntax": ("class My(\n", "{file} cannot be imported: SyntaxError: '(' was never closed"),
    "import": (
        "import no_such_module\n",
        "{file} cannot be imported: ModuleNotFoundError: No module named 'no_such_module'",
    ),
    "exit": ("raise SystemExit(0)\n", "{file} cannot be imported: SystemExit: 0"),
    "no class": (
        "x = 1\n",
        "{file} must define a class 'My' derived from objectives.task.Task; it defines none",
    ),
    "another class": (
        TASK.replace("class My", "class Mine"),
        "{file} must define a class 'My' derived from objectives.task.Task; it defines Mine",
    ),
    "case": (
        TASK.replace("class My", "class MY"),
        "{file} must define a class 'My' derived from objectives.task.Task; it defines MY;"
        " did you mean MY?",
    ),
    "not a task": (
        TASK.replace("My(Task)", "My"),
        "{file} must define a class 'My' derived from objectives.task.Task; it defines none",
    ),
    "a function": (
        "def My(): ...\n",
        "{file} must define a class 'My' derived from objectives.task.Task; it defines none",
    ),
    "no dataclass": (
        TASK.replace("@dataclass(frozen=True)\n", ""),
        "class My in {file} must be a dataclass: write @dataclass(frozen=True) above it",
    ),
    "no load": (TASK.replace("load", "lod"), "class My in {file} must define load"),
    "no methods": (
        TASK.replace("load", "lod").replace("def network", "def net"),
        "class My in {file} must define load and network",
    ),
    "no length": (
        TASK.replace("full_length = 8", ""),
        "class My in {file} must set full_length to a whole number from 1 but has None",
    ),
    "recipe": (
        TASK.replace("full_length = 8", "full_length = 8\n    recipe = 3"),
        "class My in {file} must set recipe to a Recipe but has 3",
    ),
}


@pytest.mark.parametrize("case", TASK_FILES)
def test_a_bad_task_file_is_refused(case: str, tmp_path: Path) -> None:
    """A task file that cannot work is named with what is wrong, before anything is trained."""
    text, said = TASK_FILES[case]
    file = tmp_path / "my.py"
    file.write_text(text)
    study = written(tmp_path, "task: my.py:My\nspace:\n  input_length: [8]\n")
    line = refusal(study)
    assert line.startswith("'task': " + said.format(file=file))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "none.py:My",
            "'task': there is no file {folder}/none.py; it is looked for beside the study",
        ),
        (".:My", "'task': there is no file {folder}; it is looked for beside the study"),
        ("my.txt:My", "'task': {folder}/my.txt must be a Python file, *.py"),
    ],
)
def test_a_task_file_that_is_none_is_named(name: str, said: str, tmp_path: Path) -> None:
    """Missing, a folder, or not Python by its name."""
    (tmp_path / "my.txt").write_text(TASK)
    study = written(tmp_path, f"task: {name}\nspace:\n  input_length: [8]\n")
    assert refusal(study) == said.format(folder=tmp_path)


OWN_FAILURES = {
    "network raises": (
        TASK.replace("[linear", "[undefined"),
        "'task': network() of class My in {file}, line 10, failed: NameError: name 'undefined' is"
        " not defined",
    ),
    "network gives something else": (
        TASK.replace('Network.chain(1, (input_length,), [linear("fc1", 2)])', "3"),
        "'space.input_length': network() must give a Network but gives int",
    ),
    "network exits": (
        TASK.replace("return Network", "raise SystemExit(0)\n        return Network"),
        "'task': network() of class My in {file}, line 10, failed: SystemExit: 0",
    ),
    "layers differ": (
        TASK.replace('"fc1"', 'f"fc{input_length}"'),
        "the task's networks must have the same layers at every length",
    ),
    "a field of no plain kind": (
        TASK.replace("full_length = 8", "full_length = 8\n    device: Network = None"),
        "My cannot be made from 'data': ",
    ),
    "__post_init__ raises": (
        TASK + "\n    def __post_init__(self):\n        raise TypeError('oh')\n",
        "My cannot be made from 'data': TypeError: oh",
    ),
    "__post_init__ exits": (
        TASK + "\n    def __post_init__(self):\n        raise SystemExit(0)\n",
        "My cannot be made from 'data': SystemExit: 0",
    ),
}


@pytest.mark.parametrize("case", OWN_FAILURES)
def test_failures_of_a_users_task_are_told_as_such(case: str, tmp_path: Path) -> None:
    """An error inside a user's own class becomes one line with its kind and words."""
    text, said = OWN_FAILURES[case]
    (tmp_path / "my.py").write_text(text)
    study = written(tmp_path, "task: my.py:My\nspace:\n  input_length: [8, 6]\n")
    if case == "a field of no plain kind":
        study.write_text(study.read_text() + "data: {device: 3}\n")
        assert "'data.device'" in refusal(study)
    else:
        assert refusal(study) == said.format(file=tmp_path / "my.py")
