# SPDX-License-Identifier: Apache-2.0
"""Measures the project on a board: proven first, then window by window, each row kept at once."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from hardware.board.board import Board, Identity, Timing
from hardware.board.link import BoardError
from hardware.board.power_lines import PowerError, StageEnergy
from hardware.board.power_monitor import PowerMonitor
from hardware.board.protocol import Complaint, Stage
from hardware.board.rows import Row, RowFile, RowsError
from hardware.candidate import Candidate
from hardware.cost.measurements import Window

SIMULATED = "simulated"
"""What the source of a row begins with that nobody measured; `calibrate` looks for it."""


@dataclass(frozen=True)
class Wanted:
    """What is measured, and how.

    Attributes:
        candidate: Input length and bits, as held on the chip.
        known_answer: What the last layer must give for the board's sample.
        voltage_v: Voltage of the accelerator's rail, which the board cannot know.
        window_us: How long each window is repeated.
    """

    candidate: Candidate
    known_answer: tuple[int, ...]
    voltage_v: float
    window_us: int


@dataclass(frozen=True)
class Measured:
    """What a board gave.

    Attributes:
        rows: A row for each window.
        there: Windows that the file had already, whose rows are as it has them.
        softmax_us: The core's softmax.
        preparation_us: The application's preparation of one input; None where there is none.
        simulated: Whether nobody measured it.
    """

    rows: tuple[Row, ...]
    there: tuple[Window, ...]
    softmax_us: float
    preparation_us: float | None
    simulated: bool


def measure_project(
    board: Board, wanted: Wanted, rows: RowFile, monitor: PowerMonitor | None
) -> Measured:
    """Proves the project on a board and measures the windows that the file does not have yet.

    Args:
        board: The board, identified.
        wanted: What is measured.
        rows: Where every row goes as soon as it is there.
        monitor: The power monitor; None: times only.

    Raises:
        LinkError: where board or monitor fail; the rows before are kept.
        PowerError: where the energies cannot be.
        ModeError: where the chip has no such voltage.
        RowsError: where a row cannot be written.
    """
    simulated = board.identity.simulated
    _check_kind(rows, simulated=simulated)
    empty = {window: _empty_row(board.identity, wanted, window) for window in Window}
    kept = {_key(cells): cells for cells in rows.measured() if cells["energy_uj"] or not monitor}
    found = {
        window: _restored(row, kept[_key(row.cells())])
        for window, row in empty.items()
        if _key(row.cells()) in kept
    }
    there = tuple(found)
    board.prove(wanted.known_answer)
    energies = _energies(board, wanted, monitor) if len(there) < len(Window) else {}
    for window in [one for one in Window if one not in found]:
        timing = board.measure(Stage(window.value), wanted.window_us)
        found[window] = _filled(empty[window], timing, energies.get(window))
        rows.append(found[window])
    return Measured(
        rows=tuple(found[window] for window in Window),
        there=there,
        softmax_us=board.measure(Stage.SOFTMAX, wanted.window_us).mean_us,
        preparation_us=_preparation_us(board, wanted.window_us),
        simulated=simulated,
    )


def _empty_row(identity: Identity, wanted: Wanted, window: Window) -> Row:
    """A row before it is measured: what it is of."""
    return Row(
        candidate=wanted.candidate,
        mode=identity.mode(wanted.voltage_v),
        window=window,
        time_us=0.0,
        time_std_us=0.0,
        repeats=0,
        source=f"{SIMULATED} {identity.port}" if identity.simulated else identity.port,
        firmware=identity.firmware,
        project=identity.project,
    )


def _filled(row: Row, time: Timing, energy: StageEnergy | None) -> Row:
    """A row with what was measured."""
    timed = dataclasses.replace(
        row, time_us=time.mean_us, time_std_us=time.std_us, repeats=time.repeats
    )
    if energy is None:
        return timed
    return dataclasses.replace(
        timed, energy_uj=energy.energy_uj, idle_mw=energy.idle_mw, active_mw=energy.active_mw
    )


def _restored(row: Row, cells: dict[str, str]) -> Row:
    """A row with the figures the file has of it."""

    def number(name: str) -> float | None:
        return float(cells[name]) if cells[name] else None

    return dataclasses.replace(
        row,
        time_us=float(cells["time_us"]),
        time_std_us=float(cells["time_std_us"]),
        repeats=int(cells["repeats"]),
        energy_uj=number("energy_uj"),
        idle_mw=number("idle_mw"),
        active_mw=number("active_mw"),
    )


def _key(cells: dict[str, str]) -> tuple[str, ...]:
    """What a row is of: everything but its figures."""
    figures = {"time_us", "time_std_us", "repeats", "energy_uj", "idle_mw", "active_mw"}
    return tuple(text for name, text in cells.items() if name not in figures)


def _check_kind(rows: RowFile, *, simulated: bool) -> None:
    """Measured and simulated rows never share a file."""
    for cells in rows.measured():
        if cells["source"].startswith(SIMULATED) != simulated:
            held, given = ("measured", SIMULATED) if simulated else (SIMULATED, "measured")
            raise RowsError(f"{rows.path} holds {held} rows, not {given} ones; choose another file")


def _energies(
    board: Board, wanted: Wanted, monitor: PowerMonitor | None
) -> dict[Window, StageEnergy]:
    """Energies by window; inference alone is input and inference less the input.

    That holds as inputs are copied before an inference begins, not during it.
    """
    if monitor is None:
        return {}
    measured = monitor.measure(board, max(wanted.window_us, _POWER_US))
    found = {Window(one.stage): one for one in measured}
    both, copy = found[Window.INPUT_AND_INFERENCE], found[Window.INPUT_LOAD]
    found[Window.INFERENCE] = _less(both, copy)
    return found


_POWER_US = 1_000_000
"""Windows of power, at least: ten of the power monitor's shortest."""


def _less(both: StageEnergy, copy: StageEnergy) -> StageEnergy:
    """Inference alone; its own mean power was not measured."""
    left_uj = both.energy_uj - copy.energy_uj
    if left_uj <= 0:
        raise PowerError(
            f"input and inference took {both.energy_uj:.4g} uJ but the input alone"
            f" {copy.energy_uj:.4g} uJ; measure again with a longer window"
        )
    return StageEnergy(Window.INFERENCE.value, left_uj, both.idle_mw, None, both.repeats)


def _preparation_us(board: Board, window_us: int) -> float | None:
    try:
        return board.measure(Stage.PREPARATION, window_us).mean_us
    except BoardError as error:
        if error.code == Complaint.NO_APPLICATION:
            return None
        raise


def accuracy_of(classes: Sequence[int], labels: Sequence[int]) -> float:
    """Share of the classes that are right, 0 to 1."""
    pairs = list(zip(classes, labels, strict=True))
    return sum(found == label for found, label in pairs) / len(pairs)
