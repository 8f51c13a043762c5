# SPDX-License-Identifier: Apache-2.0
"""A board as an object: who it is, and what it measures of the project it is meant to hold."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hardware.board.link import BoardError, BoardReset, Link, LinkError
from hardware.board.protocol import (
    BATCH_INPUTS,
    FIRMWARE_VERSION,
    GAP_US,
    INFERENCE_US,
    INPUT_LINE_WORDS,
    PROTOCOL_VERSION,
    WINDOW_US_MOST,
    Complaint,
    ProtocolError,
    Reply,
    Stage,
    Verb,
    crc16,
)
from hardware.chips import ChipError, chip_named
from hardware.cost.mode import CLOCKS_HZ, ClockSource, InputCopy, Mode, ModeError

RESETS = 3
"""Times a board may start anew within one request before it is given up."""
_SLOW_S = 1.0
"""What a request takes besides the stages it repeats: the two runs before, and writing."""
_START_S = 5.0
"""Loading the largest weights and starting the accelerator. Source: CHIPS, 282 ns a word."""

_Result = TypeVar("_Result")


class WrongBoard(LinkError):  # noqa: N818  (it says what is on the line)
    """A board that runs another firmware or holds another project than meant."""


@dataclass(frozen=True)
class Identity:
    """What a board says it is.

    Attributes:
        firmware: Version of our firmware on it.
        port: Name of the firmware's port.
        simulated: Whether its times are computed, not measured.
        project: Checksum of the project.
        name: The project's name.
        application: The application whose preparation it can time; none.
        chip: Part name.
        clock: Source of the accelerator's clock.
        divider: Its divider during inference.
        load_divider: Its divider while weights load.
        pipeline: Whether the accelerator's pipeline is on.
        tick_hz: Clock in which it counts.
        input_length: Samples along the input's axis.
        input_words: 32-bit words of one input.
        outputs: 32-bit outputs.
        buffer_words: Words of inputs it can hold.
    """

    firmware: str
    port: str
    simulated: bool
    project: str
    name: str
    application: str
    chip: str
    clock: ClockSource
    divider: int
    load_divider: int
    pipeline: bool
    tick_hz: int
    input_length: int
    input_words: int
    outputs: int
    buffer_words: int

    def mode(self, voltage_v: float) -> Mode:
        """How the chip is run: all but the voltage, which the board cannot know, is its own word.

        Raises:
            ModeError: where the chip has no such mode.
        """
        load_hz = CLOCKS_HZ[self.chip][self.clock] / self.load_divider
        return Mode(
            chip=self.chip,
            clock_source=self.clock,
            divider=self.divider,
            pipeline=self.pipeline,
            load_clock_mhz=load_hz / 1e6,
            voltage_v=voltage_v,
            input_copy=InputCopy.APPLICATION,
        )


@dataclass(frozen=True)
class Timing:
    """Times of one stage, microseconds.

    Attributes:
        stage: Which.
        repeats: Times it was run.
        least_us: The shortest.
        mean_us: Their mean.
        most_us: The longest.
        std_us: Their standard deviation.
        timer_us: What reading the clock takes: contained in the others.
    """

    stage: Stage
    repeats: int
    least_us: float
    mean_us: float
    most_us: float
    std_us: float
    timer_us: float


@dataclass(frozen=True)
class PowerWindow:
    """One window in which the power monitor measured.

    Attributes:
        name: idle, or the stage repeated in it.
        repeats: Times it was run.
        length_s: By the chip's own clock.
    """

    name: str
    repeats: int
    length_s: float


WINDOWS = ("idle", "weight_load", "input_load", "input_and_inference")
"""The power monitor's windows, in their order."""


class Board:
    """A board that was found to run our firmware with the project meant.

    Where it starts anew in the middle of a request, it is identified again, proven again, and asked
    again: no figure of it crosses a restart, and none is taken from another project.

    Attributes:
        identity: What it said it is.
    """

    def __init__(self, link: Link, project: str | None = None) -> None:
        """Identifies the board.

        Args:
            link: The link to it.
            project: Checksum of the project meant; None: whichever is on it.

        Raises:
            WrongBoard: where firmware or project are not ours.
            LinkError: where it does not answer.
        """
        self._link = link
        self._outputs: tuple[int, ...] | None = None
        self.identity = self._identified()
        if project is not None and self.identity.project != project:
            raise WrongBoard(
                f"{link.name}: the board holds {self.identity.name} ({self.identity.project}), not"
                f" the project meant ({project}); flash that one"
            )

    def prove(self, known_answer: Sequence[int]) -> None:
        """Runs the known-answer test, first of all requests.

        Args:
            known_answer: What the last layer must give for the sample.

        Raises:
            WrongBoard: where it gives something else.
        """
        if len(known_answer) != self.identity.outputs:
            raise WrongBoard(
                f"{self._link.name}: {self.identity.name} has {self.identity.outputs} outputs but"
                f" the known answer {len(known_answer)}; it is of another project"
            )
        self._outputs = tuple(known_answer)
        self._again(self._proven)

    def measure(self, stage: Stage, window_us: int) -> Timing:
        """Times a stage; repeats fill the window.

        Raises:
            BoardError: where the board refuses; NO_APPLICATION where it has no preparation.
        """
        longest_s = max(2 * window_us, 3 * INFERENCE_US) / 1e6
        takes_s = _START_S + longest_s + _SLOW_S

        def once() -> Timing:
            (line,) = self._link.ask(Verb.MEASURE, takes_s, stage=stage.value, window_us=window_us)
            return self._timing(line, stage)

        return self._again(once)

    def power(self, window_us: int, armed: Callable[[], None]) -> tuple[PowerWindow, ...]:
        """Runs the power monitor's windows, in its order.

        Args:
            window_us: Length of each; the board repeats a stage as often as fits.
            armed: Called before every try: the power monitor must begin anew with it.
        """
        pause_s = _START_S + (max(2 * window_us, WINDOW_US_MOST) + GAP_US) / 1e6

        def once() -> tuple[PowerWindow, ...]:
            armed()
            lines = self._link.ask(Verb.POWER, pause_s, pause_s=pause_s, window_us=window_us)
            found = tuple(self._window(line) for line in lines)
            if tuple(window.name for window in found) != WINDOWS:
                raise ProtocolError(
                    f"the board's windows must be {', '.join(WINDOWS)} but are"
                    f" {', '.join(window.name for window in found)}"
                )
            return found

        return self._again(once)

    def run(self, words: NDArray[np.uint32]) -> tuple[int, ...]:
        """Computes one input, (words,); gives its outputs."""

        def once() -> tuple[int, ...]:
            self._send(words)
            return _outputs(self._link.ask(Verb.RUN, INFERENCE_US / 1e6, crc=_crc(words)))

        return self._again(once)

    def classify(self, inputs: NDArray[np.uint32]) -> tuple[int, ...]:
        """Classes of inputs, (inputs, words): of each the first of its largest outputs.

        Raises:
            BoardError: where one input does not fit the board's buffer.
        """
        at_once = max(1, min(BATCH_INPUTS, self.identity.buffer_words // self.identity.input_words))
        found: list[int] = []
        for start in range(0, len(inputs), at_once):
            batch = inputs[start : start + at_once]
            found += self._again(lambda batch=batch: self._classes(batch))  # type: ignore[misc]
        return tuple(found)

    def _classes(self, batch: NDArray[np.uint32]) -> tuple[int, ...]:
        words = batch.ravel()
        self._send(words)
        takes_s = len(batch) * INFERENCE_US / 1e6
        (line,) = self._link.ask(Verb.CLASSIFY, takes_s, count=len(batch), crc=_crc(words))
        classes = tuple(int(one) for one in line.text("values").split(","))
        if len(classes) != len(batch):
            raise ProtocolError(f"{len(batch)} classes were asked for but {len(classes)} came")
        return classes

    def _send(self, words: NDArray[np.uint32]) -> None:
        for offset in range(0, len(words), INPUT_LINE_WORDS):
            part = words[offset : offset + INPUT_LINE_WORDS]
            text = "".join(f"{word:08X}" for word in part)
            self._link.ask(Verb.INPUT, offset=offset, words=text)

    def _again(self, once: Callable[[], _Result]) -> _Result:
        """Does something that a board's restart or lost input makes void, until it is whole."""
        for _ in range(RESETS):
            try:
                return once()
            except BoardReset:
                self._recover()
            except BoardError as error:
                if error.code == Complaint.UNPROVEN and self._outputs is not None:
                    self._recover()
                elif error.code != Complaint.INPUT_DIFFERS:
                    raise
        raise LinkError(
            f"{self._link.name}: the board started anew {RESETS} times in the middle of one"
            " request; look at its power supply"
        )

    def _recover(self) -> None:
        """Finds the same project on the board that started anew, and proves it again."""
        for _ in range(RESETS):
            try:
                found = self._identified()
                if found != self.identity:
                    raise WrongBoard(
                        f"{self._link.name}: the board came back with {found.name}"
                        f" ({found.project}), not {self.identity.name} ({self.identity.project})"
                    )
                if self._outputs is not None:
                    self._proven()
                return
            except BoardReset:
                continue
        raise LinkError(f"{self._link.name}: the board starts anew all the time")

    def _identified(self) -> Identity:
        for _ in range(RESETS):
            try:
                identity, mode = self._link.ask(Verb.IDENTIFY)
                return _identity(self._link.name, identity, mode)
            except BoardReset:
                continue
        raise LinkError(f"{self._link.name}: the board starts anew all the time")

    def _proven(self) -> None:
        takes_s = _START_S + INFERENCE_US / 1e6
        try:
            found = _outputs(self._link.ask(Verb.KNOWN_ANSWER, takes_s))
        except BoardError as error:
            if error.code != Complaint.WRONG_ANSWER:
                raise
            found = _outputs(error.replies)
        if found != self._outputs:
            raise WrongBoard(
                f"{self._link.name}: {self.identity.name} fails the known-answer test: it gives"
                f" {', '.join(map(str, found[:8]))}, not"
                f" {', '.join(map(str, (self._outputs or ())[:8]))}"
            )

    def _timing(self, line: Reply, stage: Stage) -> Timing:
        if line.text("stage") != stage.value:
            raise ProtocolError(f"{stage.value} was asked for but {line.text('stage')} came")
        us = 1e6 / self.identity.tick_hz
        return Timing(
            stage=stage,
            repeats=line.number("repeats"),
            least_us=line.number("least") * us,
            mean_us=line.number("mean_milli") / 1e3 * us,
            most_us=line.number("most") * us,
            std_us=line.number("std_milli") / 1e3 * us,
            timer_us=line.number("timer") * us,
        )

    def _window(self, line: Reply) -> PowerWindow:
        length_s = line.number("ticks") / self.identity.tick_hz
        return PowerWindow(line.text("name"), line.number("repeats"), length_s)


def _identity(name: str, identity: Reply, mode: Reply) -> Identity:
    if identity.number("protocol") != PROTOCOL_VERSION:
        raise WrongBoard(
            f"{name}: the board speaks protocol {identity.number('protocol')}, not"
            f" {PROTOCOL_VERSION}; export the project again and flash it"
        )
    if identity.text("firmware") != FIRMWARE_VERSION:
        raise WrongBoard(
            f"{name}: the board runs firmware {identity.text('firmware')}, not"
            f" {FIRMWARE_VERSION}; export the project again and flash it"
        )
    try:
        return Identity(
            firmware=identity.text("firmware"),
            port=identity.text("port"),
            simulated=bool(identity.number("simulated")),
            project=identity.text("project"),
            name=identity.text("name"),
            application=identity.text("application"),
            chip=chip_named(mode.text("chip")).name,
            clock=ClockSource(mode.text("clock")),
            divider=mode.number("divider"),
            load_divider=mode.number("load_divider"),
            pipeline=bool(mode.number("pipeline")),
            **{
                key: mode.number(key)
                for key in ("tick_hz", "input_length", "input_words", "outputs", "buffer_words")
            },
        )
    except (ValueError, ChipError, ModeError) as error:
        raise WrongBoard(f"{name}: the board says what cannot be: {error}") from None


def _outputs(lines: Iterable[Reply]) -> tuple[int, ...]:
    text = "".join(line.text("values") for line in lines if line.kind == "outputs")
    words = np.array([int(text[at : at + 8], 16) for at in range(0, len(text), 8)], np.uint32)
    return tuple(int(value) for value in words.view(np.int32))


def _crc(words: NDArray[np.uint32]) -> str:
    return f"{crc16(words.astype('<u4').tobytes()):04X}"
