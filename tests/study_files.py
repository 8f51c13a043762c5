# SPDX-License-Identifier: Apache-2.0
"""Study files as tests write them, and the line they are refused with."""

from pathlib import Path
from typing import Any

import pytest

from mpqsearch.errors import StudyError
from mpqsearch.study_file import read_study

DIGITS = "task: digits\nspace:\n  input_length: [8, 6]\n"
INDOOR = "task: indoor\nspace:\n  input_length: [101]\n"


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "study.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(path: Path, **overrides: Any) -> str:
    """The one line that a study file is refused with, without the file's name in front."""
    with pytest.raises(StudyError) as caught:
        read_study(path, **overrides)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(f"{path}: ")
    return line.removeprefix(f"{path}: ")
