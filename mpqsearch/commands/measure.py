# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch measure`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mpqsearch.commands.options import (
    DEFAULT_RUNS,
    AllowCodeOption,
    JsonOption,
    RunsOption,
    stop_on_terminate,
)
from mpqsearch.errors import RunFailed, StudyError

if TYPE_CHECKING:
    from hardware.chips import Chip
    from mpqsearch.export.export import Exported
    from mpqsearch.measure import MeasuredPick, Request
    from mpqsearch.opened_study import OpenedStudy


def measure(
    *,
    folder: Annotated[Path | None, typer.Argument(help="An export, or a folder of them.")] = None,
    study: Annotated[
        str | None,
        typer.Option(
            "--study", "-s", help="Measure this run's exports, on its inputs; figures join it."
        ),
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Without a board: the firmware as a program here.")
    ] = False,
    chip: Annotated[str | None, typer.Option("--chip", help="MAX78000 or MAX78002.")] = None,
    port: Annotated[
        str | None, typer.Option("--port", help="The board's console, where it is not found.")
    ] = None,
    power_port: Annotated[
        str | None, typer.Option("--power-port", help="The power monitor, likewise.")
    ] = None,
    power: Annotated[
        bool, typer.Option("--power/--no-power", help="Whether energies are measured.")
    ] = True,
    flash: Annotated[
        bool,
        typer.Option("--flash/--no-flash", help="Build and flash, or take what the board holds."),
    ] = True,
    adapter: Annotated[
        str | None, typer.Option("--adapter", help="Serial number of the debugger to flash with.")
    ] = None,
    voltage: Annotated[
        float | None,
        typer.Option("--voltage", help="Voltage of the accelerator's rail; the kit's without it."),
    ] = None,
    window_ms: Annotated[
        int, typer.Option("--window-ms", min=10, max=20_000, help="How long a stage is repeated.")
    ] = 1000,
    samples: Annotated[
        int, typer.Option("--samples", min=0, help="Most validation inputs classified on it.")
    ] = 256,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where rows go; measurements.csv beside the exports without."),
    ] = None,
    runs: RunsOption = DEFAULT_RUNS,
    allow_code: AllowCodeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measure exported picks on a board: known answer, latency, energy, accuracy."""
    from hardware.cost.mode import VOLTAGES_V
    from mpqsearch.measure import Request, check_request, chip_of
    from mpqsearch.measure_table import measured_json, print_measured
    from mpqsearch.opened_study import OpenedStudy

    if simulated and (port or power_port or adapter):
        raise StudyError("--simulated asks no port; leave out --port, --power-port and --adapter")
    picks, place = _picks(folder, study, runs)
    on = chip_of(picks, chip)
    request = Request(
        simulated=simulated,
        port=port,
        power_port=power_port,
        power=power,
        flash=flash,
        adapter=adapter,
        voltage_v=VOLTAGES_V[on.name][0] if voltage is None else voltage,
        window_us=1000 * window_ms,
        samples=samples,
        allow_code=allow_code,
    )
    opened = None if study is None else OpenedStudy(runs, study, allow_code=allow_code)
    check_request(picks, on, request, opened)
    path = out or place / ("simulated.csv" if simulated else "measurements.csv")
    stop_on_terminate()
    found = _measured(picks, on, request, path, opened)
    if as_json:
        typer.echo(json.dumps(measured_json(found, path), indent=2))
    else:
        print_measured(found, path)
    failed = [one.exported.manifest.name for one in found if one.failure]
    if failed:
        raise RunFailed(f"{len(failed)} of {len(found)} failed: {', '.join(failed)}")


def _measured(
    picks: "list[Exported]",
    chip: "Chip",
    request: "Request",
    path: Path,
    opened: "OpenedStudy | None",
) -> "list[MeasuredPick]":
    """Measures pick after pick, saying which, and has each join its study."""
    from hardware.board.rows import RowFile
    from mpqsearch.measure import measure_picks
    from mpqsearch.measure_join import join
    from mpqsearch.terminal import err

    def say(line: str) -> None:
        err.print(line, markup=False, soft_wrap=True)

    found = []
    try:
        for pick in measure_picks(picks, chip, request, RowFile(path), opened=opened, say=say):
            found.append(pick)
            if opened is not None and (problem := join(pick, opened)):
                say(problem)
        return found
    except KeyboardInterrupt:
        say(f"interrupted; rows so far are in {path}, the same command goes on")
        raise


def _picks(folder: Path | None, study: str | None, runs: Path) -> "tuple[list[Exported], Path]":
    """The exports meant, and the folder they lie in."""
    from mpqsearch.export.export import Exported as Pick
    from mpqsearch.export.manifest import MANIFEST, read_manifest
    from mpqsearch.export.table import read_exports
    from mpqsearch.run_folder import RunFolder, run_name

    if folder is None:
        if study is None:
            raise StudyError("say what to measure: an export's folder, or --study")
        folder = RunFolder(runs, run_name(study)).path / "export"
    if (folder / MANIFEST).is_file():
        return [Pick(folder, read_manifest(folder))], folder.absolute().parent
    return read_exports(folder), folder
