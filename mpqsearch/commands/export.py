# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch export`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mpqsearch.commands.options import (
    DEFAULT_RUNS,
    CacheLimitOption,
    CacheOption,
    JsonOption,
    RunsOption,
    stop_on_terminate,
)
from mpqsearch.errors import StudyError


def export(
    *,
    study: Annotated[
        str | None, typer.Option("--study", "-s", help="A run's name, finished or running.")
    ] = None,
    pick: Annotated[
        str | None,
        typer.Option(
            "--pick",
            help="Members of the front: knee, best, smallest, fastest, tied or all. Without it the"
            " knee, or all where --where is given.",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", help='Only members that meet this, like "accuracy >= 0.98".'),
    ] = None,
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
    as_json: JsonOption = False,
) -> None:
    """Write picks as projects for the chip, with proof that they compute what was scored."""
    from mpqsearch.export.selection import Selection

    selection = Selection(pick, tuple(where or ()), trial, length, bits)
    if study is None and (to is None or not compare):
        raise StudyError("--study is missing: a run's name; --compare can do with --to alone")
    if compare:
        if selection != Selection():
            raise StudyError("--compare shows what is exported; leave out what would be exported")
        _compare(_folder(study, runs, to), as_json=as_json)
        return
    from hardware.chips import CHIPS, chip_named
    from hardware.izer.toolchain import find_toolchain
    from mpqsearch.cache import open_cache
    from mpqsearch.export.export import check_proven, export_picks
    from mpqsearch.export.job import Options
    from mpqsearch.export.table import exports_json, print_exports
    from mpqsearch.opened_study import OpenedStudy
    from mpqsearch.terminal import err

    if no_izer and ai8x_synthesis is not None:
        raise StudyError("--no-izer and --ai8x-synthesis contradict each other; give one")
    toolchain = None if no_izer else find_toolchain(ai8x_synthesis)
    opened = OpenedStudy(runs, study or "")
    if (chip or "").lower() == "both":
        chips = tuple(CHIPS.values())
    else:
        chips = (opened.spec.chip if chip is None else chip_named(chip),)
    options = Options(
        chips, toolchain, overwrite, max_speed, keep_bits, open_cache(cache, cache_bytes)
    )
    stop_on_terminate()
    exported = []
    folder = _folder(study, runs, to)

    def say(line: str) -> None:
        err.print(line, markup=False, soft_wrap=True)

    for one in export_picks(opened, selection, folder, options, say):
        exported.append(one)
    if as_json:
        typer.echo(json.dumps(exports_json(exported), indent=2))
    else:
        if trial is None and length is None:
            say(f"{selection.rule.value}: {selection.rule.meaning}")
        print_exports(exported)
    check_proven(exported)
    say(f"exported to {folder}")
    if toolchain is None:
        say(
            "ai8x-synthesis did not run, so nothing is proven: "
            + (
                "each folder's synthesize.sh runs it"
                if no_izer
                else "install it with mpqsearch izer install, or set AI8X_SYNTHESIS to a checkout,"
                " and export again with --overwrite"
            )
        )


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

    exported = read_exports(folder)
    if as_json:
        typer.echo(json.dumps(exports_json(exported), indent=2))
    else:
        print_exports(exported, board_measurements(folder))
