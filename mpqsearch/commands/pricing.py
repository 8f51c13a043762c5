# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch cost` and `mpqsearch calibrate`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mpqsearch.commands.options import AllowCodeOption, JsonOption, StudyOption


def cost(
    *,
    study: Annotated[
        str | None, typer.Option("--study", "-s", help="Price a candidate of this study.")
    ] = None,
    length: Annotated[
        int | None, typer.Option("--length", help="Its input length; the full one if not given.")
    ] = None,
    bits: Annotated[
        str | None, typer.Option("--bits", help="Bits of each layer, like 8-8-2-4.")
    ] = None,
    network: Annotated[
        Path | None, typer.Option("--network", help="Price an ai8x network: its YAML file,")
    ] = None,
    checkpoint: Annotated[Path | None, typer.Option("--checkpoint", help="its checkpoint,")] = None,
    input_shape: Annotated[
        str | None, typer.Option("--input", help="and the shape of its input, like 3x32x32.")
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option("--layers", help='Price layer shapes: "2x101: conv 10 k3 p1, linear 4".'),
    ] = None,
    chip: Annotated[str | None, typer.Option("--chip", help="MAX78000 or MAX78002.")] = None,
    clock: Annotated[
        str | None,
        typer.Option("--clock", help="Clock source and divider, like IPLL/2, IPO/2 or ISO."),
    ] = None,
    pipeline: Annotated[
        bool | None, typer.Option("--pipeline/--no-pipeline", help="Pipeline of the MAX78002.")
    ] = None,
    load_mhz: Annotated[
        float | None, typer.Option("--load-mhz", help="Clock while weights load, MHz.")
    ] = None,
    voltage: Annotated[
        float | None, typer.Option("--voltage", help="Voltage of the accelerator, 1.1 or 1.0.")
    ] = None,
    inferences: Annotated[
        int | None,
        typer.Option("--inferences", min=1, help="Share one weight load among so many inputs."),
    ] = None,
    allow_code: AllowCodeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Print what a network costs on the chip, before any training."""
    from hardware.cost.layer_costs import layer_costs
    from hardware.cost.model import CostModel
    from mpqsearch.cost_table import cost_json, print_cost
    from mpqsearch.pricing import resolve_mode, resolve_request

    request = resolve_request(
        study=study,
        length=length,
        network=network,
        checkpoint=checkpoint,
        input_shape=input_shape,
        layers=layers,
        bits=bits,
        chip=chip,
        allow_code=allow_code,
    )
    options = {"clock": clock, "pipeline": pipeline, "load_mhz": load_mhz, "voltage": voltage}
    changed = any(option is not None for option in options.values())
    model = CostModel(
        resolve_mode(request.chip, **options) if changed else request.chip,  # type: ignore[arg-type]
        request.calibration,
        request.input_format,
    )
    priced = model.cost(request.network, request.bits)
    parts = layer_costs(request.network, request.bits, model)
    if as_json:
        typer.echo(json.dumps(cost_json(request, priced, parts), indent=2))
    else:
        print_cost(request, priced, parts, inferences)


def calibrate(
    *,
    measurements: Annotated[Path, typer.Argument(help="CSV file of measurements.")],
    study: StudyOption,
    out: Annotated[
        Path | None, typer.Option("--out", help="Calibration file (.json) to write.")
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Take rows whose source says simulated.")
    ] = False,
    allow_code: AllowCodeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Fit the cost model to measured times and energies, and show how well it predicts them."""
    from mpqsearch.calibrate import calibrate_study, calibration_json, print_calibration
    from mpqsearch.study_file import find_study_file, read_study

    spec = read_study(find_study_file(study), allow_code=allow_code)
    found, errors = calibrate_study(spec, measurements, simulated=simulated)
    if out is not None:
        found.save(out)
    if as_json:
        typer.echo(json.dumps(calibration_json(found, errors, out), indent=2))
    else:
        print_calibration(found, errors, out)
