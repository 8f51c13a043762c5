# SPDX-License-Identifier: Apache-2.0
"""Projects and boards that the board link's tests share."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import numpy as np

from hardware.board.protocol import crc16
from hardware.board.pseudo_terminal import PseudoTerminal, Pump
from hardware.board.simulated import SimulatedProject
from hardware.chips import MAX78002, Chip
from hardware.cost.model import CostModel
from hardware.integer import IntegerLayer, IntegerNetwork
from hardware.network import Network, conv, linear

CHECKSUM = "0123456789abcdef"


def small_project(
    length: int = 21, checksum: str = CHECKSUM, chip: Chip = MAX78002, seed: int = 0
) -> SimulatedProject:
    """Two channels of some length, to four classes."""
    plans = [conv("conv", 3, kernel=3, padding=1), linear("fc", 4)]
    network = Network.chain(2, (length,), plans)
    rng = np.random.default_rng(seed)

    def draw(*shape: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.int8]]":
        return rng.integers(-128, 128, shape).astype(np.int8)

    layers = tuple(
        IntegerLayer(draw(*layer.weight_shape), draw(layer.out_channels), 8, -5)
        for layer in network.layers
    )
    integers = IntegerNetwork(network, layers)
    sample = draw(*network.input_shape)
    return SimulatedProject(
        name=f"{length}-8-8",
        checksum=checksum,
        integers=integers,
        sample=sample,
        known_answer=tuple(int(one) for one in integers.logits(sample[np.newaxis])[0]),
        cost=CostModel(chip).cost(network, (8, 8)),
    )


def line(text: str) -> bytes:
    """A line with its checksum."""
    return text.encode() + b"*%04X\n" % crc16(text.encode())


class ScriptedBoard:
    """Something behind a port that answers every line by a function: not our firmware."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._terminal = PseudoTerminal()
        self.port = self._terminal.name
        self._answer, self._held = answer, b""
        self._pump = Pump(lambda: [self._terminal.handle], self._move)

    def _move(self, _handle: int) -> None:
        *lines, self._held = (self._held + self._terminal.read()).split(b"\n")
        for one in lines:
            if one:
                self._terminal.write(self._answer(one))

    def __enter__(self) -> Self:
        self._pump.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pump.stop()
        self._terminal.close()


def soon(action: Callable[[], None]) -> None:
    """Does something from another thread: what is called by the pump may not wait for it."""
    threading.Thread(target=action, daemon=True).start()
