# SPDX-License-Identifier: Apache-2.0
"""A board that works: what it says of itself, measures and computes."""

import time
from dataclasses import replace

import numpy as np
import pytest

from hardware.board.board import WINDOWS, Board, WrongBoard
from hardware.board.input_words import pack_inputs
from hardware.board.link import BoardError, Link
from hardware.board.protocol import BATCH_INPUTS, Complaint, Stage, Verb
from hardware.board.simulated import SimulatedBoard, SimulatedProject
from hardware.chips import MAX78000
from hardware.cost.mode import Mode
from tests.hardware.board_projects import CHECKSUM, small_project


def test_it_says_that_it_is_simulated(link: Link, project: SimulatedProject) -> None:
    """The identity names the host port, and its mode is the cost model's."""
    found = Board(link, CHECKSUM).identity
    assert (found.simulated, found.port, found.name) == (True, "host", "21-8-8")
    assert found.mode(1.1) == project.cost.mode == Mode.default("MAX78002")


def test_the_other_chip_says_its_own_mode(link: Link, simulated: SimulatedBoard) -> None:
    """PCLK at 50 MHz, no pipeline, 1.2 V."""
    simulated.project = small_project(chip=MAX78000)
    simulated.reset()
    assert Board(link).identity.mode(1.2) == Mode.default("MAX78000")


def test_times_are_the_cost_models(link: Link, project: SimulatedProject) -> None:
    """Within the ticks that are read: the core's arithmetic loses nothing."""
    board = Board(link)
    board.prove(project.known_answer)
    cost = project.cost
    wanted = {
        Stage.WEIGHT_LOAD: cost.weight_load_us.value,
        Stage.INPUT_LOAD: cost.input_us.value,
        Stage.INFERENCE: cost.inference_us.value,
        Stage.INPUT_AND_INFERENCE: cost.latency_us.value,
        Stage.SOFTMAX: cost.softmax_us.value,
    }
    for stage, time_us in wanted.items():
        found = board.measure(stage, 100_000)
        assert found.least_us == found.mean_us == found.most_us
        assert found.mean_us - found.timer_us == pytest.approx(time_us, abs=2e6 / 120e6)
        assert found.std_us == 0
        assert found.repeats == pytest.approx(100_000 / found.mean_us, abs=1)


def test_windows_come_in_the_power_monitors_order(link: Link, project: SimulatedProject) -> None:
    """Idle first, then three; each as long as asked for, its repeats stated."""
    board, armed = Board(link), []
    board.prove(project.known_answer)
    found = board.power(300_000, lambda: armed.append(1))
    assert tuple(window.name for window in found) == WINDOWS
    assert len(armed) == 1
    for window in found:
        assert window.length_s == pytest.approx(0.3, rel=0.02)
    assert found[0].repeats == 1
    assert all(window.repeats > 1000 for window in found[1:])


def test_the_triggers_move_in_order(
    link: Link, simulated: SimulatedBoard, project: SimulatedProject
) -> None:
    """Pin 1 up and down, then pin 2 three times, half a second apart."""
    moves = []
    simulated.triggered = moves.append
    board = Board(link)
    board.prove(project.known_answer)
    board.power(200_000, lambda: None)
    until = time.monotonic() + 20
    while len(moves) < 8 and time.monotonic() < until:  # the last is told beside the answer
        time.sleep(0.01)
    assert [(one.active, one.on) for one in moves] == [
        (False, True),
        (False, False),
        *[(True, True), (True, False)] * 3,
    ]
    gaps = [
        (later.ticks - earlier.ticks) / later.tick_hz
        for earlier, later in zip(moves[1::2], moves[2::2], strict=False)
    ]
    assert all(gap >= 0.5 for gap in gaps)


def test_inputs_sent_are_computed(link: Link, project: SimulatedProject) -> None:
    """Outputs and classes of inputs over the link are the integer reference's."""
    board = Board(link)
    board.prove(project.known_answer)
    network = project.integers.network
    rng = np.random.default_rng(5)
    inputs = rng.integers(-128, 128, (2 * BATCH_INPUTS + 3, *network.input_shape)).astype(np.int8)
    words, logits = pack_inputs(inputs, network), project.integers.logits(inputs)
    assert board.run(words[7]) == tuple(logits[7])
    assert board.classify(words) == tuple(logits.argmax(axis=1))


def test_nothing_is_measured_before_the_known_answer(link: Link) -> None:
    """A board that has not been proven refuses all that would rest on it."""
    board = Board(link)
    for ask in (
        lambda: board.measure(Stage.INFERENCE, 100_000),
        lambda: board.power(200_000, lambda: None),
        lambda: board.run(np.zeros(12, np.uint32)),
        lambda: board.classify(np.zeros((1, 12), np.uint32)),
    ):
        with pytest.raises(BoardError, match="the known-answer test has not passed") as refused:
            ask()
        assert refused.value.code == Complaint.UNPROVEN


def test_a_wrong_answer_is_shown_beside_the_right_one(
    link: Link, simulated: SimulatedBoard, project: SimulatedProject
) -> None:
    """The chip fails its own test, or passes one that is not ours: neither is measured."""
    wrong = (project.known_answer[0] + 1, *project.known_answer[1:])
    board = Board(link)
    with pytest.raises(WrongBoard, match="21-8-8 fails the known-answer test: it gives"):
        board.prove(wrong)
    simulated.project = replace(project, known_answer=wrong)
    simulated.reset()
    with pytest.raises(WrongBoard, match=f"it gives {project.known_answer[0]}, .*, not {wrong[0]}"):
        Board(link).prove(wrong)
    with pytest.raises(BoardError, match="has not passed"):
        link.ask(Verb.MEASURE, stage="inference", window_us=100_000)
    with pytest.raises(WrongBoard, match="has 4 outputs but the known answer 5"):
        board.prove((*wrong, 0))


@pytest.mark.parametrize(
    ("verb", "pairs", "code"),
    [
        (Verb.MEASURE, {}, Complaint.BAD_VALUE),
        (Verb.MEASURE, {"stage": "sleep", "window_us": 100_000}, Complaint.BAD_VALUE),
        (Verb.MEASURE, {"stage": "softmax"}, Complaint.BAD_VALUE),
        (Verb.MEASURE, {"stage": "softmax", "window_us": 999}, Complaint.BAD_VALUE),
        (Verb.MEASURE, {"stage": "softmax", "window_us": 20_000_001}, Complaint.BAD_VALUE),
        (Verb.MEASURE, {"stage": "softmax", "window_us": "1e5"}, Complaint.BAD_VALUE),
        (Verb.MEASURE, {"stage": "preparation", "window_us": 1000}, Complaint.NO_APPLICATION),
        (Verb.POWER, {"window_us": 100_000}, Complaint.BAD_VALUE),
        (Verb.INPUT, {"offset": 0}, Complaint.BAD_VALUE),
        (Verb.INPUT, {"offset": 0, "words": ""}, Complaint.BAD_VALUE),
        (Verb.INPUT, {"offset": 0, "words": "0000000"}, Complaint.BAD_VALUE),
        (Verb.INPUT, {"offset": 0, "words": "0000000g"}, Complaint.BAD_VALUE),
        (Verb.INPUT, {"offset": -1, "words": "00000000"}, Complaint.BAD_VALUE),
        (Verb.INPUT, {"offset": 8192, "words": "00000000"}, Complaint.TOO_LARGE),
        (Verb.INPUT, {"offset": 8191, "words": "00000000" * 2}, Complaint.TOO_LARGE),
        (Verb.INPUT, {"offset": 4294967295, "words": "00000000"}, Complaint.TOO_LARGE),
        (Verb.RUN, {}, Complaint.BAD_VALUE),
        (Verb.RUN, {"crc": "10000"}, Complaint.BAD_VALUE),
        (Verb.RUN, {"crc": "0000"}, Complaint.INPUT_DIFFERS),
        (Verb.CLASSIFY, {"count": 0, "crc": "0000"}, Complaint.BAD_VALUE),
        (Verb.CLASSIFY, {"count": 65, "crc": "0000"}, Complaint.BAD_VALUE),
        (Verb.CLASSIFY, {"count": 2, "crc": "0000"}, Complaint.INPUT_DIFFERS),
    ],
)
def test_the_board_refuses_what_cannot_be(
    link: Link,
    project: SimulatedProject,
    verb: Verb,
    pairs: dict[str, str | int],
    code: Complaint,
) -> None:
    """With a code and a sentence, and goes on."""
    board = Board(link)
    board.prove(project.known_answer)
    with pytest.raises(BoardError, match=rf"^the board refused {verb.value}: .*\(error ") as found:
        link.ask(verb, **pairs)
    assert found.value.code == code
    assert board.measure(Stage.SOFTMAX, 1000).repeats > 10
