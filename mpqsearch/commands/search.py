# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch run`."""

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from mpqsearch.commands.options import (
    DEFAULT_RUNS,
    AllowCodeOption,
    CacheLimitOption,
    CacheOption,
    JsonOption,
    NameOption,
    RunsOption,
    StudyOption,
    stop_on_terminate,
)
from mpqsearch.environment import STORAGE_VARIABLE
from mpqsearch.errors import StudyError

FAILED_RUN = 1


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
    warm_start: Annotated[
        str | None,
        typer.Option(
            "--warm-start",
            help="Baselines that propose the first candidates, with commas between: uniform,"
            " memory-driven, hawq, entropy, forgiving.",
        ),
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
    exhaustive: Annotated[
        bool,
        typer.Option(
            "--exhaustive",
            help="Train every candidate of the space once, in an order that may be stopped early.",
        ),
    ] = False,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            envvar="MPQSEARCH_WORKERS",
            help="Processes that train at once, each with its own threads.",
        ),
    ] = 1,
    confirm: Annotated[
        int | None,
        typer.Option(
            "--confirm",
            help="When the budget is filled: further seeds, up to so many in all, where they can"
            " change who is on the front.",
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            help='What --confirm settles instead: the smallest with, like, "accuracy >= 0.98".',
        ),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage",
            envvar=STORAGE_VARIABLE,
            help="Database or gRPC proxy that several machines share, as a URL; without it the"
            " study is a file in the run folder.",
        ),
    ] = None,
    device: Annotated[
        str, typer.Option("--device", help="Where trainings run: auto, cpu or cuda.")
    ] = "auto",
    cache: CacheOption = None,
    cache_bytes: CacheLimitOption = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Keep no float phases, and use none.")
    ] = False,
    allow_code: AllowCodeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Search a study's space, or go on with it, and print the front."""
    from mpqsearch.study_file import find_study_file, read_study

    if target and confirm is None:
        raise StudyError("--target says what --confirm settles; give --confirm 5, or leave it out")
    address = None
    if storage is not None:
        from mpqsearch.storage_address import StorageAddress

        address = StorageAddress.parse(storage)
    path = find_study_file(study)
    baselines = None if warm_start is None else [one.strip() for one in warm_start.split(",")]
    spec = read_study(
        path,
        name=name,
        allow_code=allow_code,
        folder=data,
        trials=trials,
        seed=seed,
        warm_start=baselines,
    )
    if exhaustive:
        if trials is not None:
            raise StudyError("--exhaustive trains the whole space; leave out --trials")
        spec = spec.exhaustive
    # After the study, so that a bad one is refused before torch is imported.
    from mpqsearch.cache import open_cache
    from mpqsearch.confirm import Confirm
    from mpqsearch.machine import Machine
    from mpqsearch.nothing_fits import nothing_fits
    from mpqsearch.run import run_study
    from mpqsearch.target import parse_target
    from mpqsearch.terminal import TerminalProgress, err, front_json, print_front
    from mpqsearch.trials import Outcome

    confirmed = None
    if confirm is not None:
        confirmed = Confirm(confirm, parse_target(target) if target else None, _say)
    kept = None if no_cache else open_cache(cache, cache_bytes)
    machine = Machine(workers=workers, threads=threads, device=device, cache=kept, storage=address)
    stop_on_terminate()
    try:
        with TerminalProgress() as progress:
            about, records = run_study(spec, runs, progress, machine, confirmed)
    except KeyboardInterrupt:
        err.print("interrupted; everything finished is kept, the same command goes on from there")
        raise
    hint = nothing_fits(spec, records)
    if as_json:
        typer.echo(json.dumps({**front_json(about, records), "nothing_fits": hint}, indent=2))
    else:
        print_front(about, records)
        if hint:
            typer.echo(hint)
        where = "" if runs == DEFAULT_RUNS else f" --runs {shlex.quote(str(runs))}"
        again = f"mpqsearch front --study {shlex.quote(spec.name)}{where}"
        err.print(f"kept in {runs / spec.name}; {again} shows it again", soft_wrap=True)
    if not any(record.outcome is Outcome.SCORED for record in records):
        raise typer.Exit(FAILED_RUN)  # a budget that is used up and no front


def _say(line: str) -> None:
    from mpqsearch.terminal import err

    err.print(line, markup=False, soft_wrap=True)
