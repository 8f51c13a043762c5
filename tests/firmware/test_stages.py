# SPDX-License-Identifier: Apache-2.0
"""The core on a port that does as it is told: an accelerator that stops, stages that are slow."""

import ctypes
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from hardware.board.protocol import Complaint, Reply, Verb, crc16, reply_of, request_line
from tests.compilers import FIRMWARE, compile_library, need

Ask = Callable[..., list[Reply]]


@pytest.fixture
def double(tmp_path: Path) -> ctypes.CDLL:
    """The core, started, on the double."""
    need("cc")
    sources = [*sorted((FIRMWARE / "core").glob("*.c")), FIRMWARE / "applications" / "indoor.c"]
    made = compile_library(
        tmp_path / "double.so", *sources, Path(__file__).parent / "port_double.c"
    )
    library = ctypes.CDLL(str(made))
    library.harness_start()
    return library


def text(double: ctypes.CDLL, name: str) -> str:
    size = 1 << 16 if name == "double_log" else 1 << 20
    return (ctypes.c_char * size).in_dll(double, name).value.decode()


@pytest.fixture
def ask(double: ctypes.CDLL) -> Ask:
    """Asks the core; gives the lines of its reply but the first and the last."""
    numbers = iter(range(1, 1000))

    def asked(verb: Verb, **pairs: str | int) -> list[Reply]:
        before = ctypes.c_size_t.in_dll(double, "double_count")
        start = before.value
        for character in request_line(next(numbers), verb, pairs):
            double.harness_take(ctypes.c_char(character))
        written = text(double, "double_written")[start:].splitlines()
        lines = [reply_of(line.encode()) for line in written]
        assert None not in lines
        taken, *found, ready = [line for line in lines if line is not None]
        assert (taken.kind, ready.kind, ready.number("lines")) == ("taken", "ready", len(lines) - 1)
        return found

    return asked


def test_an_accelerator_that_stops_is_told_and_brought_up_anew(
    double: ctypes.CDLL, ask: Ask
) -> None:
    """No figure of it comes out, and none is taken before the known answer has passed again."""
    left = ctypes.c_int.in_dll(double, "double_infers_left")
    measure = {"stage": "inference", "window_us": 10_000}
    ask(Verb.KNOWN_ANSWER)
    (timing,) = ask(Verb.MEASURE, **measure)
    assert timing.number("mean_milli") == 1_000_000
    for finishing in (0, 1, 2, 3, 200):
        left.value = -1
        ask(Verb.KNOWN_ANSWER)
        left.value = finishing
        (error,) = ask(Verb.MEASURE, **measure)
        assert error.number("code") == Complaint.NO_END
        left.value = -1
        (error,) = ask(Verb.MEASURE, **measure)
        assert error.number("code") == Complaint.UNPROVEN
    left.value = 0
    (error,) = ask(Verb.KNOWN_ANSWER)
    assert error.number("code") == Complaint.NO_END
    left.value = -1
    assert [line.kind for line in ask(Verb.KNOWN_ANSWER)] == ["outputs"]
    assert len(ask(Verb.MEASURE, **measure)) == 1


def test_a_stage_of_which_ten_do_not_fit_is_too_slow(double: ctypes.CDLL, ask: Ask) -> None:
    """More than 2 s each: the window would be over 20 s, where the power monitor ends."""
    ask(Verb.KNOWN_ANSWER)
    ctypes.c_uint32.in_dll(double, "double_infer_ticks").value = 240_000_001
    (error,) = ask(Verb.MEASURE, stage="inference", window_us=1000)
    assert error.number("code") == Complaint.TOO_SLOW
    *windows, error = ask(Verb.POWER, window_us=200_000)
    assert [line.text("name") for line in windows] == ["idle", "weight_load", "input_load"]
    assert error.number("code") == Complaint.TOO_SLOW
    ctypes.c_uint32.in_dll(double, "double_infer_ticks").value = 240_000_000
    (timing,) = ask(Verb.MEASURE, stage="inference", window_us=1000)
    assert timing.number("repeats") == 10


def test_the_accelerator_is_left_ready_after_every_stage(double: ctypes.CDLL, ask: Ask) -> None:
    """Weights are loaded at their clock, configured after them, and computed at the other clock."""
    ask(Verb.KNOWN_ANSWER)
    logged = len(text(double, "double_log"))
    ask(Verb.MEASURE, stage="weight_load", window_us=1000)
    assert re.fullmatch(r"fnlw+ci", text(double, "double_log")[logged:])
    logged = len(text(double, "double_log"))
    windows = ask(Verb.POWER, window_us=200_000)
    repeats = windows[1].number("repeats")
    done = text(double, "double_log")[logged:]
    assert done == f"fTtfnlwwA{'w' * repeats}aciAaAafnlwci"


def test_the_clock_may_wrap_while_it_counts(ask: Ask) -> None:
    """The first times are taken across 2^32 ticks."""
    ask(Verb.KNOWN_ANSWER)
    (timing,) = ask(Verb.MEASURE, stage="input_and_inference", window_us=10_000)
    assert (timing.number("least"), timing.number("most")) == (1100, 1100)


def test_ties_go_to_the_first_class_and_outputs_are_signed(ask: Ask) -> None:
    """As the integer reference's argmax; -1 is eight digits F."""
    outputs = ask(Verb.KNOWN_ANSWER)
    assert outputs[0].text("values") == "FFFFFFFF0000000700000007"
    ask(Verb.INPUT, offset=0, words="00000001" * 2)
    (classes,) = ask(Verb.CLASSIFY, count=1, crc=f"{crc16(bytes([1, 0, 0, 0] * 2)):04X}")
    assert classes.text("values") == "1"


def test_preparation_is_timed_where_there_is_one(ask: Ask) -> None:
    """Built with the indoor application, whose work the double's clock does not see."""
    ask(Verb.KNOWN_ANSWER)
    (timing,) = ask(Verb.MEASURE, stage="preparation", window_us=1000)
    assert timing.number("repeats") == 120_000
