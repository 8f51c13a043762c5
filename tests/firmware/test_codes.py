# SPDX-License-Identifier: Apache-2.0
"""What both ends of the line must agree on, in C, in Python and on the page."""

import re

import pytest

from hardware.board import protocol
from tests.compilers import FIRMWARE

CODES = (FIRMWARE / "core" / "codes.h").read_text()
PAGE = (FIRMWARE / "protocol.md").read_text()


def entries(macro: str) -> list[list[str]]:
    """The arguments of every X(...) in one of the header's lists."""
    body = re.search(rf"#define {macro}\(X\)(.*?)\n\n", CODES.replace("\\\n", " "), re.DOTALL)
    assert body is not None
    return [
        [cell.strip().strip('"') for cell in one.split(",", 2)]
        for one in re.findall(r"X\(((?:[^()\"]|\"[^\"]*\")*)\)", body[1])
    ]


def test_errors_have_the_same_codes() -> None:
    """Names and numbers in codes.h are those of `Complaint`, and each has a sentence."""
    found = entries("ERRORS")
    assert {name: int(code) for name, code, _ in found} == {
        one.name: one.value for one in protocol.Complaint
    }
    assert len(found) == 12
    for _, _, sentence in found:
        assert len(sentence.split()) > 4
        assert not set(sentence) & {"*", "\n"}, "it would end the line"


@pytest.mark.parametrize(("macro", "kind"), [("STAGES", protocol.Stage), ("VERBS", protocol.Verb)])
def test_names_are_the_same(macro: str, kind: type[protocol.Stage] | type[protocol.Verb]) -> None:
    """Stages and verbs in codes.h are those of Python, in the same order."""
    assert [tuple(one) for one in entries(macro)] == [(one.name, one.value) for one in kind]


@pytest.mark.parametrize(
    "name",
    [
        "PROTOCOL_VERSION",
        "FIRMWARE_VERSION",
        "LINE_CHARACTERS",
        "INPUT_LINE_WORDS",
        "BATCH_INPUTS",
        "BUFFER_WORDS",
        "WINDOW_US_LEAST",
        "WINDOW_US_MOST",
        "POWER_US_LEAST",
        "GAP_US",
        "INFERENCE_US",
    ],
)
def test_limits_are_the_same(name: str) -> None:
    """Versions and limits in codes.h are those of Python."""
    written = re.search(rf"^#define {name} (\S+)", CODES, re.MULTILINE)
    assert written is not None
    assert written[1].strip('"') == str(getattr(protocol, name))


def test_the_page_names_everything() -> None:
    """Every verb, stage and error code stands on the protocol's page, and the version."""
    words = set(re.findall(r"`(\w+)`", PAGE))
    assert {one.value for one in protocol.Verb} <= words
    assert {one.value for one in protocol.Stage} <= words
    errors = re.search(r"Errors, .*?\n\n", PAGE, re.DOTALL)
    assert errors is not None
    listed = set(map(int, re.findall(r"\b(\d+)\s[a-z]", errors[0])))
    assert listed - {0} == {one.value for one in protocol.Complaint}
    assert f"version {protocol.PROTOCOL_VERSION}" in PAGE.splitlines()[0]
