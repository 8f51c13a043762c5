# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch doctor`, `cache` and `izer install`: what this machine has."""

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

    stop_on_terminate()
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
