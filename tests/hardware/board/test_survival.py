# SPDX-License-Identifier: Apache-2.0
"""What a link has to live through: nothing measured is wrong, or taken from another project."""

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hardware.board.board import Board, Timing, WrongBoard
from hardware.board.input_words import pack_inputs
from hardware.board.link import Link, LinkError, LinkLost, open_link
from hardware.board.protocol import Stage, Verb
from hardware.board.pseudo_terminal import PseudoTerminal
from hardware.board.simulated import SimulatedBoard, SimulatedProject
from tests.hardware.board_projects import CHECKSUM, ScriptedBoard, line, small_project, soon

STAGES = (Stage.WEIGHT_LOAD, Stage.INPUT_LOAD, Stage.INFERENCE, Stage.SOFTMAX)


@pytest.fixture
def board(link: Link, project: SimulatedProject) -> Board:
    found = Board(link, CHECKSUM)
    found.prove(project.known_answer)
    return found


@pytest.fixture
def truth(board: Board) -> dict[Stage, Timing]:
    """What an undisturbed board measures."""
    return {stage: board.measure(stage, 2000) for stage in STAGES}


def once(spoil: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Spoils what passes first, and nothing after it."""
    spoilt: list[bytes] = []

    def pass_on(content: bytes) -> bytes:
        if spoilt:
            return content
        spoilt.append(content)
        return spoil(content)

    return pass_on


def flipper(seed: int, per_byte: float) -> Callable[[bytes], bytes]:
    """One wrong bit in a byte, with some probability."""
    rng = random.Random(seed)

    def flip(content: bytes) -> bytes:
        return bytes(
            byte ^ (1 << rng.randrange(8)) if rng.random() < per_byte else byte for byte in content
        )

    return flip


def test_a_board_unplugged_in_the_middle_is_gone(board: Board, simulated: SimulatedBoard) -> None:
    """The request was sent and never answered: one error says so, and the next one too."""

    def unplug(_content: bytes) -> bytes:
        soon(simulated.unplug)
        return b""

    simulated.to_board = unplug
    for _ in range(2):
        with pytest.raises(LinkLost, match=r"the board is gone .*; plug it in again"):
            board.measure(Stage.INFERENCE, 2000)


def test_a_port_that_another_program_has_is_refused(simulated: SimulatedBoard) -> None:
    """Another process has it: the message says so, and that it may be a terminal."""
    held = (
        f"import serial, sys; port = serial.Serial({simulated.port!r}, exclusive=True);"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", held], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(LinkError, match="another program has this port open"):
            open_link(simulated.port)
        other.communicate(b"")
    open_link(simulated.port).close()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/dev/no-such-port", "there is no such port; plug the board in"),
        ("/dev/null", "this port cannot be opened"),
        ("", "there is no such port|cannot be opened"),
    ],
)
def test_a_port_that_is_none_is_refused(name: str, message: str) -> None:
    """With the reason and the next step."""
    with pytest.raises(LinkError, match=message):
        open_link(name)


def test_another_program_on_the_board_is_quoted() -> None:
    """The izer's own program prints, and answers nothing: what it said stands in the message."""
    with ScriptedBoard(lambda _line: b"*** PASS ***\nApproximate inference time: 71 us\n") as other:
        link = open_link(other.port, 0.05)
        with pytest.raises(LinkError, match=r"no answer to identify .* heard .*PASS.*71 us.*our f"):
            Board(link)
        link.close()


@pytest.mark.parametrize("said", [b"3.30,1.10,1.10,1.80\r\n", b"\x00" * 40, b"@5 ready*0000\n"])
def test_something_that_never_stops_talking_is_given_up(said: bytes) -> None:
    """The power monitor's stream of rails, or noise: it does not prolong the waiting."""
    terminal, stop = PseudoTerminal(), threading.Event()

    def talk() -> None:
        while not stop.wait(0.01):
            terminal.write(said)

    talking = threading.Thread(target=talk)
    talking.start()
    began = time.monotonic()
    try:
        with open_link(terminal.name, 0.05) as link, pytest.raises(LinkError, match="no answer to"):
            Board(link)
    finally:
        stop.set()
        talking.join()
        terminal.close()
    assert time.monotonic() - began < 20


def scripted(identity: str, mode: str) -> Callable[[bytes], bytes]:
    """A board that says who it is, and nothing else."""
    served = iter(range(1, 1000))

    def answer(request: bytes) -> bytes:
        number = request.split()[0].decode()
        ready = f"@{number} ready lines=2 served={next(served)} project={CHECKSUM}"
        return line(f"@{number} identity {identity}") + line(f"@{number} mode {mode}") + line(ready)

    return answer


IDENTITY = (
    "protocol=1 firmware=1.0 port=max78002evkit simulated=0 project=0123456789abcdef name=21-8-8"
    " application=none"
)
MODE = (
    "chip=MAX78002 clock=IPLL divider=1 load_divider=4 pipeline=1 tick_hz=120000000"
    " input_length=21 input_words=12 outputs=4 buffer_words=8192"
)


@pytest.mark.parametrize(
    ("identity", "mode", "message"),
    [
        (("protocol=1", "protocol=2"), ("", ""), "speaks protocol 2, not 1; export .* and flash"),
        (("firmware=1.0", "firmware=0.9"), ("", ""), "runs firmware 0.9, not 1.0; export .* flash"),
        (("protocol=1", "protocol="), ("", ""), "protocol must be a whole number but is ''"),
        (("", ""), ("MAX78002", "MAX32655"), "says what cannot be: chip must be one of"),
        (("", ""), ("clock=IPLL", "clock=LIRC"), "says what cannot be: 'LIRC'"),
        (("", ""), ("tick_hz=120000000 ", ""), "says what cannot be: .* lacks 'tick_hz'"),
    ],
)
def test_another_firmware_is_refused(
    identity: tuple[str, str], mode: tuple[str, str], message: str
) -> None:
    """Of another protocol or version, or one that says what no board of ours says."""
    with ScriptedBoard(scripted(IDENTITY, MODE)) as well:
        link = open_link(well.port, 0.2)
        assert Board(link, CHECKSUM).identity.simulated is False
        link.close()
    answer = scripted(IDENTITY.replace(*identity), MODE.replace(*mode))
    with ScriptedBoard(answer) as other:
        link = open_link(other.port, 0.2)
        with pytest.raises((WrongBoard, ValueError), match=message):
            Board(link)
        link.close()


def test_a_project_of_another_length_is_refused(link: Link, simulated: SimulatedBoard) -> None:
    """The board holds another project than the one meant: both are named."""
    simulated.project = small_project(length=15, checksum="fedcba9876543210")
    simulated.reset()
    with pytest.raises(
        WrongBoard, match=rf"holds 15-8-8 \(fedcba9876543210\), not the project meant \({CHECKSUM}"
    ):
        Board(link, CHECKSUM)


def test_another_project_flashed_in_the_middle_is_not_measured(
    board: Board, simulated: SimulatedBoard
) -> None:
    """Somebody flashes while we measure: the board that comes back is not believed."""

    def flash(_content: bytes) -> bytes:
        simulated.project = small_project(length=15, checksum="fedcba9876543210")
        soon(simulated.reset)
        return b""

    simulated.to_board = once(flash)
    with pytest.raises(WrongBoard, match=r"the board came back with 15-8-8 .*, not 21-8-8"):
        board.measure(Stage.INFERENCE, 2000)


def test_silence_ends(link: Link, simulated: SimulatedBoard) -> None:
    """Nothing is answered at all: after some tries, an error and what it may be."""
    Board(link)
    simulated.to_board = lambda _content: b""
    with pytest.raises(LinkError, match="no answer to input in 8 tries; is it the board's console"):
        link.ask(Verb.INPUT, offset=0, words="00000000")


@pytest.mark.parametrize("direction", ["to_board", "from_board"])
@pytest.mark.parametrize("keep", [0.0, 0.2, 0.5, 0.9])
def test_half_a_line_is_asked_again(
    board: Board,
    simulated: SimulatedBoard,
    truth: dict[Stage, Timing],
    direction: str,
    keep: float,
) -> None:
    """What was cut off is lost, and only that."""
    setattr(simulated, direction, once(lambda content: content[: int(keep * len(content))]))
    for stage in STAGES:
        assert board.measure(stage, 2000) == truth[stage]


@pytest.mark.parametrize("direction", ["to_board", "from_board"])
@pytest.mark.parametrize(
    "garbage", [b"\n\n\n", b"\xff" * 500, b"@12 ready", b"12 identify*", bytes(range(256)) * 20]
)
def test_garbage_before_a_line_is_passed_over(
    board: Board,
    simulated: SimulatedBoard,
    truth: dict[Stage, Timing],
    direction: str,
    garbage: bytes,
) -> None:
    """Noise on the line, in either direction, costs a repetition at most."""
    setattr(simulated, direction, once(lambda content: garbage + content))
    for stage in STAGES:
        assert board.measure(stage, 2000) == truth[stage]


@pytest.mark.parametrize("direction", ["to_board", "from_board"])
def test_bits_flipped_at_one_in_a_thousand_bytes_change_nothing(
    host_program: Path, project: SimulatedProject, direction: str
) -> None:
    """300 measurements and 300 inputs computed over such a line: each is the undisturbed one."""
    network = project.integers.network
    inputs = np.random.default_rng(2).integers(-128, 128, (300, *network.input_shape))
    words = pack_inputs(inputs.astype(np.int8), network)
    classes = project.integers.logits(inputs.astype(np.int8)).argmax(axis=1)
    with SimulatedBoard(host_program, project) as simulated, open_link(simulated.port, 0.05) as on:
        board = Board(on, CHECKSUM)
        board.prove(project.known_answer)
        truth = {stage: board.measure(stage, 2000) for stage in STAGES}
        setattr(simulated, direction, flipper(11, 1e-3))
        for number in range(300):
            stage = STAGES[number % len(STAGES)]
            assert board.measure(stage, 2000) == truth[stage]
        assert board.classify(words) == tuple(classes)


def test_a_board_that_resets_is_proven_again(
    board: Board, simulated: SimulatedBoard, truth: dict[Stage, Timing], project: SimulatedProject
) -> None:
    """It starts anew before, within and after requests: every figure is one of the same project."""
    rng = random.Random(4)
    network = project.integers.network
    inputs = np.random.default_rng(3).integers(-128, 128, (8, *network.input_shape)).astype(np.int8)
    words, logits = pack_inputs(inputs, network), project.integers.logits(inputs)

    def reset(content: bytes) -> bytes:
        soon(simulated.reset)
        return content[: rng.randrange(len(content) + 1)]

    for number in range(20):
        if number % 2:
            simulated.reset()
        else:
            setattr(simulated, rng.choice(["to_board", "from_board"]), once(reset))
        stage = STAGES[number % len(STAGES)]
        assert board.measure(stage, 2000) == truth[stage]
        assert board.run(words[number % 8]) == tuple(logits[number % 8])


def test_a_board_that_resets_all_the_time_is_given_up(
    board: Board, simulated: SimulatedBoard
) -> None:
    """It is not asked for ever."""

    def reset(_content: bytes) -> bytes:
        soon(simulated.reset)
        return b""

    simulated.to_board = reset
    with pytest.raises(LinkError, match=r"starts anew all the time|in the middle of one request"):
        board.measure(Stage.INFERENCE, 2000)


def test_ten_thousand_requests_in_a_row(link: Link, project: SimulatedProject) -> None:
    """Each answered once, by its own answer; the board has counted them."""
    board = Board(link)
    board.prove(project.known_answer)
    before = link.served
    rng = random.Random(1)
    for _ in range(5000):
        word = rng.randrange(1 << 32)
        offset = rng.randrange(8192)
        assert link.ask(Verb.INPUT, offset=offset, words=f"{word:08X}") == ()
    first = board.measure(Stage.SOFTMAX, 1000)
    for _ in range(4999):
        assert board.measure(Stage.SOFTMAX, 1000) == first
    assert link.served - before == 10_000


@pytest.mark.parametrize("seed", range(8))
def test_any_bytes_leave_the_board_answering(
    link: Link, simulated: SimulatedBoard, seed: int
) -> None:
    """Half-right requests and noise, under the address and undefined-behaviour sanitizers."""
    rng = random.Random(seed)
    verbs = [verb.value for verb in Verb]

    def noise(_content: bytes) -> bytes:
        text = b""
        for _ in range(300):
            words = [str(rng.choice([0, 1, 65535, 65536, -1, 10**12])), rng.choice([*verbs, ""])]
            keys = ["crc", "count", "offset", "words", "stage", "window_us", "", "x"]
            values = ["", "0", "7", "FFFF", "4294967295", "0" * 8, "softmax", "A" * 256, "=", "*"]
            words += [f"{rng.choice(keys)}={rng.choice(values)}" for _ in range(rng.randrange(6))]
            text += rng.choice([line(" ".join(words)), rng.randbytes(rng.randrange(400))])
        return text + b"\n"

    simulated.to_board = once(noise)
    identity = Board(link).identity
    assert identity.project == CHECKSUM
