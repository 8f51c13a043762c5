# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch replay` and `mpqsearch import`: recorded sweeps."""

import enum
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hardware.nearest import nearest_of
from mpqsearch.commands.options import (
    DEFAULT_RUNS,
    AllowCodeOption,
    JsonOption,
    NameOption,
    RunsOption,
    StudyOption,
    stop_on_terminate,
)
from mpqsearch.errors import StudyError

if TYPE_CHECKING:
    from mpqsearch.replay_run import ReplayRun

TableArgument = Annotated[
    Path, typer.Argument(metavar="TABLE.csv", help="A sweep, one row a training.")
]
ColumnsOption = Annotated[
    str,
    typer.Option(
        "--columns",
        help="What its columns are called, where that is not found: accuracy=val_acc,length=L,"
        "bits=b1+b2,seed=run,seconds=t,costs=us+bytes,unit=percent, or a YAML file of these.",
    ),
]
DEFAULT_SAMPLERS = ("cost-aware", "tpe", "nsga2", "random")
MOST_REPEATS = 10_000


def replay(
    *,
    table: TableArgument,
    sampler: Annotated[
        list[str] | None,
        typer.Option("--sampler", help="Who searches; several times for several. Four without it."),
    ] = None,
    trainings: Annotated[
        int, typer.Option("--runs", min=1, help="Candidates each search may run.")
    ] = 100,
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, max=MOST_REPEATS, help="Searches of each sampler.")
    ] = 20,
    seed: Annotated[
        int,
        typer.Option("--seed", min=0, max=1 << 31, help="Of the first search, then counted up."),
    ] = 0,
    seeds: Annotated[
        str, typer.Option("--seeds", help="What a run trains: one random seed, or all seeds.")
    ] = "one",
    columns: ColumnsOption = "",
    costs: Annotated[
        str | None,
        typer.Option(
            "--costs",
            help="Where costs come from: table (its columns), model (a study's cost model) or"
            " published (latency and size of the published indoor sweep, in its coordinates).",
        ),
    ] = None,
    study: Annotated[
        str | None, typer.Option("--study", "-s", help="Study whose cost model prices candidates.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File (.csv) or folder to save the curve in.")
    ] = None,
    allow_code: AllowCodeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let samplers search a recorded sweep, and show how soon each finds its front."""
    from mpqsearch.replay import Seeds
    from mpqsearch.replay_run import ReplayRequest, ReplayRun
    from mpqsearch.study_file import find_study_file, read_study
    from mpqsearch.sweep_columns import SweepColumns, parse_columns
    from mpqsearch.sweep_costs import CostSource, price_sweep
    from mpqsearch.sweep_table import read_table
    from mpqsearch.terminal import err

    source = None if costs is None else CostSource(_one_of("--costs", costs, CostSource))
    which = Seeds(_one_of("--seeds", seeds, Seeds))
    spec = None
    if study is not None:
        spec = read_study(find_study_file(study), allow_code=allow_code)
    read = read_table(table, parse_columns(columns) if columns else SweepColumns())
    request = ReplayRequest(
        table=read,
        priced=price_sweep(read, source, spec),
        samplers=tuple(dict.fromkeys(sampler or DEFAULT_SAMPLERS)),
        runs=trainings,
        repeats=repeats,
        seed=seed,
        seeds=which,
        out=out,
    )
    run = ReplayRun(request)
    stop_on_terminate()
    try:
        run.run()
    except KeyboardInterrupt:
        _show(run, as_json=as_json, interrupted=True)
        err.print("interrupted; this is what was done until then")
        raise
    _show(run, as_json=as_json, interrupted=False)


def _show(run: "ReplayRun", *, as_json: bool, interrupted: bool) -> None:
    """Saves, prints and draws what was searched."""
    run.save()
    if as_json:
        typer.echo(json.dumps(run.to_json(interrupted=interrupted), indent=2))
    else:
        run.print()
    run.draw()


def import_(
    *,
    table: TableArgument,
    study: StudyOption,
    name: NameOption = None,
    runs: RunsOption = DEFAULT_RUNS,
    columns: ColumnsOption = "",
    allow_code: AllowCodeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a recorded sweep into a run folder, so that front and dashboard show it."""
    from mpqsearch.import_sweep import import_sweep
    from mpqsearch.study_file import find_study_file, read_study
    from mpqsearch.sweep_columns import SweepColumns, parse_columns
    from mpqsearch.sweep_table import read_table
    from mpqsearch.terminal import err, front_json, print_front

    # A run of the table's name, so that the study's own run is not taken.
    run_name = table.stem if name is None else name
    spec = read_study(find_study_file(study), name=run_name, allow_code=allow_code)
    read = read_table(table, parse_columns(columns) if columns else SweepColumns())
    stop_on_terminate()
    try:
        done = import_sweep(read, spec, runs)
    except KeyboardInterrupt:
        err.print("interrupted; the same command goes on from there")
        raise
    if as_json:
        found = front_json(done.about, done.records)
        typer.echo(json.dumps({"added": done.added, **found}, indent=2))
        return
    print_front(done.about, done.records)
    where = "" if runs == DEFAULT_RUNS else f" --runs {shlex.quote(str(runs))}"
    again = f"mpqsearch front --study {shlex.quote(spec.name)}{where}"
    err.print(
        f"{done.added} candidates added, {len(done.records)} in {runs / spec.name}; {again} shows"
        " them again",
        soft_wrap=True,
    )


def _one_of(option: str, given: str, kinds: type[enum.Enum]) -> str:
    """The value given back where it is one of an enum's."""
    names = [str(kind.value) for kind in kinds]
    if given not in names:
        raise StudyError(
            f"{option} must be one of {', '.join(names)} but is {given!r}{nearest_of(given, names)}"
        )
    return given
