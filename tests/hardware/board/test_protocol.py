# SPDX-License-Identifier: Apache-2.0
"""Lines written and read, whole, damaged and cut off."""

import pytest

from hardware.board.protocol import ProtocolError, Reply, Verb, reply_of, request_line
from tests.hardware.board_projects import line


def test_a_request_is_written_as_the_page_says() -> None:
    """Number, verb, pairs, a star, four digits, a line's end."""
    written = request_line(12, Verb.MEASURE, {"stage": "inference", "window_us": 100_000})
    assert written == line("12 measure stage=inference window_us=100000")


def test_a_request_that_the_board_cannot_hold_is_refused() -> None:
    """320 characters are the most."""
    most = 320 - len(request_line(1, Verb.INPUT, {"words": ""})) + 1
    assert len(request_line(1, Verb.INPUT, {"words": "0" * most})) == 321
    with pytest.raises(ProtocolError, match="at most 320 characters but input has 321"):
        request_line(1, Verb.INPUT, {"words": "0" * (most + 1)})


def test_a_reply_is_read() -> None:
    """Its number, kind and pairs; a sentence is the rest of the line."""
    found = reply_of(line("@7 error code=6 sentence=the test has not passed")[:-1])
    assert found == Reply(7, "error", {"code": "6", "sentence": "the test has not passed"})


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"@",
        b"@7 ready*0000",
        line("7 ready")[:-1],
        line("@7")[:-1],
        line("@x ready")[:-1],
        line("@7 ready")[:-2],
        line("@7 ready").lower()[:-1],
        b"\xff\xfe@",
        b"*** PASS ***",
    ],
)
def test_what_is_no_whole_reply_is_none(text: bytes) -> None:
    """Nothing of a line is believed whose checksum does not hold."""
    assert reply_of(text) is None


def test_a_line_after_one_that_was_cut_off_is_found() -> None:
    """The line's end was lost, so that the next line follows on it."""
    whole = line("@8 ready lines=0 served=3 project=abc")[:-1]
    for cut in range(len(whole)):
        found = reply_of(whole[:cut] + whole)
        assert found is not None
        assert (found.sequence, found.kind) == (8, "ready")


@pytest.mark.parametrize("written", ["", "-1", "+1", "1.0", "x", "\u0661"])
def test_a_number_must_be_one(written: str) -> None:
    """Whole, base 10, ASCII."""
    with pytest.raises(ProtocolError, match="repeats must be a whole number but is"):
        Reply(1, "timing", {"repeats": written}).number("repeats")


def test_a_missing_value_is_named() -> None:
    """The line's kind and the key stand in the message."""
    with pytest.raises(ProtocolError, match="the board's line 'timing' lacks 'least'"):
        Reply(1, "timing", {}).number("least")
