# SPDX-License-Identifier: Apache-2.0
"""Options that several commands take, and what Ctrl-C does."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from mpqsearch.environment import CACHE_VARIABLE, LIMIT_VARIABLE

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
        envvar=CACHE_VARIABLE,
        help="Folder of the float phases kept; without it the user's cache folder.",
    ),
]
CacheLimitOption = Annotated[
    int | None,
    typer.Option(
        "--cache-bytes",
        envvar=LIMIT_VARIABLE,
        min=0,
        help="What they may take in all; 2 GB without it.",
    ),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option("--where", help='Only members that meet this, like "accuracy >= 0.98".'),
]
SizeRefOption = Annotated[
    int | None,
    typer.Option(
        "--size-ref",
        help="Bytes that ace and forgiving compare with; the study's uniform 8 without it.",
    ),
]
OrderOption = Annotated[
    str | None,
    typer.Option(
        "--order",
        help='Objectives for lexicographic, like "accuracy within 0.2%, latency, size".',
    ),
]
AllowCodeOption = Annotated[
    bool,
    typer.Option(
        "--allow-code",
        help="Let the Python file of the study's own task run, now and until it changes; for"
        " measure, Makefiles of exports from elsewhere too.",
    ),
]
DEFAULT_RUNS = Path("runs")


def stop_on_terminate() -> None:
    """Has SIGTERM end the command as Ctrl-C does: everything finished is kept."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
