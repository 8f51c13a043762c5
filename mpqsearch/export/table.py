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
FIGURES = (
    ("", "val %"),
    ("model", "us"),
    ("model", "uJ"),
    ("model", "B"),
    ("izer", "B"),
    ("izer", "MACs"),
    ("board", "us"),
    ("board", "uJ"),
)
"""Who says it, and what; a board's are shown where something was measured."""
_PROOFS = {
    Proof.EXACT: "bit-exact",
    Proof.MISPLACED: "misplaced",
    Proof.NOT_SYNTHESIZED: "not run",
    Proof.DIFFERS: "DIFFERS",
}


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
    figures = [one for one in FIGURES if measured or one[0] != "board"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("pick", "chip"):
        table.add_column(f"\n{heading}", no_wrap=True)
    for who, what in figures:
        table.add_column(f"{who}\n{what}", justify="right", no_wrap=True)
    table.add_column("\nproof", no_wrap=True)
    for one in exported:
        proof = (
            "changed" if changed_files(one.folder, one.manifest) else _PROOFS[one.manifest.proof]
        )
        for cost in one.manifest.costs:
            cells = _cells(one.manifest, cost, measured)
            table.add_row(
                escape(one.manifest.name), cost.chip, *(cells[one] for one in figures), proof
            )
    print_table(table)
    for line in _notes(exported):
        out.print(escape(line), soft_wrap=True)


def _cells(
    manifest: Manifest, cost: ChipCost, measured: Sequence[Measurement]
) -> dict[tuple[str, str], str]:
    made = _made(manifest, cost.chip)
    board = _board(manifest, cost, measured)
    values = (
        f"{100 * manifest.score.validation_accuracy:.2f}",
        _figure_text(cost.latency_us, 1),
        _figure_text(cost.energy_uj, 2),
        f"{cost.size_bytes.value:,.0f}",
        "-" if made is None else f"{made.weight_bytes + made.bias_bytes:,}",
        "-" if made is None else f"{made.macs:,}",
        "-" if board is None else f"{board.time_us:.1f}",
        "-" if board is None or board.energy_uj is None else f"{board.energy_uj:.2f}",
    )
    return dict(zip(FIGURES, values, strict=True))


def _made(manifest: Manifest, chip: str) -> IzerProject | None:
    return next((one for one in manifest.projects if one.chip == chip), None)


def _board(
    manifest: Manifest, cost: ChipCost, measured: Sequence[Measurement]
) -> Measurement | None:
    candidate = Candidate.parse(manifest.input_length, manifest.held_bits)
    for one in measured:
        window = one.window is Window.INPUT_AND_INFERENCE
        if window and one.candidate == candidate and str(one.mode) == cost.mode:
            return one
    return None


def _figure_text(figure: Figure, decimals: int) -> str:
    estimate = "~" if figure.origin is Origin.ANALYTIC else ""
    return f"{estimate}{figure.value:.{decimals}f}"


def _notes(exported: Sequence[Exported]) -> list[str]:
    """What the table does not say by itself."""
    manifests = [one.manifest for one in exported]
    notes = ["val: validation accuracy of the network that is exported. ~: analytic estimate."]
    modes = dict.fromkeys(cost.mode for one in manifests for cost in one.costs)
    notes.append("model: one input copied and computed, weights loaded, on")
    notes += [f"  {mode}" for mode in modes]
    if any(_stores_less(one) for one in manifests):
        notes.append("izer B is less than model B where a layer's biases are all zero: not stored.")
    held = [one for one in manifests if one.held_bits != one.bits]
    for one in held[:1]:
        notes.append(
            f"{one.name} is written as {one.held_bits}"
            + (f", and {len(held) - 1} others likewise" if held[1:] else "")
            + ": the izer would misplace narrower weights; the function is the same"
        )
    for one in manifests:
        notes += _notes_of(one)
    for pick in exported:
        changed = changed_files(pick.folder, pick.manifest)
        if changed:
            more = f" and {len(changed) - 1} more" if changed[1:] else ""
            notes.append(f"{pick.folder}: changed since it was exported: {changed[0]}{more}")
        if pick.manifest.proof is Proof.DIFFERS:
            notes.append(f"{pick.folder} is not what was scored: do not flash it")
    return notes


def _stores_less(manifest: Manifest) -> bool:
    made = {one.chip: one.weight_bytes + one.bias_bytes for one in manifest.projects}
    return any(
        made.get(one.chip, one.size_bytes.value) < one.size_bytes.value for one in manifest.costs
    )


def _notes_of(manifest: Manifest) -> list[str]:
    notes = []
    if manifest.trained_again:
        recorded = manifest.score.recorded_accuracy
        other = recorded is not None and recorded != manifest.score.validation_accuracy
        said = f"; the search recorded {100 * (recorded or 0):.2f} %" if other else ""
        notes.append(f"{manifest.name}: trained again for the export{said}")
    notes += [f"{manifest.name}: left out: {reason}" for reason in manifest.left_out]
    found = dict.fromkeys(text for project in manifest.projects for text in project.differences)
    return notes + [f"{manifest.name}: {text}" for text in found]


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


def exports_json(
    exported: Sequence[Exported], measured: Sequence[Measurement] = ()
) -> list[dict[str, Any]]:
    """The exports for programs: each manifest, its folder, what changed, and a board's figures."""
    return [
        {
            "folder": str(one.folder),
            "changed_files": changed_files(one.folder, one.manifest),
            "board": [
                {
                    "chip": cost.chip,
                    "board_latency_us": board.time_us,
                    "board_energy_uj": board.energy_uj,
                }
                for cost in one.manifest.costs
                if (board := _board(one.manifest, cost, measured)) is not None
            ],
            **one.manifest.to_json(),
        }
        for one in exported
    ]
