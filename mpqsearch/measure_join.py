# SPDX-License-Identifier: Apache-2.0
"""What was measured joins the study that the pick is from; its rows are in the file before."""

import dataclasses

from hardware.board.measure import Measured
from hardware.board.rows import Row
from hardware.candidate import Candidate
from hardware.cost.measurements import Window
from mpqsearch.backend import storage_errors
from mpqsearch.board_figures import BoardFigures
from mpqsearch.errors import RunFolderError
from mpqsearch.export.manifest import Manifest
from mpqsearch.measure import MeasuredPick
from mpqsearch.opened_study import OpenedStudy
from mpqsearch.storage import data_hash, keep_board
from mpqsearch.trials import TrialRecord


def join(pick: MeasuredPick, opened: OpenedStudy) -> str:
    """Keeps a pick's figures in its study, where they are not there yet.

    Returns:
        Why they did not join, for people; empty where they did, or there are none.
    """
    manifest, measured = pick.exported.manifest, pick.measured
    if measured is None:
        return ""
    candidate = Candidate.parse(manifest.input_length, manifest.bits)
    record = next((one for one in opened.records if one.candidate == candidate), None)
    reason = _not_of(manifest, opened)
    if not reason and record is None:
        reason = "the study has no such candidate"
    if not reason and record is not None:
        reason = _kept(record, figures_of(pick, measured), opened)
    said = f"{manifest.name}: its rows are kept, but did not join study {opened.name}: {reason}"
    return said if reason else ""


def _not_of(manifest: Manifest, opened: OpenedStudy) -> str:
    """Why a pick is not of a study; empty where it is."""
    if manifest.study != opened.name:
        return f"it was exported from study {manifest.study}"
    known = data_hash(opened.study)
    if known is not None and not manifest.data_sha256.startswith(known):
        return "it was exported from other data than the study has"
    return ""


def _kept(record: TrialRecord, found: BoardFigures, opened: OpenedStudy) -> str:
    """Writes figures that are new; gives why they could not be written."""
    known = next((one for one in record.board if _same(one, found)), None)
    if known is not None:
        found = _completed(found, known)
    if found == known:
        return ""
    try:
        with storage_errors(opened.folder):
            keep_board(opened.study, record, found)
    except RunFolderError as error:
        return str(error)
    except KeyError:  # Optuna's, where the study was deleted meanwhile
        return "it is not there any more"
    return ""


def _same(one: BoardFigures, two: BoardFigures) -> bool:
    return (one.mode, one.simulated) == (two.mode, two.simulated)


def _completed(found: BoardFigures, known: BoardFigures) -> BoardFigures:
    """What was left out this time stays as it was, where the board holds the same project."""
    if known.project != found.project:
        return found
    if found.board_energy_uj is None:
        found = dataclasses.replace(found, board_energy_uj=known.board_energy_uj)
    if found.board_accuracy is None:
        found = dataclasses.replace(
            found, board_accuracy=known.board_accuracy, samples=known.samples
        )
    return found


def figures_of(pick: MeasuredPick, measured: Measured) -> BoardFigures:
    """What a board gave for a pick, to the digits that its rows have."""
    rows = {row.window: row for row in measured.rows}
    both, weights = rows[Window.INPUT_AND_INFERENCE], rows[Window.WEIGHT_LOAD]
    return BoardFigures(
        chip=pick.chip,
        mode=str(both.mode),
        board_latency_us=_written(both, "time_us"),
        board_energy_uj=None if both.energy_uj is None else _written(both, "energy_uj"),
        board_weights_us=_written(weights, "time_us"),
        board_accuracy=pick.accuracy,
        samples=pick.samples,
        held_bits=pick.exported.manifest.held_bits,
        firmware=both.firmware,
        project=both.project,
        simulated=measured.simulated,
    )


def _written(row: Row, name: str) -> float:
    return float(row.cells()[name])
