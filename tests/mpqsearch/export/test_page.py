# SPDX-License-Identifier: Apache-2.0
"""docs/export.md: its commands work as they stand there, and its tables hold what there is."""

import dataclasses
import re
import shlex
from pathlib import Path

import pytest

from mpqsearch.export.manifest import Manifest
from mpqsearch.picks import Pick
from tests.commands import Command

PAGE = (Path(__file__).resolve().parents[3] / "docs/export.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


def table(heading: str) -> list[str]:
    """The first column of the table under a heading's line."""
    rows = PAGE.split(heading)[1].split("\n\n")[0].splitlines()[2:]
    return [row.split("|")[1] for row in rows]


@pytest.mark.usefixtures("study")
def test_the_commands_work_as_written(mpqsearch: Command) -> None:
    """In the page's order, on a study of two layers."""
    assert len(COMMANDS) == 7
    for line in COMMANDS:
        words = shlex.split(line.replace("digits", "tiny").replace("8-8-4-2", "8-8"))
        assert words[:2] == ["mpqsearch", "export"]
        answer = mpqsearch(*words[1:])
        assert answer.code == 0, (line, answer.err)


def test_every_rule_and_every_field_is_explained() -> None:
    """And none that does not exist."""
    assert [name.strip(" `") for row in table("\n| `--pick`") for name in row.split(",")] == [
        one.value for one in Pick
    ]
    fields = [name for row in table("\n| field") for name in re.findall(r"`(\w+)`", row)]
    assert sorted(fields) == sorted(field.name for field in dataclasses.fields(Manifest))
