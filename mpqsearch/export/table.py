# SPDX-License-Identifier: Apache-2.0
"""Exported picks for people: what was exported, and what is known of all of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from hardware.candidate import Candidate
from hardware.cost.figure import Figure, Origin
from hardware.cost.measurements import Measurement, MeasurementError, Window, read_measurements
from mpqsearch.errors import StudyError
from mpqsearch.export.export import Exported
from mpqsearch.export.folder import ExportFolder
from mpqsearch.export.manifest import (
    ChipCost,
    IzerProject,
    Manifest,
    Proof,
    changed_files,
    read_manifest,
)
from mpqsearch.terminal import err, out, print_table

MEASUREMENTS = "measurements.csv"
HEADINGS = (
    "val %",
    "latency us",
    "board us",
    "energy uJ",
    "board uJ",
    "size B",
    "izer B",
    "izer MACs",
)


def read_exports(folder: Path) -> list[Exported]:
    """Every exported pick of a folder.

    Raises:
        StudyError: where there is none, or a manifest is damaged.
    """
    found = [Exported(one, read_manifest(one)) for one in ExportFolder(folder).exports()]
    if not found:
        raise StudyError(f"no exported pick in {folder}; mpqsearch export --study writes some")
    return sorted(found, key=lambda one: -one.manifest.score.validation_accuracy)


def print_exports(exported: Sequence[Exported], measured: Sequence[Measurement] = ()) -> None:
    """One row for each pick and chip: predicted, counted by the izer, and measured."""
    if any(one.manifest.synthetic_data for one in exported):
        out.print("[bold yellow]SYNTHETIC DATA[/]")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("length", justify="right", no_wrap=True)
    for heading in ("bits", "chip"):
        table.add_column(heading, no_wrap=True)
    boards = bool(measured)
    headings = [one for one in HEADINGS if boards or not one.startswith("board")]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("proof", no_wrap=True)
    for one in exported:
        for cost in one.manifest.costs:
            cells = _cells(one.manifest, cost, measured)
            table.add_row(
                str(one.manifest.input_length),
                one.manifest.bits,
                cost.chip,
                *(cells[heading] for heading in headings),
                escape(_proof_text(one)),
            )
    print_table(table)
    for line in _notes(exported):
        out.print(escape(line), soft_wrap=True)


def _cells(manifest: Manifest, cost: ChipCost, measured: Sequence[Measurement]) -> dict[str, str]:
    made = _made(manifest, cost.chip)
    board = _board(manifest, cost, measured)
    return {
        "val %": f"{100 * manifest.score.validation_accuracy:.2f}",
        "latency us": _figure_text(cost.latency_us, 1),
        "board us": "-" if board is None else f"{board.time_us:.1f}",
        "energy uJ": _figure_text(cost.energy_uj, 2),
        "board uJ": "-" if board is None or board.energy_uj is None else f"{board.energy_uj:.2f}",
        "size B": f"{cost.size_bytes.value:,.0f}",
        "izer B": "-" if made is None else f"{made.weight_bytes + made.bias_bytes:,}",
        "izer MACs": "-" if made is None else f"{made.macs:,}",
    }


def _made(manifest: Manifest, chip: str) -> IzerProject | None:
    return next((one for one in manifest.projects if one.chip == chip), None)


def _board(
    manifest: Manifest, cost: ChipCost, measured: Sequence[Measurement]
) -> Measurement | None:
    candidate = Candidate.parse(manifest.input_length, manifest.bits)
    for one in measured:
        window = one.window is Window.INPUT_AND_INFERENCE
        if window and one.candidate == candidate and str(one.mode) == cost.mode:
            return one
    return None


def _figure_text(figure: Figure, decimals: int) -> str:
    estimate = "~" if figure.origin is Origin.ANALYTIC else ""
    return f"{estimate}{figure.value:.{decimals}f}"


def _proof_text(one: Exported) -> str:
    changed = changed_files(one.folder, one.manifest)
    if changed:
        return f"changed since: {changed[0]}" + (
            f" and {len(changed) - 1} more" * bool(changed[1:])
        )
    if one.manifest.proof is Proof.DIFFERS:
        return "DIFFERS, do not flash"
    return str(one.manifest.proof.value)


def _notes(exported: Sequence[Exported]) -> list[str]:
    """What the table does not say by itself."""
    notes = ["~: analytic estimate. val: validation accuracy of the network that is exported."]
    held = [one.manifest for one in exported if one.manifest.held_bits != one.manifest.bits]
    for manifest in held[:1]:
        notes.append(
            f"{manifest.name} is written as {manifest.held_bits}"
            + (f", and {len(held) - 1} others likewise" if held[1:] else "")
            + ": the izer would misplace narrower weights; the function is the same"
        )
    again = [one.manifest.name for one in exported if one.manifest.trained_again]
    if again:
        notes.append(f"trained again for the export: {', '.join(again)}")
    for one in exported:
        notes += [f"{one.manifest.name}: {reason}" for reason in one.manifest.left_out]
        found = {text for project in one.manifest.projects for text in project.differences}
        notes += [f"{one.manifest.name}: {text}" for text in sorted(found)]
    return notes


def board_measurements(folder: Path) -> tuple[Measurement, ...]:
    """What was measured on boards, where the folder of exports holds `measurements.csv`."""
    path = folder / MEASUREMENTS
    if not path.is_file():
        return ()
    try:
        return read_measurements(path)
    except MeasurementError as error:
        err.print(f"board figures are left out: {error}", markup=False, soft_wrap=True)
        return ()


def exports_json(exported: Sequence[Exported]) -> list[dict[str, Any]]:
    """The exports for programs: each manifest, its folder and what has changed since."""
    return [
        {
            "folder": str(one.folder),
            "changed_files": changed_files(one.folder, one.manifest),
            **one.manifest.to_json(),
        }
        for one in exported
    ]
