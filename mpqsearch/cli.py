# SPDX-License-Identifier: Apache-2.0
"""The command line: thin, over what the package offers. Heavy imports wait for their command."""

import json
import os
import shlex
import signal
from pathlib import Path
from typing import Annotated

import typer

import mpqsearch
from mpqsearch.errors import StudyError

app = typer.Typer(
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Searches weight bits and input length of small CNNs for the MAX78000 and MAX78002: the"
    " whole trade-off of accuracy, latency, energy and size.",
)

izer_app = typer.Typer(help="The izer: ai8x-synthesis, which makes C code of a network.")
app.add_typer(izer_app, name="izer")

StudyOption = Annotated[
    str, typer.Option("--study", "-s", help="A study's name, or the path of a study file (.yaml).")
]
RunsOption = Annotated[
    Path, typer.Option("--runs", envvar="MPQSEARCH_RUNS", help="Folder of the run folders.")
]
NameOption = Annotated[
    str | None, typer.Option("--name", help="Name of the run, when not the study file's.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        envvar="MPQSEARCH_CACHE",
        help="Folder of the float phases kept; without it the user's cache folder.",
    ),
]
CacheLimitOption = Annotated[
    int | None,
    typer.Option(
        "--cache-bytes",
        envvar="MPQSEARCH_CACHE_BYTES",
        min=0,
        help="What they may take in all; 2 GB without it.",
    ),
]
DEFAULT_RUNS = Path("runs")
MOST_THREADS = 1024


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mpqsearch {mpqsearch.__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error came from.")
    ] = False,
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options in front of every command."""
    if traceback:
        os.environ["MPQSEARCH_TRACEBACK"] = "1"


@app.command()
def run(
    *,
    study: StudyOption,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Folder of the task's data; without it the task's own."),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option("--trials", help="Candidates in all, earlier runs of the study included."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Seed of trainings and sampler.")
    ] = None,
    name: NameOption = None,
    runs: RunsOption = DEFAULT_RUNS,
    threads: Annotated[
        int,
        typer.Option(
            "--threads",
            envvar="MPQSEARCH_THREADS",
            help="Threads of the trainings; more than one pays for large networks only.",
        ),
    ] = 1,
    cache: CacheOption = None,
    cache_bytes: CacheLimitOption = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Keep no float phases, and use none.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Search a study's space, or go on with it, and print the front."""
    from mpqsearch.study_file import find_study_file, read_study

    if not 1 <= threads <= MOST_THREADS:
        raise StudyError(f"--threads must be in 1..{MOST_THREADS} but is {threads}")
    path = find_study_file(study)
    spec = read_study(path, name=name, folder=data, trials=trials, seed=seed)
    # After the study, so that a bad one is refused before torch is imported.
    from mpqsearch.cache import open_cache
    from mpqsearch.run import run_study
    from mpqsearch.terminal import TerminalProgress, err, front_json, print_front

    kept = None if no_cache else open_cache(cache, cache_bytes)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with TerminalProgress() as progress:
            about, records = run_study(spec, runs, progress, threads, kept)
    except KeyboardInterrupt:
        err.print("interrupted; everything finished is kept, the same command goes on from there")
        raise
    if as_json:
        typer.echo(json.dumps(front_json(about, records), indent=2))
    else:
        print_front(about, records)
        where = "" if runs == DEFAULT_RUNS else f" --runs {shlex.quote(str(runs))}"
        again = f"mpqsearch front --study {shlex.quote(spec.name)}{where}"
        err.print(f"kept in {runs / spec.name}; {again} shows it again", soft_wrap=True)


@app.command()
def front(
    *,
    study: Annotated[str, typer.Option("--study", "-s", help="A run's name.")],
    runs: RunsOption = DEFAULT_RUNS,
    as_json: JsonOption = False,
) -> None:
    """Print the front of a study, finished or still running."""
    from mpqsearch.run_folder import RunFolder
    from mpqsearch.storage import about_of, open_finished, records_of, storage_errors
    from mpqsearch.terminal import front_json, print_front

    name = Path(study).stem if study.endswith((".yaml", ".yml")) else study
    folder = RunFolder(runs, name)
    opened = open_finished(folder, name)
    with storage_errors(folder.storage_path):
        about, records = about_of(opened), records_of(opened)
    if as_json:
        typer.echo(json.dumps(front_json(about, records), indent=2))
    else:
        print_front(about, records)


@app.command()
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


@app.command()
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
    as_json: JsonOption = False,
) -> None:
    """Fit the cost model to measured times and energies, and show how well it predicts them."""
    from mpqsearch.calibrate import calibrate_study, calibration_json, print_calibration
    from mpqsearch.study_file import find_study_file, read_study

    spec = read_study(find_study_file(study))
    found, errors = calibrate_study(spec, measurements, simulated=simulated)
    if out is not None:
        found.save(out)
    if as_json:
        typer.echo(json.dumps(calibration_json(found, errors, out), indent=2))
    else:
        print_calibration(found, errors, out)


@app.command()
def cache(
    *,
    folder: CacheOption = None,
    limit: CacheLimitOption = None,
    clear: Annotated[bool, typer.Option("--clear", help="Delete everything in it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the float phases that are kept for later runs, or delete them."""
    from mpqsearch.cache import cache_json, clear_cache, entries_of, open_cache, print_cache

    kept = open_cache(folder, limit)
    entries = entries_of(kept)
    if clear:
        freed = clear_cache(kept)
        told = {"folder": str(kept.path), "removed": len(entries), "freed_bytes": freed}
        said = f"{len(entries)} entries, {freed / 1e6:.1f} MB, deleted from {kept.path}"
        typer.echo(json.dumps(told, indent=2) if as_json else said)
    elif as_json:
        typer.echo(json.dumps(cache_json(kept, entries), indent=2))
    else:
        print_cache(kept, entries)


@app.command()
def doctor(*, runs: RunsOption = DEFAULT_RUNS, as_json: JsonOption = False) -> None:
    """Check that this machine has what a run needs, and say the next step where not."""
    from mpqsearch.doctor import examine
    from mpqsearch.terminal import out

    findings = list(examine(runs))
    if as_json:
        typer.echo(json.dumps([finding.__dict__ for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = "ok" if finding.well else ("MISSING" if finding.needed else "later")
            out.print(f"{mark:8}{finding.what:20} {finding.found}", markup=False, soft_wrap=True)
    if any(finding.needed and not finding.well for finding in findings):
        raise StudyError("this machine is not ready for a run; see the lines marked MISSING")


@izer_app.command("install")
def izer_install(
    *,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Clone this git repository, not the one on GitHub."),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option("--python", help="Interpreter of its environment, 3.10 to 3.12."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace an installation that is there.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Install ai8x-synthesis, at the commit our tests use, in an environment of its own."""
    from mpqsearch.izer_install import install_izer, installation_json, installation_text

    signal.signal(signal.SIGTERM, _interrupt)
    try:
        done = install_izer(
            source, python, force=force, say=lambda line: typer.echo(line, err=True)
        )
    except KeyboardInterrupt:
        typer.echo("interrupted; nothing was installed, the same command starts again", err=True)
        raise
    if as_json:
        typer.echo(json.dumps(installation_json(done), indent=2))
    else:
        typer.echo(installation_text(done))


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
