# SPDX-License-Identifier: Apache-2.0
"""Board figures beside the front's predictions: of the same mode, and never taken for measured."""

import dataclasses

import pytest

from hardware.candidate import Candidate
from mpqsearch.board_columns import BoardColumns
from mpqsearch.board_figures import BoardFigures
from mpqsearch.storage import About
from mpqsearch.terminal import print_front
from mpqsearch.trials import Outcome, TrialRecord

MODE = "MAX78002, IPLL 200 MHz pipelined, load 50 MHz, 1.1 V"
OTHER_MODE = MODE.replace("1.1", "1")
MEASURED = BoardFigures(
    chip="MAX78002",
    mode=MODE,
    board_latency_us=1236.7,
    board_energy_uj=125.67,
    board_weights_us=5000.0,
    board_accuracy=0.975,
    samples=256,
    held_bits="8-2-4-4",
    firmware="1.0",
    project="0123456789abcdef",
    simulated=False,
)
SIMULATED = dataclasses.replace(MEASURED, board_latency_us=999.9, simulated=True)


def record(number: int, *board: BoardFigures, bits: str = "8-2-4-4") -> TrialRecord:
    return TrialRecord(
        number=number,
        candidate=Candidate.parse(1000, bits),
        outcome=Outcome.SCORED,
        accuracy=0.9 - 0.01 * number,
        latency_us=1200.0 - number,
        energy_uj=120.0,
        size_bytes=320_000 - number,
        cost_origin="analytic",
        seed_accuracies=(0.9, 0.9),
        reference="uniform 8" if number == 0 else "",
        board=board,
    )


def test_nothing_measured_takes_no_room() -> None:
    """No column, no cell, no note."""
    columns = BoardColumns([record(1)], MODE)
    assert (columns.headings, columns.cells(record(1)), columns.notes()) == ((), (), [])


def test_measured_goes_before_simulated() -> None:
    """A simulated figure is shown only where there is no other; then it says so."""
    both, sim, none = (
        record(1, SIMULATED, MEASURED),
        record(2, SIMULATED, bits="8-2-4-2"),
        record(3, bits="2-2-2-2"),
    )
    columns = BoardColumns([both, sim, none], MODE)
    assert columns.headings == ("board us", "board uJ")
    assert columns.cells(both) == ("1236.7", "125.67")
    assert columns.cells(sim) == ("sim 999.9", "sim 125.67")
    assert columns.cells(none) == ("-", "-")
    assert columns.notes()[0] == "sim: simulated, no board took part."


def test_only_simulated_is_said_above() -> None:
    """The heading is not `board` where no board took part."""
    columns = BoardColumns([record(2, SIMULATED)], MODE)
    assert columns.headings == ("sim us", "sim uJ")
    assert columns.cells(record(2, SIMULATED)) == ("999.9", "125.67")


def test_a_time_without_an_energy() -> None:
    """Where no power monitor took part the energy is a dash."""
    one = record(1, dataclasses.replace(MEASURED, board_energy_uj=None))
    assert BoardColumns([one], MODE).cells(one) == ("1236.7", "-")


def test_another_mode_is_not_beside_the_prediction() -> None:
    """It would be compared with what it is not; a line says that it is there."""
    one = record(1, dataclasses.replace(MEASURED, mode=OTHER_MODE))
    columns = BoardColumns([one], MODE)
    assert columns.headings == ()
    assert columns.notes() == [f"measured in another mode, see --json: {OTHER_MODE}"]


def test_wider_weights_are_said() -> None:
    """The board held other bits than the candidate has: its figures are of those."""
    found = [
        record(number, MEASURED, bits=bits) for number, bits in enumerate(("2-2-4-4", "4-2-4-4"))
    ]
    assert BoardColumns(found, MODE).notes() == [
        "1000 2-2-4-4 is written as 8-2-4-4 on the chip, and 1 others likewise: the function is the"
        " same, what was measured is of the wider weights"
    ]
    assert BoardColumns([record(1, MEASURED)], MODE).notes() == []


@pytest.mark.parametrize("figures", [MEASURED, SIMULATED])
def test_the_front_fits_a_hundred_columns(
    figures: BoardFigures, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four layers, several seeds and board figures at once."""
    beaten = dataclasses.replace(record(0, figures, bits="8-8-8-8"), accuracy=0.5)
    records = [beaten, record(1, figures)]
    layers = ("conv1", "conv2", "fc1", "fc2")
    print_front(About("indoor", "radar", False, MODE, layers, 162), records)
    lines = capsys.readouterr().out.splitlines()
    (first,) = [number for number, line in enumerate(lines) if line.startswith("trial")]
    table = lines[first - 1 : first + 3]
    assert [line.count("125.67") for line in table] == [0, 0, 1, 1]
    assert table[3].rstrip().endswith("uniform 8: beaten")
    assert max(len(line.rstrip()) for line in table) <= 100
