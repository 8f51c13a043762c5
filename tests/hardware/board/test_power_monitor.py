# SPDX-License-Identifier: Apache-2.0
"""The power monitor read while the board runs its windows, faults included."""

from collections.abc import Iterator

import pytest

from hardware.board.board import Board
from hardware.board.link import Link, LinkError, LinkLost
from hardware.board.power_monitor import TRIES, VOLTS, PowerMonitor, open_power_monitor
from hardware.board.simulated import SimulatedBoard, SimulatedProject
from hardware.board.simulated_power import PowerMonitorTwin, simulated_powers
from tests.hardware.board_projects import soon

FAULTS = (
    "",
    "0.000512,0.00995",
    ",".join(["0.0"] * 12),
    "0.5,44.79,0.0108,0.0623,0.5,44.79,0.0108,0.0611,0.5,44.79,0.0108,0.2118",
)
"""Recorded in kind: silence, a line cut off, zeros, a stale overflow."""


@pytest.fixture
def board(link: Link, project: SimulatedProject) -> Board:
    found = Board(link)
    found.prove(project.known_answer)
    return found


@pytest.fixture
def twin(simulated: SimulatedBoard, project: SimulatedProject) -> Iterator[PowerMonitorTwin]:
    with PowerMonitorTwin(simulated_powers(project.cost), rails="3.30,1.10,1.10,1.80") as found:
        simulated.triggered = found.triggered
        yield found


@pytest.fixture
def monitor(twin: PowerMonitorTwin) -> Iterator[PowerMonitor]:
    with open_power_monitor(twin.port, 0.3) as found:
        yield found


def test_energies_are_the_cost_models(
    board: Board, monitor: PowerMonitor, project: SimulatedProject
) -> None:
    """What the twin was given to draw comes back, to the ticks of reading the clock."""
    cost = project.cost
    found = {one.stage: one.energy_uj for one in monitor.measure(board, 200_000)}
    assert found == {
        "weight_load": pytest.approx(cost.weight_load_uj.value, rel=0.01),
        "input_load": pytest.approx(cost.input_uj.value, rel=0.01),
        "input_and_inference": pytest.approx(cost.energy_uj.value, rel=0.01),
    }


def test_faults_are_measured_again(
    board: Board, monitor: PowerMonitor, twin: PowerMonitorTwin, project: SimulatedProject
) -> None:
    """Every fault recorded, one after the other, then a line that holds."""
    twin.recorded.extend(FAULTS)
    assert len(FAULTS) < TRIES
    found = monitor.measure(board, 200_000)
    assert found[2].energy_uj == pytest.approx(project.cost.energy_uj.value, rel=0.01)
    assert not twin.recorded


def test_faults_without_end_are_told(
    board: Board, monitor: PowerMonitor, twin: PowerMonitorTwin
) -> None:
    """After some tries, with what was wrong at last."""
    twin.recorded.extend([FAULTS[1]] * TRIES)
    with pytest.raises(LinkError, match=r"none of 5 readings .* holds, at last: .* 12 numbers"):
        monitor.measure(board, 200_000)
    twin.recorded.extend([""] * TRIES)
    with pytest.raises(LinkError, match=r"holds, at last: .* says nothing; is it the port of 0B6A"):
        monitor.measure(board, 200_000)


def test_a_line_from_before_is_not_taken(
    board: Board, monitor: PowerMonitor, twin: PowerMonitorTwin, project: SimulatedProject
) -> None:
    """What lay in the port when the windows began belongs to others."""
    board.power(500_000, lambda: None)  # somebody else's windows: the twin writes its line
    found = monitor.measure(board, 200_000)
    assert found[2].energy_uj == pytest.approx(project.cost.energy_uj.value, rel=0.01)
    assert twin.commands[-1:] == b"t"


def test_rails_and_version_are_read(monitor: PowerMonitor) -> None:
    """One-character commands, answered by a line."""
    assert monitor.version() == "max78000-powermonitor 2.0"
    assert monitor.rails(VOLTS) == {"3V3": 3.3, "CA": 1.1, "CB": 1.1, "1V8": 1.8}


def test_a_monitor_unplugged_in_the_middle_is_gone(
    board: Board, monitor: PowerMonitor, twin: PowerMonitorTwin
) -> None:
    """No energy, and an error that says which device it was."""
    twin.recorded.append("")
    board.power(200_000, lambda: soon(twin.unplug))
    with pytest.raises(LinkLost, match="the power monitor is gone"):
        monitor.measure(board, 200_000)
