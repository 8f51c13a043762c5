# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch export`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mpqsearch.commands.options import (
    DEFAULT_RUNS,
    AllowCodeOption,
    CacheLimitOption,
    CacheOption,
    JsonOption,
    OrderOption,
    RunsOption,
    SizeRefOption,
    WhereOption,
    stop_on_terminate,
)
from mpqsearch.errors import StudyError

if TYPE_CHECKING:
    from mpqsearch.export.job import Options
    from mpqsearch.export.selection import Selection
    from mpqsearch.opened_study import OpenedStudy


def export(
    *,
    study: Annotated[
        str | None, typer.Option("--study", "-s", help="A run's name, finished or running.")
    ] = None,
    pick: Annotated[
        str | None,
        typer.Option(
            "--pick",
            help="Members of the front: knee, best, smallest, fastest, tied, ace, forgiving,"
            " lexicographic or all. Without it the knee, or all where --where is given.",
        ),
    ] = None,
    where: WhereOption = None,
    target: Annotated[
        list[str] | None,
        typer.Option("--target", help='For ace: what to reach, like "accuracy >= 0.98".'),
    ] = None,
    size_ref: SizeRefOption = None,
    order: OrderOption = None,
    trial: Annotated[
        int | None, typer.Option("--trial", help="One trial, on the front or not.")
    ] = None,
    length: Annotated[
        int | None, typer.Option("--length", help="One candidate: its input length,")
    ] = None,
    bits: Annotated[str | None, typer.Option("--bits", help="and its bits, like 8-8-2-4.")] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="Folder of the exports; the run's export/ without it."),
    ] = None,
    chip: Annotated[
        str | None,
        typer.Option("--chip", help="MAX78000, MAX78002 or both; the study's without it."),
    ] = None,
    max_speed: Annotated[
        bool,
        typer.Option("--max-speed", help="Load weights and inputs at the full clock (MAX78002)."),
    ] = False,
    keep_bits: Annotated[
        bool,
        typer.Option(
            "--keep-bits",
            help="Write weights at their own bits even where ai8x-synthesis misplaces them.",
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace earlier exports of the same picks.")
    ] = False,
    ai8x_synthesis: Annotated[
        Path | None,
        typer.Option("--ai8x-synthesis", help="Checkout to use; see mpqsearch izer install."),
    ] = None,
    no_izer: Annotated[
        bool, typer.Option("--no-izer", help="Write what ai8x-synthesis reads; do not run it.")
    ] = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="Export nothing; show what is exported there.")
    ] = False,
    runs: RunsOption = DEFAULT_RUNS,
    cache: CacheOption = None,
    cache_bytes: CacheLimitOption = None,
    allow_code: AllowCodeOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write picks as projects for the chip, with proof that they compute what was scored."""
    from mpqsearch.export.selection import Selection

    selection = Selection(
        pick, tuple(where or ()), trial, length, bits, tuple(target or ()), size_ref, order
    )
    if study is None and (to is None or not compare):
        raise StudyError("--study is missing: a run's name; --compare can do with --to alone")
    if compare:
        how = (chip, max_speed, keep_bits, overwrite, ai8x_synthesis, no_izer)
        if selection != Selection() or any(how):
            raise StudyError(
                "--compare shows what is exported; leave out what would be exported, and how"
            )
        _compare(_folder(study, runs, to), as_json=as_json)
        return
    from hardware.izer.toolchain import find_toolchain
    from mpqsearch.cache import open_cache
    from mpqsearch.export.job import Options, chips_named
    from mpqsearch.opened_study import OpenedStudy

    if no_izer and ai8x_synthesis is not None:
        raise StudyError("--no-izer and --ai8x-synthesis contradict each other; give one")
    toolchain = None if no_izer else find_toolchain(ai8x_synthesis)
    opened = OpenedStudy(runs, study or "", allow_code=allow_code)
    chips = (opened.spec.chip,) if chip is None else chips_named(chip)
    if max_speed and "MAX78002" not in [one.name for one in chips]:
        raise StudyError(f"--max-speed is for the MAX78002; leave it out for the {chips[0].name}")
    kept = open_cache(cache, cache_bytes)
    options = Options(chips, toolchain, overwrite, max_speed, keep_bits, kept)
    stop_on_terminate()
    _export(opened, selection, _folder(study, runs, to), options, as_json=as_json)
    if toolchain is None:
        _say(
            "ai8x-synthesis did not run, so nothing is proven: "
            + (
                "each folder's synthesize.sh runs it"
                if no_izer
                else "install it with mpqsearch izer install, or set AI8X_SYNTHESIS to a checkout,"
                " and export again with --overwrite"
            )
        )


def _export(
    opened: "OpenedStudy",
    selection: "Selection",
    folder: Path,
    options: "Options",
    *,
    as_json: bool,
) -> None:
    from mpqsearch.export.export import check_proven, export_picks
    from mpqsearch.export.table import exports_json, print_exports

    exported = []
    try:
        for one in export_picks(opened, selection, folder, options, _say):
            exported.append(one)
    except BaseException as error:
        kept = f"; {len(exported)} exported before, in {folder}" if exported else ""
        if isinstance(error, KeyboardInterrupt):
            _say(f"interrupted; nothing half-written is left{kept}")
        elif exported:
            _say(f"stopped{kept}")
        raise
    if as_json:
        typer.echo(json.dumps(exports_json(exported), indent=2))
    else:
        print_exports(exported)
    check_proven(exported)
    flash = "; docs/export.md says how to build and flash" if options.toolchain else ""
    _say(f"exported to {folder}{flash}")


def _say(line: str) -> None:
    from mpqsearch.terminal import err

    err.print(line, markup=False, soft_wrap=True)


def _folder(study: str | None, runs: Path, to: Path | None) -> Path:
    """Where exports go: a folder of the run, unless said otherwise."""
    if to is not None:
        return to
    from mpqsearch.run_folder import RunFolder, run_name

    return RunFolder(runs, run_name(study or "")).path / "export"


def _compare(folder: Path, *, as_json: bool) -> None:
    from mpqsearch.export.table import (
        board_measurements,
        exports_json,
        print_exports,
        read_exports,
    )

    exported, measured = read_exports(folder), board_measurements(folder)
    if as_json:
        typer.echo(json.dumps(exports_json(exported, measured), indent=2))
    else:
        print_exports(exported, measured)
