# SPDX-License-Identifier: Apache-2.0
"""`mpqsearch dashboard`."""

import contextlib
import shlex
from typing import Annotated

import typer

from mpqsearch.commands.options import (
    DEFAULT_RUNS,
    AllowCodeOption,
    RunsOption,
    stop_on_terminate,
)


def dashboard(
    *,
    study: Annotated[str, typer.Option("--study", "-s", help="A run's name, finished or running.")],
    port: Annotated[
        int, typer.Option("--port", help="Port to listen at; 0 takes any that is free.")
    ] = 8080,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen at; 0.0.0.0: all of this machine's.")
    ] = "127.0.0.1",
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    runs: RunsOption = DEFAULT_RUNS,
    allow_code: AllowCodeOption = False,
) -> None:
    """Show a study in optuna-dashboard, also while it runs, until Ctrl-C."""
    from mpqsearch.dashboard.server import check_place, serve
    from mpqsearch.dashboard.view import View
    from mpqsearch.opened_study import OpenedStudy

    def started(address: str) -> None:
        typer.echo(f"{address} (Ctrl-C ends it)")
        if open_page:
            typer.launch(address)

    check_place(host, port)
    runs_option = "" if runs == DEFAULT_RUNS else f" --runs {shlex.quote(str(runs))}"
    view = View(OpenedStudy(runs, study, allow_code=allow_code), runs_option)
    stop_on_terminate()
    with contextlib.suppress(KeyboardInterrupt):  # that is how it is meant to end
        serve(view, host, port, started)
