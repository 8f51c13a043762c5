# SPDX-License-Identifier: Apache-2.0
"""A power monitor that is none: replays recorded lines, or SIMULATES them from the cost model.

Its time base is the real one's, 0.5 % short, and the faults of recorded lines are passed on, so
that whoever reads it is tested by what the real one does.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from hardware.board.pseudo_terminal import PseudoTerminal, Pump
from hardware.board.simulated import Trigger
from hardware.cost.priced import Cost

VERSION = "max78000-powermonitor 2.0"
TIME_BASE = 0.995
"""Its seconds over the board's. Source: CHIPS notes, 6."""
WINDOWS = 3
"""Active windows, after which it writes its line."""


@dataclass(frozen=True)
class Powers:
    """Mean power of each window, watts.

    Attributes:
        idle: Of the idle window; contained in the others.
        stages: Of the active windows, in their order.
    """

    idle: float
    stages: tuple[float, float, float]


def simulated_powers(cost: Cost) -> Powers:
    """What the cost model says the windows draw.

    The idle power is that of a waiting core, which the model does not know: 10.8 mW at 1.1 V,
    9.3 mW at 1.0 V, taken for the MAX78000 too. **Source:** CHIPS notes, 4.
    """
    idle = 9.3e-3 if cost.mode.voltage_v < 1.05 else 10.8e-3
    pairs = (
        (cost.weight_load_uj, cost.weight_load_us),
        (cost.input_uj, cost.input_us),
        (cost.energy_uj, cost.latency_us),
    )
    loading, copying, both = (idle + energy.value / time.value for energy, time in pairs)
    return Powers(idle, (loading, copying, both))


class PowerMonitorTwin:
    """The power monitor behind a pseudo-terminal.

    Attributes:
        port: Name of its port.
        recorded: Lines that are written before any computed one, one for each time the windows have
            passed; an empty one stands for silence.
        commands: What it was sent.
    """

    def __init__(
        self, powers: Powers | None = None, recorded: Iterable[str] = (), rails: str = ""
    ) -> None:
        self.port = ""
        self.recorded = deque(recorded)
        self.commands = bytearray()
        self._powers = powers
        self._rails = rails
        self._terminal: PseudoTerminal | None = None
        self._pump = Pump(self._handles, self._move)
        self._rose = 0
        self._lengths: list[float] = []

    def __enter__(self) -> Self:
        self._terminal = PseudoTerminal()
        self.port = self._terminal.name
        self._pump.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unplug()

    def unplug(self) -> None:
        """Takes the monitor away."""
        if self._terminal is not None:
            self._pump.stop()
            self._terminal.close()
            self._terminal = None

    def triggered(self, trigger: Trigger) -> None:
        """A trigger pin of the board moved: what a `SimulatedBoard` is given to call."""
        if not trigger.active:
            self._lengths = []
        elif trigger.on:
            self._rose = trigger.ticks
        else:
            self._lengths.append((trigger.ticks - self._rose) % 2**32 / trigger.tick_hz)
            if len(self._lengths) == WINDOWS:
                self._write_windows()

    def _write_windows(self) -> None:
        if self.recorded:
            self._write(self.recorded.popleft())
        elif self._powers is not None:
            self._write(cnn_line(self._powers, self._lengths))

    def _handles(self) -> list[int]:
        return [] if self._terminal is None else [self._terminal.handle]

    def _move(self, _handle: int) -> None:
        if self._terminal is None:
            return
        sent = self._terminal.read()
        self.commands += sent
        if b"\x16" in sent:
            self._write(VERSION)
        if self._rails and sent[-1:] in {b"v", b"i", b"w"}:
            self._write(self._rails)

    def _write(self, line: str) -> None:
        if line and self._terminal is not None:
            self._terminal.write(line.encode("ascii") + b"\r\n")


def cnn_line(powers: Powers, lengths_s: Iterable[float]) -> str:
    """The monitor's line of CNN mode for three windows: E, T, I, A of each, T a hundredth."""
    cells: list[float] = []
    for active, length_s in zip(powers.stages, lengths_s, strict=True):
        time_s = length_s * TIME_BASE / 100
        cells += [(active - powers.idle) * time_s, time_s, powers.idle, active]
    return ",".join(f"{cell:.9f}" for cell in cells)
