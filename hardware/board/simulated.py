# SPDX-License-Identifier: Apache-2.0
"""A board that is none: the firmware's host port behind a pseudo-terminal. SIMULATED throughout.

The C core is the one that runs on the chip. What the accelerator gives is computed by the integer
reference, here, and asked by the host port through two pipes; what a stage takes comes from the
cost model. The baud rate is not simulated.
"""

import contextlib
import os
import struct
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hardware.board.firmware import FirmwareError
from hardware.board.input_words import pack_inputs, unpack_input
from hardware.board.protocol import BUFFER_WORDS
from hardware.board.pseudo_terminal import POLL_S, PseudoTerminal, Pump
from hardware.chips import chip_named
from hardware.cost.load_words import input_words
from hardware.cost.mode import CLOCKS_HZ
from hardware.cost.priced import Cost
from hardware.integer import IntegerNetwork


@dataclass(frozen=True)
class Trigger:
    """A change of a trigger pin.

    Attributes:
        active: Whether it is the pin of the active windows, not of the idle one.
        on: Whether it rose.
        ticks: When, by the board's clock, which wraps at 2^32 ticks.
        tick_hz: That clock.
    """

    active: bool
    on: bool
    ticks: int
    tick_hz: int


@dataclass(frozen=True)
class SimulatedProject:
    """What the simulated board holds.

    Attributes:
        name: Input length and bits, `8-4-8-8-8`.
        checksum: 16 hexadecimal digits, as the board will say.
        integers: The network.
        sample: The known-answer test's input, int8 of the network's input shape.
        known_answer: What it must give.
        cost: What its stages take, and in which mode.
    """

    name: str
    checksum: str
    integers: IntegerNetwork
    sample: NDArray[np.int8]
    known_answer: tuple[int, ...]
    cost: Cost

    def arguments(self) -> list[str]:
        """The host port's arguments, its pipes aside.

        Raises:
            FirmwareError: where an input is too large for the host port.
        """
        mode, cost, network = self.cost.mode, self.cost, self.integers.network
        tick_hz = chip_named(mode.chip).core_clock_hz
        words = input_words(network)
        if words > BUFFER_WORDS:
            raise FirmwareError(
                f"an input of {self.name} has {words} words but the firmware's buffer"
                f" {BUFFER_WORDS}"
            )
        steps = (cost.weight_load_us, cost.input_us, cost.inference_us, cost.softmax_us)
        facts = (
            self.name,
            self.checksum,
            mode.chip,
            mode.clock_source.value,
            mode.divider,
            round(CLOCKS_HZ[mode.chip][mode.clock_source] / mode.load_hz),
            int(mode.pipeline),
            network.input_shape[-1],
            words,
            network.layers[-1].out_channels,
            tick_hz,
            *(round(step.value * tick_hz / 1e6) for step in steps),
        )
        return [str(fact) for fact in facts]


def _unchanged(content: bytes) -> bytes:
    return content


def _unseen(_trigger: Trigger) -> None:
    pass


class SimulatedBoard:
    """The host port, started on entering and stopped on leaving.

    Attributes:
        project: What it holds; `reset` starts with what stands here then.
        port: Name of the port behind which it answers.
        to_board: Applied to what the host sends: tests spoil it here.
        from_board: Applied to what the board sends.
        triggered: Told of every change of a trigger pin.
    """

    def __init__(self, program: Path, project: SimulatedProject) -> None:
        self.project = project
        self.port = ""
        self.to_board: Callable[[bytes], bytes] = _unchanged
        self.from_board: Callable[[bytes], bytes] = _unchanged
        self.triggered: Callable[[Trigger], None] = _unseen
        self._program = program
        self._terminal: PseudoTerminal | None = None
        self._child: _Child | None = None
        self._pump = Pump(self._handles, self._move)

    def __enter__(self) -> Self:
        self._terminal = PseudoTerminal()
        self.port = self._terminal.name
        self._child = self._started()
        self._pump.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unplug()

    def reset(self) -> None:
        """Starts the board anew, whatever it is doing."""
        with self._pump.lock:
            if self._child is not None:
                self._child.stop()
                self._child = self._started()

    def unplug(self) -> None:
        """Takes the board off the line: the port is gone."""
        with self._pump.lock:
            terminal, child = self._terminal, self._child
            self._terminal = self._child = None
        if terminal is not None and child is not None:
            self._pump.stop()
            child.stop()
            terminal.close()

    def _started(self) -> "_Child":
        return _Child(self._program, self.project, self._tell)

    def _tell(self, trigger: Trigger) -> None:
        self.triggered(trigger)

    def _handles(self) -> list[int]:
        terminal, child = self._terminal, self._child
        return [] if terminal is None or child is None else [terminal.handle, *child.handles]

    def _move(self, handle: int) -> None:
        terminal, child = self._terminal, self._child
        if terminal is None or child is None:
            return
        if handle == terminal.handle:
            child.hear(self.to_board(terminal.read()))
        elif handle == child.asked:
            with contextlib.suppress(FirmwareError):  # it ended: the host hears no answer
                child.compute()
        else:
            content = child.speak()
            if content:
                terminal.write(self.from_board(content))
            else:
                time.sleep(POLL_S)  # a child that ended says so for ever


class _Child:
    """The host port as a process, and the accelerator it asks for."""

    def __init__(
        self, program: Path, project: SimulatedProject, triggered: Callable[[Trigger], None]
    ) -> None:
        self._project = project
        self._triggered = triggered
        self._tick_hz = chip_named(project.cost.mode.chip).core_clock_hz
        self._words = input_words(project.integers.network)
        self.asked, to_twin = os.pipe()
        from_twin, self._answers = os.pipe()
        command = [str(program), *project.arguments(), str(from_twin), str(to_twin)]
        try:
            self._process = subprocess.Popen(  # noqa: S603  (our own program)
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(from_twin, to_twin),
            )
        except OSError as error:
            raise FirmwareError(f"the host port cannot be started: {error.strerror}") from None
        finally:
            os.close(from_twin)
            os.close(to_twin)
        assert self._process.stdin is not None  # noqa: S101  (a pipe was asked for)
        assert self._process.stdout is not None  # noqa: S101
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self.handles = (self.asked, self._stdout.fileno())

    def hear(self, content: bytes) -> None:
        with contextlib.suppress(OSError):
            self._stdin.write(content)
            self._stdin.flush()

    def speak(self) -> bytes:
        """What the core has written; nothing where it ended."""
        return os.read(self._stdout.fileno(), 4096)

    def compute(self) -> None:
        """Does what the host port asks: the sample, its answer, an input's outputs, a pin moved."""
        what, project = os.read(self.asked, 1), self._project
        network = project.integers.network
        if what == b"s":
            self._answer(pack_inputs(project.sample[np.newaxis], network)[0])
        elif what == b"e":
            self._answer(np.array(project.known_answer))
        elif what == b"i":
            words = np.frombuffer(self._read(4 * self._words), "<u4").astype(np.uint32)
            values = unpack_input(words, network)
            self._answer(project.integers.logits(values[np.newaxis])[0])
        elif what == b"t":
            pin, on, ticks = struct.unpack("<III", self._read(12))
            self._triggered(Trigger(bool(pin), bool(on), ticks, self._tick_hz))
        else:
            time.sleep(POLL_S)

    def _read(self, count: int) -> bytes:
        """So many bytes, which the host port writes at once."""
        content = b""
        while len(content) < count:
            part = os.read(self.asked, count - len(content))
            if not part:
                raise FirmwareError("the host port ended in the middle of a question")
            content += part
        return content

    def _answer(self, numbers: NDArray[np.int64] | NDArray[np.uint32]) -> None:
        content = (numbers.astype(np.int64) & 0xFFFFFFFF).astype("<u4").tobytes()
        with contextlib.suppress(OSError):
            os.write(self._answers, content)

    def stop(self) -> None:
        self._process.kill()
        with contextlib.suppress(OSError):
            self._stdin.close()
        self._process.wait()
        self._stdout.close()
        os.close(self.asked)
        os.close(self._answers)
