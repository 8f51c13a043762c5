# SPDX-License-Identifier: Apache-2.0
"""Finds a study's task: one that comes with mpqsearch, or a class in a Python file."""

import contextlib
import dataclasses
import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from hardware.nearest import nearest_of
from mpqsearch.allowed_code import check_allowed
from mpqsearch.errors import StudyError
from objectives.recipe import Recipe
from objectives.task import Task

BUILT_IN_TASKS = {
    "indoor": ("objectives.tasks.indoor", "IndoorTask"),
    "digits": ("objectives.tasks.digits", "DigitsTask"),
}


def find_task(name: str, study: Path, *, allow_code: bool = False) -> tuple[type[Task], str]:
    """Finds a task by name, or in a Python file: `path/to/file.py:ClassName`.

    Args:
        name: As the study file writes it; a file is looked for beside the study.
        study: The study file.
        allow_code: Whether a Python file is allowed to run, now and until it changes.

    Returns:
        The task's class, and its name, a file's path made absolute.

    Raises:
        StudyError: where there is none, it has not been allowed to run, or it is not what
            docs/own-task.md asks for.
    """
    if name in BUILT_IN_TASKS:
        module_name, class_name = BUILT_IN_TASKS[name]
        return getattr(importlib.import_module(module_name), class_name), name
    file_name, _, class_name = name.rpartition(":")
    if not file_name or not class_name:
        raise StudyError(
            f"{study}: 'task' must be one of {', '.join(BUILT_IN_TASKS)} or"
            f" path/to/file.py:ClassName but is {name!r}{nearest_of(name, BUILT_IN_TASKS)}"
        )
    file = (study.parent / file_name).resolve()
    if not file.is_file():
        raise StudyError(
            f"{study}: 'task': there is no file {file}; it is looked for beside the study"
        )
    found = getattr(_imported(file, study, allow_code=allow_code), class_name, None)
    if not (isinstance(found, type) and issubclass(found, Task)):
        tasks = _tasks_in(sys.modules[_module_name(file)])
        raise StudyError(
            f"{study}: 'task': {file} must define a class {class_name!r} derived from"
            f" objectives.task.Task; it defines {', '.join(tasks) or 'none'}"
            f"{nearest_of(class_name, tasks)}"
        )
    _check(found, f"{study}: 'task': class {class_name} in {file}")
    return found, f"{file}:{class_name}"


def own_file(task_name: str) -> Path | None:
    """The file of a user's own task, from a name that `find_task` gave; None for one of ours."""
    return None if task_name in BUILT_IN_TASKS else Path(task_name.rpartition(":")[0])


def identity_of(task_name: str) -> str:
    """What must stay the same of a task while a study goes on, wherever its file lies.

    The name of one of ours; for a user's own, the class and a hash of the file's content.
    """
    file = own_file(task_name)
    if file is None:
        return task_name
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    return f"{task_name.rpartition(':')[2]} in a file with hash {digest}"


@contextlib.contextmanager
def users_code(
    task_name: str, doing: str, *, expected: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Turns whatever a user's own code raises into one line with its file and line.

    Args:
        task_name: As `find_task` gave it. What our own tasks raise is left as it is.
        doing: What is being called, "load()".
        expected: What the caller explains itself.

    Raises:
        StudyError: instead of what the code raised, or of an exit.
    """
    try:
        yield
    except expected:
        raise
    except (Exception, SystemExit) as error:
        file = own_file(task_name)
        if file is None:
            raise
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == str(file)
        ]
        where = f", line {lines[-1]}" if lines else ""
        raise StudyError(
            f"{doing} of class {task_name.rpartition(':')[2]} in {file}{where}, failed:"
            f" {type(error).__name__}: {error}"
        ) from error


def _module_name(file: Path) -> str:
    return f"mpqsearch_task_{file.stem}"


def _imported(file: Path, study: Path, *, allow_code: bool) -> ModuleType:
    """Runs a Python file as a module, where that is allowed.

    What is looked at is what runs: one reading of the source, never a compiled copy beside it.
    """
    spec = importlib.util.spec_from_file_location(_module_name(file), file)
    if spec is None or file.suffix != ".py":
        raise StudyError(f"{study}: 'task': {file} must be a Python file, *.py")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise StudyError(f"{study}: 'task': {file} cannot be read: {error.strerror}") from None
    digest = hashlib.sha256(content).hexdigest()
    check_allowed(file, digest, f"{study}: 'task'", allow=allow_code)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        exec(compile(content, file, "exec", dont_inherit=True), vars(module))  # noqa: S102  (allowed)
    except (Exception, SystemExit) as error:
        raise StudyError(
            f"{study}: 'task': {file} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    return module


def _tasks_in(module: ModuleType) -> list[str]:
    return [
        key
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Task) and value is not Task
    ]


def _check(task: type[Task], what: str) -> None:
    """Refuses a class that would fail in the middle of a run."""
    abstract: list[str] = sorted(getattr(task, "__abstractmethods__", ()))
    if inspect.isabstract(task):
        raise StudyError(f"{what} must define {' and '.join(abstract)}")
    if not dataclasses.is_dataclass(task):
        raise StudyError(f"{what} must be a dataclass: write @dataclass(frozen=True) above it")
    length = getattr(task, "full_length", None)
    if not isinstance(length, int) or length < 1:
        raise StudyError(f"{what} must set full_length to a whole number from 1 but has {length!r}")
    if not isinstance(task.recipe, Recipe):
        raise StudyError(f"{what} must set recipe to a Recipe but has {task.recipe!r}")
