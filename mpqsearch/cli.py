# SPDX-License-Identifier: Apache-2.0
"""The command line: every command by its name. Heavy imports wait for their command."""

import os
from typing import Annotated

import typer

import mpqsearch
from mpqsearch.commands.dashboard import dashboard
from mpqsearch.commands.export import export
from mpqsearch.commands.front import front
from mpqsearch.commands.machine import cache, doctor, izer_install
from mpqsearch.commands.measure import measure
from mpqsearch.commands.pricing import calibrate, cost
from mpqsearch.commands.report import report
from mpqsearch.commands.search import run
from mpqsearch.commands.sweeps import import_, replay

app = typer.Typer(
    pretty_exceptions_enable=False,
    add_completion=False,
    help="Searches weight bits and input length of small CNNs for the MAX78000 and MAX78002: the"
    " whole trade-off of accuracy, latency, energy and size.",
)
izer_app = typer.Typer(help="The izer: ai8x-synthesis, which makes C code of a network.")

for command in (
    run,
    front,
    report,
    dashboard,
    cost,
    calibrate,
    replay,
    export,
    measure,
    cache,
    doctor,
):
    app.command()(command)
app.command("import")(import_)
izer_app.command("install")(izer_install)
app.add_typer(izer_app, name="izer")


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
