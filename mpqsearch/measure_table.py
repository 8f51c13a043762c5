# SPDX-License-Identifier: Apache-2.0
"""What was measured, beside what was predicted: for people, and for programs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from hardware.board.rows import Row
from hardware.cost.figure import Figure, Origin
from hardware.cost.measurements import Window
from mpqsearch.export.manifest import ChipCost
from mpqsearch.measure import MeasuredPick
from mpqsearch.terminal import out, print_table

HEADINGS = (
    ("pick", "left"),
    ("us", "right"),
    ("model us", "right"),
    ("uJ", "right"),
    ("model uJ", "right"),
    ("weights us", "right"),
    ("softmax us", "right"),
    ("prep us", "right"),
    ("acc %", "right"),
    ("", "left"),
)


def print_measured(picks: Sequence[MeasuredPick], path: Path) -> None:
    """One row for each pick: measured beside predicted; why one failed was said when it did."""
    if any(one.measured is not None and one.measured.simulated for one in picks):
        out.print("[bold yellow]SIMULATED[/]: no board took part; times are the cost model's")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, side in HEADINGS:
        table.add_column(heading, justify="right" if side == "right" else "left", no_wrap=True)
    for one in picks:
        table.add_row(*_cells(one))
    print_table(table)
    out.print(
        "us, uJ: one input copied and computed, weights loaded; acc: of inputs of the validation"
        f" split, classified on the board. ~: analytic estimate. Rows are in {escape(str(path))}",
        soft_wrap=True,
    )
    for one in picks:
        if one.accuracy != one.expected:
            out.print(
                f"{escape(one.exported.manifest.name)}: the integer reference gets"
                f" {100 * (one.expected or 0):.2f} % of the same {one.samples} inputs right: the"
                " board does not compute what was scored"
            )


def _cells(pick: MeasuredPick) -> list[str]:
    manifest = pick.exported.manifest
    cost = next((cost for cost in manifest.costs if cost.chip == pick.chip), None)
    measured = pick.measured
    if measured is None:
        model_us, model_uj = _model(cost)
        return [escape(manifest.name), "-", model_us, "-", model_uj, "-", "-", "-", "-", "failed"]
    both = _row(measured.rows, Window.INPUT_AND_INFERENCE)
    loading = _row(measured.rows, Window.WEIGHT_LOAD)
    model_us, model_uj = _model(cost)
    return [
        escape(manifest.name),
        "-" if both is None else _text(both.time_us, 1),
        model_us,
        "-" if both is None else _text(both.energy_uj, 2),
        model_uj,
        "-" if loading is None else _text(loading.time_us, 1),
        _text(measured.softmax_us, 1),
        _text(measured.preparation_us, 1),
        "-" if pick.accuracy is None else f"{100 * pick.accuracy:.2f}",
        "measured before" if len(measured.there) == len(measured.rows) else "",
    ]


def _model(cost: ChipCost | None) -> tuple[str, str]:
    if cost is None:
        return "-", "-"
    return _figure(cost.latency_us, 1), _figure(cost.energy_uj, 2)


def _figure(figure: Figure, decimals: int) -> str:
    estimate = "~" if figure.origin is Origin.ANALYTIC else ""
    return f"{estimate}{figure.value:.{decimals}f}"


def _row(rows: Sequence[Row], window: Window) -> Row | None:
    return next((row for row in rows if row.window is window), None)


def _text(value: float | None, decimals: int) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def measured_json(picks: Sequence[MeasuredPick], path: Path) -> dict[str, Any]:
    """What was measured, for programs."""
    return {"file": str(path), "picks": [_pick_json(one) for one in picks]}


def _pick_json(pick: MeasuredPick) -> dict[str, Any]:
    found: dict[str, Any] = {
        "pick": pick.exported.manifest.name,
        "folder": str(pick.exported.folder),
        "chip": pick.chip,
        "failure": pick.failure or None,
        "accuracy": pick.accuracy,
        "reference_accuracy": pick.expected,
        "samples": pick.samples,
    }
    if pick.measured is not None:
        found |= {
            "simulated": pick.measured.simulated,
            "softmax_us": pick.measured.softmax_us,
            "preparation_us": pick.measured.preparation_us,
            "rows": [row.cells() for row in pick.measured.rows],
            "measured_before": [window.value for window in pick.measured.there],
        }
    return found
