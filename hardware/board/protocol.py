# SPDX-License-Identifier: Apache-2.0
"""The text between host and board: firmware/protocol.md, version 1.

What both ends must agree on stands here and in firmware/core/codes.h; a test compares the two.
"""

import binascii
import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass

PROTOCOL_VERSION = 1
FIRMWARE_VERSION = "1.0"

LINE_CHARACTERS = 320
INPUT_LINE_WORDS = 32
BATCH_INPUTS = 64
BUFFER_WORDS = 8192
WINDOW_US_LEAST, WINDOW_US_MOST = 1_000, 20_000_000
POWER_US_LEAST = 110_000
GAP_US = 500_000
INFERENCE_US = 2_000_000
SEQUENCE_MOST = 65_535

_REPLY = re.compile(r"@(\d{1,5}) ([a-z_]+)((?: .*)?)\*([0-9A-F]{4})")
_SENTENCE = " sentence="


class ProtocolError(ValueError):
    """A line that is none of the protocol's, or lacks what it should say."""


class Verb(enum.Enum):
    """What the board can be asked."""

    IDENTIFY = "identify"
    KNOWN_ANSWER = "known_answer"
    MEASURE = "measure"
    POWER = "power"
    INPUT = "input"
    RUN = "run"
    CLASSIFY = "classify"


class Stage(enum.Enum):
    """What the board can time."""

    WEIGHT_LOAD = "weight_load"
    INPUT_LOAD = "input_load"
    INFERENCE = "inference"
    INPUT_AND_INFERENCE = "input_and_inference"
    SOFTMAX = "softmax"
    PREPARATION = "preparation"


class Complaint(enum.IntEnum):
    """Codes of the board's errors."""

    CHECKSUM = 1
    TOO_LONG = 2
    MALFORMED = 3
    UNKNOWN_VERB = 4
    BAD_VALUE = 5
    UNPROVEN = 6
    WRONG_ANSWER = 7
    NO_END = 8
    INPUT_DIFFERS = 9
    TOO_LARGE = 10
    NO_APPLICATION = 11
    TOO_SLOW = 12


@dataclass(frozen=True)
class Reply:
    """One line of a reply, whose checksum was right.

    Attributes:
        sequence: Number of the request it answers; 0 where the board speaks by itself.
        kind: What it is: identity, timing, ready, ...
        values: Its pairs, as written.
    """

    sequence: int
    kind: str
    values: Mapping[str, str]

    def text(self, key: str) -> str:
        """A value as written.

        Raises:
            ProtocolError: where the line lacks it.
        """
        if key not in self.values:
            raise ProtocolError(f"the board's line {self.kind!r} lacks {key!r}")
        return self.values[key]

    def number(self, key: str) -> int:
        """A value as a whole number of base 10.

        Raises:
            ProtocolError: where the line lacks it or it is none.
        """
        written = self.text(key)
        if not (written.isascii() and written.isdigit()):
            raise ProtocolError(
                f"the board's line {self.kind!r}: {key} must be a whole number but is {written!r}"
            )
        return int(written)


def crc16(content: bytes) -> int:
    """CRC-16/CCITT-FALSE: x^16 + x^12 + x^5 + 1, from 0xFFFF; of b"123456789" it is 0x29B1."""
    return binascii.crc_hqx(content, 0xFFFF)


def request_line(sequence: int, verb: Verb, pairs: Mapping[str, str | int]) -> bytes:
    """A request as it goes over the line, its end included.

    Raises:
        ProtocolError: where it is longer than the board can hold.
    """
    words = [str(sequence), verb.value, *(f"{key}={value}" for key, value in pairs.items())]
    body = " ".join(words).encode("ascii")
    line = body + b"*%04X" % crc16(body)
    if len(line) > LINE_CHARACTERS:
        raise ProtocolError(
            f"a request must be at most {LINE_CHARACTERS} characters but {verb.value} has"
            f" {len(line)}"
        )
    return line + b"\n"


def reply_of(line: bytes) -> Reply | None:
    """Reads a line from the board, its end left off; None where its checksum does not hold.

    Where a line was cut off and the next one follows on it, the next one is found.
    """
    start = line.find(b"@")
    while start >= 0:
        found = _read(line[start:])
        if found is not None:
            return found
        start = line.find(b"@", start + 1)
    return None


def _read(line: bytes) -> Reply | None:
    try:
        match = _REPLY.fullmatch(line.decode("ascii"))
    except UnicodeDecodeError:
        return None
    if match is None or int(match[4], 16) != crc16(line[:-5]):
        return None
    rest, _, sentence = match[3].partition(_SENTENCE)
    pairs = dict(word.partition("=")[::2] for word in rest.split())
    if sentence:
        pairs["sentence"] = sentence
    return Reply(int(match[1]), match[2], pairs)
