# SPDX-License-Identifier: Apache-2.0
"""Commands as tests start them, and what they answer."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """What a command gave: its exit code, standard output and standard error."""

    code: int
    out: str
    err: str


Command = Callable[..., Answer]


def start(*arguments: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """The real command, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mpqsearch", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def said_by(answer: Answer) -> str:
    """The one line of a wrong request."""
    assert answer.code == 2, answer.err
    assert answer.out == ""
    assert answer.err.endswith("\n")
    assert answer.err.count("\n") == 1
    assert answer.err.startswith("mpqsearch: error: ")
    return answer.err.removeprefix("mpqsearch: error: ").removesuffix("\n")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for what Python itself keeps there."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.parent.name != "__pycache__"
    }
