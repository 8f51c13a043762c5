# SPDX-License-Identifier: Apache-2.0
"""The portable core's functions: checksums, numbers, statistics, repeats, requests."""

import binascii
import ctypes
import random
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.board.protocol import Complaint, Verb, crc16, request_line
from objectives.data.ctf_mat import SCALE
from objectives.tasks.indoor import IndoorTask, quantize_sweeps


class Statistics(ctypes.Structure):
    _fields_ = (
        ("count", ctypes.c_uint32),
        ("least", ctypes.c_uint32),
        ("most", ctypes.c_uint32),
        ("mean", ctypes.c_double),
        ("squares", ctypes.c_double),
    )


class Request(ctypes.Structure):
    _fields_ = (
        ("sequence", ctypes.c_uint32),
        ("verb", ctypes.c_char_p),
        ("keys", ctypes.c_char_p * 4),
        ("values", ctypes.c_char_p * 4),
        ("pairs", ctypes.c_int),
    )


def read(core: ctypes.CDLL, line: bytes) -> tuple[int, Request, "ctypes.Array[ctypes.c_char]"]:
    """What request_read makes of a line; the buffer is what the request points into."""
    buffer, request = ctypes.create_string_buffer(line, 321), Request()
    return core.request_read(buffer, len(line), ctypes.byref(request)), request, buffer


@settings(max_examples=200)
@given(content=st.binary(max_size=300), cut=st.integers(0, 300))
def test_checksum_is_that_of_python(core: ctypes.CDLL, content: bytes, cut: int) -> None:
    """CRC-16/CCITT-FALSE, in one piece or carried on."""
    assert core.crc16(0xFFFF, content, len(content)) == binascii.crc_hqx(content, 0xFFFF)
    first = core.crc16(0xFFFF, content[:cut], len(content[:cut]))
    assert core.crc16(first, content[cut:], len(content[cut:])) == crc16(content)


def test_checksum_check_value(core: ctypes.CDLL) -> None:
    """The published check value of CRC-16/CCITT-FALSE."""
    assert core.crc16(0xFFFF, b"123456789", 9) == 0x29B1 == crc16(b"123456789")


@pytest.mark.parametrize(
    "values",
    [
        [7],
        [5, 5, 5],
        [0, 2**32 - 1],
        [2**32 - 1] * 1000,
        [2**32 - 2, 2**32 - 1] * 500,
        [16_080 + i % 3 for i in range(100_000)],
        random.Random(3).choices(range(2**32), k=5000),
    ],
    ids=["one", "equal", "extremes", "large", "large, close", "an inference", "any"],
)
def test_statistics(core: ctypes.CDLL, values: list[int]) -> None:
    """Least, most, mean and sample deviation, to a thousandth of a tick and double precision."""
    found = Statistics()
    core.statistics_begin(ctypes.byref(found))
    for value in values:
        core.statistics_add(ctypes.byref(found), ctypes.c_uint32(value))
    assert (found.count, found.least, found.most) == (len(values), min(values), max(values))
    mean = core.statistics_mean_milli(ctypes.byref(found)) / 1000
    assert mean == pytest.approx(statistics.fmean(values), rel=1e-12, abs=6e-4)
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    measured = core.statistics_deviation_milli(ctypes.byref(found)) / 1000
    assert measured == pytest.approx(deviation, rel=1e-9, abs=6e-4)


@pytest.mark.parametrize(
    ("one", "window", "most", "repeats"),
    [
        (16_000, 12_000_000, 2_400_000_000, 750),
        (16_001, 12_000_000, 2_400_000_000, 750),
        (15_999, 12_000_000, 2_400_000_000, 751),
        (14_400_000, 12_000_000, 2_400_000_000, 10),
        (1, 12_000_000, 2_400_000_000, 1_000_000),
        (0, 12_000_000, 2_400_000_000, 1_000_000),
        (240_000_000, 12_000_000, 2_400_000_000, 10),
        (240_000_001, 12_000_000, 2_400_000_000, 0),
    ],
)
def test_repeats_fill_the_window(
    core: ctypes.CDLL, one: int, window: int, most: int, repeats: int
) -> None:
    """As many as fill it, ten at least, a million at most; none where ten do not fit 20 s."""
    arguments = (ctypes.c_uint32(one), ctypes.c_uint64(window), ctypes.c_uint64(most))
    assert core.repeats_for(*arguments) == repeats


def test_a_request_is_read(core: ctypes.CDLL) -> None:
    """What Python writes is what C reads."""
    line = request_line(65535, Verb.MEASURE, {"stage": "softmax", "window_us": 1000})
    code, request, _buffer = read(core, line.rstrip(b"\n"))
    assert (code, request.sequence, request.verb) == (0, 65535, b"measure")
    assert list(request.keys)[: request.pairs] == [b"stage", b"window_us"]
    assert list(request.values)[: request.pairs] == [b"softmax", b"1000"]
    number = ctypes.c_uint32()
    for least, most, well in ((1000, 2000, True), (1001, 2000, False), (0, 999, False)):
        asked = (ctypes.byref(request), b"window_us", least, most, ctypes.byref(number))
        assert bool(core.request_number(*asked)) is well


def checked(body: bytes) -> bytes:
    return body + b"*%04X" % crc16(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"0 identify",
        b"65536 identify",
        b"-1 identify",
        b"x identify",
        b"1",
        b"1  identify",
        b"1 run crc",
        b"1 run a=1 b=2 c=3 d=4 e=5",
        b"99999999999999999999 identify",
        b"1 run crc=1 ",
    ],
)
def test_a_whole_line_that_is_no_request_is_malformed(core: ctypes.CDLL, body: bytes) -> None:
    """Its checksum holds, but it is not a number, a verb and pairs."""
    code, _request, _buffer = read(core, checked(body))
    assert code == Complaint.MALFORMED


@settings(max_examples=300)
@given(data=st.data())
def test_every_error_of_three_bits_is_found(core: ctypes.CDLL, data: st.DataObject) -> None:
    """One to three wrong bits anywhere in a line are a wrong checksum, for C and for Python."""
    body = data.draw(st.binary(min_size=1, max_size=300).filter(lambda text: b"\0" not in text))
    line = bytearray(checked(body))
    bits = data.draw(
        st.sets(st.integers(0, 8 * len(line) - 1), min_size=1, max_size=3), label="wrong bits"
    )
    for bit in bits:
        line[bit // 8] ^= 1 << bit % 8
    code, request, _buffer = read(core, bytes(line))
    # In the four digits, other letters' bits may spell the same number: no harm.
    if bytes(line[:-4]) != checked(body)[:-4]:
        assert code == Complaint.CHECKSUM
        assert request.sequence == 0


@pytest.mark.parametrize("length", [101, 91, 51, 5, 4, 3, 2, 1])
def test_indoor_preparation_is_that_of_training(core: ctypes.CDLL, length: int) -> None:
    """A raw sweep to int8 words, bit for bit as the study's data are made, at every remainder."""
    rng = np.random.default_rng(length)
    sweep = rng.normal(0, 0.01, (1, 1, 2, 101)).astype(np.float32)
    low, high = SCALE
    # Ties, ends and what lies beyond them.
    steps = np.array([-128.5, -128, -1.5, -0.5, 0, 0.5, 1.5, 126.5, 127, 127.5, 300], np.float32)
    sweep[0, 0, 0, 45:56] = (steps / 256 + 0.5) * np.float32(high - low) + np.float32(low)
    wanted = IndoorTask().crop(quantize_sweeps(sweep, SCALE), length)[0]
    words = np.zeros((2, -(-length // 4)), np.uint32)
    core.indoor_prepare(
        sweep.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_uint32(length),
        ctypes.c_float(low),
        ctypes.c_float(high),
        words.ctypes.data_as(ctypes.c_void_p),
    )
    assert words.view(np.int8).reshape(2, -1)[:, :length].tolist() == wanted.tolist()
    assert not words.view(np.int8).reshape(2, -1)[:, length:].any()
